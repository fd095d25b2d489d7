"""A way to an API server whose user dies after some of its writes."""

from typing import Any

from aryl.kube.client import KubeApi
from tests.service.stage import Killed


class DyingApi(KubeApi):
    """Dies right after every `every`-th write that was done, `deaths` times at most."""

    writes = 0
    deaths_left = 0
    every = 1

    def _write(self, *words: Any, **more: Any) -> Any:
        answer = super()._write(*words, **more)
        plan = type(self)
        plan.writes += 1
        if plan.deaths_left and plan.writes % plan.every == 0:
            plan.deaths_left -= 1
            raise Killed
        return answer


def dying(every: int, deaths: int = 200) -> type[DyingApi]:
    """A class of such ways, with a count of its own."""
    return type("Dying", (DyingApi,), {"writes": 0, "every": every, "deaths_left": deaths})
