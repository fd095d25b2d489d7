"""`aryl replay`: a trace's jobs, submitted to a service at the times at which they once were."""

from api.replay.command import app

__all__ = ["app"]
