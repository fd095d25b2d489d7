"""The verbs of the command line; importing this makes them all."""

from aryl.client.verbs import cluster, happenings, jobs, plans
from aryl.client.verbs.verb import HEADINGS
from aryl.client.verbs.verb import app as verbs

__all__ = ["cluster", "happenings", "jobs", "plans", "verbs"]

verbs.registered_commands.sort(key=lambda command: HEADINGS.index(str(command.rich_help_panel)))
