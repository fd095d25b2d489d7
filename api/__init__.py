"""The service over HTTP, and where its parts are put together."""
