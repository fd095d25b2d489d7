"""A service on Kubernetes: its settings, and how its parts are put together."""
