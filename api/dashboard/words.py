"""Numbers and times as people read them, the same on every page; a dash where there is none."""

from datetime import UTC, datetime
from itertools import pairwise
from math import floor, isfinite

NOTHING = "\N{EN DASH}"
_SPACE = "\N{NO-BREAK SPACE}"  # a number never parts from its unit
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
_UNITS = ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "m"), (1, "s"))
_PAIRS = tuple(pairwise(_UNITS))

# Cluster time is seconds since the epoch on a real cluster, and since its start on an emulated one,
# which no emulation goes on for as long as this: the year 2001, or 31 years.
_EPOCH_S = 1_000_000_000.0


def duration(seconds: float | None) -> str:
    """The two largest units: `0.4 s`, `45 s`, `12 m 30 s`, `2 h 05 m`, `3 d 04 h`."""
    if seconds is None or not isfinite(seconds):
        return NOTHING
    if 0 < seconds < 1:
        return f"{seconds:.1f}{_SPACE}s" if seconds >= 0.1 else f"<0.1{_SPACE}s"
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole}{_SPACE}s"
    (large_s, large), (small_s, small) = next(pair for pair in _PAIRS if whole >= pair[0][0])
    first, rest = divmod(whole, large_s)
    return f"{first:,}{_SPACE}{large} {rest // small_s:02}{_SPACE}{small}"


def moment(time_s: float | None) -> str:
    """A point of cluster time: `day 3 08:10` since an emulated start, else date and time in UTC."""
    if time_s is None or not isfinite(time_s):
        return NOTHING
    if time_s >= _EPOCH_S:
        return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M}"
    days, rest = divmod(floor(time_s), _DAY_S)
    return f"day{_SPACE}{days} {rest // _HOUR_S:02}:{rest % _HOUR_S // _MINUTE_S:02}"


def count(value: float | None) -> str:
    """A number with its thousands apart; a decimal only below 100 and where it is not whole."""
    if value is None or not isfinite(value):
        return NOTHING
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.1f}"


def share(part: float | None, whole: float | None = 1.0) -> str:
    """A part as whole per cent, of nothing a dash."""
    if part is None or not whole:
        return NOTHING
    return f"{100 * part / whole:.0f}{_SPACE}%"


def several(number: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 job`, `2 jobs`."""
    return f"{count(number)}{_SPACE}{one if number == 1 else many or one + 's'}"


def speed(times: float | None) -> str:
    """How many times as fast as the wall clock."""
    return NOTHING if times is None else f"{times:g}\N{MULTIPLICATION SIGN}"
