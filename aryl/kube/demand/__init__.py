"""What inference needs of its pool, as a Kubernetes cluster or Prometheus tells it."""
