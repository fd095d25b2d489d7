"""The client: speaks HTTP to a service, and knows nothing of what stands behind it."""
