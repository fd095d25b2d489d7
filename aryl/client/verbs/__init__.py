"""The verbs of the command line; importing this makes them all."""

from aryl.client.verbs import jobs
from aryl.client.verbs.verb import app as verbs

__all__ = ["jobs", "verbs"]
