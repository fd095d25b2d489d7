"""A service on Kubernetes: how its parts are put together, and `aryl kube`."""
