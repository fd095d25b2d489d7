"""A scheduler that goes on through faults as the service does: what failed is tried again."""

from collections.abc import Callable
from typing import Any

from aryl.kube.client import KubeApi
from aryl.kube.errors import UNAVAILABLE, KubeError, Unreachable
from tests.kubernetes.daemons import wait_until
from tests.kubernetes.stage import KubeStage


def go_on(stage: KubeStage, holds: Callable[[], object], limit_s: float = 60.0) -> list[KubeError]:
    """Step, a second of cluster time each, until it holds; what was met on the way.

    After a failure it leads anew, for another term and with a look at everything. Unlike
    `KubeStage.settle` it does not wait until the mirror has caught up.
    """
    met: list[KubeError] = []
    leads = True

    def look() -> object:
        nonlocal leads
        stage.now += 1.0
        try:
            if not leads:
                stage.begin()
            leads = True
            stage.scheduler.step(stage.now)
        except UNAVAILABLE as error:
            met.append(error)
            leads = False
        stage.kubelets.settle()
        return leads and holds()

    wait_until(look, limit_s)
    return met


class HeardOfNothing(KubeApi):
    """Its writes are done; `lose` says after which of them, by count, the answer is lost."""

    writes = 0
    lose: Callable[[int], bool]

    def _write(self, *words: Any, **more: Any) -> Any:
        answer = super()._write(*words, **more)
        plan = type(self)
        plan.writes += 1
        if plan.lose(plan.writes):
            raise Unreachable(self.server, "the answer was lost")
        return answer


def losing(lose: Callable[[int], bool]) -> type[HeardOfNothing]:
    """A class of such ways, with a count of its own."""
    return type("Losing", (HeardOfNothing,), {"writes": 0, "lose": staticmethod(lose)})
