"""The demand of inference at each step: what a forecast is made of, and what is needed at once."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from aryl.kube.demand.bins import DemandBins
from aryl.kube.demand.packing import servers_now
from aryl.kube.demand.prometheus import Prometheus
from aryl.kube.demand.promql import Unit
from aryl.kube.demand.scaling import Sizes, wanted_gpus
from aryl.kube.demand.serving import Asked, asked_for, inference_judge
from aryl.kube.picture import Picture
from aryl.model.demand import DemandHistory


class DemandSource(StrEnum):
    """Who says how much inference needs."""

    PODS = "pods"  # the GPUs that inference pods request, those that wait among them
    HPA = "hpa"  # also what autoscalers want beyond their pods
    PROMQL = "promql"  # Prometheus; pods while it has no answer


@dataclass(frozen=True, slots=True)
class _Look:
    """What was made of a picture, for as long as nothing of it changes."""

    version: int
    home: Collection[str]
    told: float | None
    needed: float
    at_once: float


class Demand:
    """Looks at pictures, and remembers."""

    def __init__(
        self,
        source: DemandSource,
        inference_selector: str = "",
        past: Iterable[tuple[float, float]] = (),
        prometheus: Prometheus | None = None,
    ) -> None:
        """Begin with bins of the past: when each starts, and its servers. Raises `BadInput`.

        Prometheus is asked for where the source is `PROMQL`; whoever gives it closes it.
        """
        assert (source is DemandSource.PROMQL) == (prometheus is not None)
        self._source, self._prometheus = source, prometheus
        self._is_inference = inference_judge(inference_selector)
        self._bins = DemandBins(past)
        self._sizes: Sizes = {}
        self._look: _Look | None = None
        self.hopeless: tuple[str, ...] = ()  # inference pods that no inference node can ever run

    def look(
        self, picture: Picture, now: float, home: Collection[str]
    ) -> tuple[DemandHistory, float]:
        """Inference demand in servers: by bins that have ended, and at this moment.

        `now` is cluster time. `home` names the inference servers that are at home and fit to serve.
        A step of nothing new costs nothing and answers the same.
        """
        if self._prometheus is not None and (past := self._prometheus.take_past()):
            asked = asked_for(picture, self._is_inference)
            self._bins.fill((at_s, self._servers(asked, value)) for at_s, value in past)
        look = self._look
        told = None if self._prometheus is None else self._prometheus.latest()
        if (
            look is None
            or (look.version, look.told) != (picture.version, told)
            or look.home != home
        ):
            look = self._look = self._looked(picture, told, home)
        self._bins.see(now, look.needed)
        return self._bins.history(), look.at_once

    def _looked(self, picture: Picture, told: float | None, home: Collection[str]) -> _Look:
        asked = asked_for(picture, self._is_inference)
        self.hopeless = asked.hopeless
        needed = self._needed(asked, picture, told)
        at_once = max(needed, float(servers_now(asked, picture, home)))
        return _Look(picture.version, home, told, needed, at_once)

    def _needed(self, asked: Asked, picture: Picture, told: float | None) -> float:
        """The source's demand in servers."""
        if told is not None:
            return self._servers(asked, told)
        if self._source is DemandSource.HPA:
            gpus, self._sizes = wanted_gpus(asked, picture.scalers.values(), self._sizes)
            return asked.servers(gpus)
        return asked.servers(asked.gpus)

    def _servers(self, asked: Asked, told: float) -> float:
        """Prometheus' answer in servers."""
        assert self._prometheus is not None, "it has answered"
        return told if self._prometheus.query.unit is Unit.SERVERS else asked.servers(told)
