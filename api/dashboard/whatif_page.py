"""What if: a job, a number of servers, or a policy that is not there."""

from api.dashboard.shell import Visit


async def build(visit: Visit) -> None:
    """Build the page."""
    with visit.page("What if"):
        pass
