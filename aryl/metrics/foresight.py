"""How far forecasts of inference demand were off, once the demand has come."""

from collections import deque
from dataclasses import dataclass

PENDING_MAX = 1_000  # forecasts whose time is not over: one for each look within a lead time


@dataclass(slots=True)
class _Forecast:
    """A forecast, when its time is over, and the largest demand that came so far."""

    servers: float
    until_s: float
    largest_servers: float | None = None


class Foresight:
    """Holds each forecast against the largest demand within its lead time."""

    def __init__(self, lead_s: float) -> None:
        """Forecasts look `lead_s` ahead."""
        self._lead_s = lead_s
        self._pending: deque[_Forecast] = deque(maxlen=PENDING_MAX)

    def foreseen(self, servers: float, now: float) -> None:
        """A forecast was made."""
        self._pending.append(_Forecast(servers, now + self._lead_s))

    def came(self, demand_servers: float, now: float) -> float | None:
        """Note demand; the error of the last forecast whose time is over since, if any is.

        Above 0: more was foreseen than came.
        """
        error = None
        while self._pending and self._pending[0].until_s < now:
            over = self._pending.popleft()
            if over.largest_servers is not None:
                error = over.servers - over.largest_servers
        for forecast in self._pending:
            forecast.largest_servers = max(forecast.largest_servers or 0.0, demand_servers)
        return error
