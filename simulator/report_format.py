"""Numbers as people read them: durations, shares and counts, a dash where there is none."""

from math import isfinite, isnan

NOTHING = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"
_SPACE = "\N{NO-BREAK SPACE}"  # a number never parts from its unit
_MINUTE_S, _HOUR_S, _DAY_S = 60.0, 3600.0, 86400.0

# Ticks for a logarithmic axis of seconds; nobody reads 10⁴ s as "under three hours". Those between
# have no name, so that the others have room on a phone.
LOG_TICKS_S = {
    1.0: "1 s",
    10.0: "",
    60.0: "1 min",
    600.0: "",
    3600.0: "1 h",
    36000.0: "",
    86400.0: "1 d",
    864000.0: "10 d",
    8640000.0: "100 d",
}


def duration(seconds: float | None) -> str:
    """A decimal and the largest unit that fits: `55 s`, `51.2 min`, `4.6 h`, `4.4 d`."""
    if seconds is None or not isfinite(seconds):
        return NOTHING
    if seconds < _MINUTE_S:
        return f"{quantity(seconds) if seconds < 10 else round(seconds)}{_SPACE}s"
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.1f}{_SPACE}min"
    if seconds < 2 * _DAY_S:
        return f"{seconds / _HOUR_S:.1f}{_SPACE}h"
    return f"{seconds / _DAY_S:,.1f}{_SPACE}d"


def quantity(value: float | None) -> str:
    """A number with thousands apart; decimals only below 100 and where it is not whole."""
    if value is None or not isfinite(value):
        return NOTHING
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}"


def percent(share: float | None) -> str:
    """A share as per cent with a decimal, two below one per cent: `72.0 %`, `0.26 %`."""
    if share is None or not isfinite(share):
        return NOTHING
    points = 100 * share
    if points == 0:
        return f"0{_SPACE}%"
    return f"{points:.{1 if abs(points) >= 1 else 2}f}{_SPACE}%"


def times(ratio: float | None) -> str:
    """How many times as short, with two decimals; infinite when nothing is left."""
    if ratio is None or isnan(ratio):
        return NOTHING
    return f"{ratio:.2f}{TIMES}" if isfinite(ratio) else f"\N{INFINITY}{TIMES}"
