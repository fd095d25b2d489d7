"""Durations as people write them: 90s, 15m, 2h, 1d, 1h30m."""

import re

_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")

EXPECTED = "a duration such as 90s, 15m, 2h, 1d or 1h30m; a bare number is seconds"


def seconds_of(text: str) -> float:
    """The seconds that a text means. Raises ValueError, which says what is expected."""
    compact = text.strip().lower().replace(" ", "")
    if re.fullmatch(r"\d+(?:\.\d+)?", compact):
        return float(compact)
    if not _WHOLE.fullmatch(compact):
        raise ValueError(f"{text!r} is no duration; expected {EXPECTED}")
    return sum(float(count) * _UNIT_S[unit] for count, unit in _PART.findall(compact))


def duration_text(seconds: float) -> str:
    """Seconds in the two largest units that say something: 45s, 12m 05s, 3h 20m, 2d 04h."""
    whole = round(seconds)
    if whole < 0:
        return f"-{duration_text(-seconds)}"
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days:,}d {hour:02}h"
    if hours:
        return f"{hours}h {minute:02}m"
    return f"{minutes}m {second:02}s" if minutes else f"{second}s"
