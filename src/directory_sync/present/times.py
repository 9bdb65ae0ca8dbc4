"""Times and durations in words.

The browser turns each time into the user's own zone; what stands here is UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def moment_text(at: datetime) -> str:
    """A time as it stands on a page without JavaScript."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def moment_iso(at: datetime) -> str:
    """A time for the attribute `datetime`."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def duration_text(duration: timedelta) -> str:
    """A duration in its two largest units: `2 days 3 hours`."""
    seconds = max(0, int(duration.total_seconds()))
    parts: list[str] = []
    for index, (size, name) in enumerate(_UNITS):
        number, rest = divmod(seconds, size)
        if number:
            parts.append(_count(number, name))
            if index + 1 < len(_UNITS) and (smaller := rest // _UNITS[index + 1][0]):
                parts.append(_count(smaller, _UNITS[index + 1][1]))
            break
    return " ".join(parts) or "less than a minute"


def ahead_text(at: datetime, now: datetime) -> str:
    """When something will be, seen from now and rounded: `in 2 days`; `any moment now` once it is due."""
    if at <= now:
        return "any moment now"
    # Otherwise what was just filed with 14 days would expire in 13 days 23 hours.
    rounding = timedelta(minutes=30) if at - now > timedelta(days=1) else timedelta(seconds=30)
    return f"in {duration_text(at - now + rounding)}"


def seconds_text(duration: timedelta) -> str:
    """How long work took: `0.4 s`, `12 s`, `3 minutes`."""
    seconds = duration.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 60 else duration_text(duration)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
