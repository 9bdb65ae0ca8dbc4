"""Limits and how near a plan comes to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from directory_sync.plan.model import EMPTY_SOURCE, LimitCheck

_KINDS: Mapping[str, str] = {
    "create": "Creates",
    "update": "Updates",
    "delete": "Deletes",
    "disable": "Disables",
    "move": "Moves",
    "clear": "Clears",
    "members": "Members removed",
    "memberships": "Members removed from all groups",
    EMPTY_SOURCE: "Empty source",
}
_CLOSE = 0.8
"""From this share of what is allowed on, a limit is close."""


@dataclass(frozen=True, slots=True)
class Meter:
    """One limit.

    Attributes:
        name: what is counted; `subject` the field or group it is about.
        text: how it stands, in words.
        tone: `near` (far from it), `close`, `over`.
        used: percent of what is allowed, at most 100.
    """

    name: str
    subject: str
    text: str
    tone: str
    used: float


def limit_meters(checks: Iterable[LimitCheck]) -> tuple[Meter, ...]:
    """The limits, those that are exceeded first, then the nearest ones; without those that allow
    everything.
    """
    meters = [(_share(check), check) for check in checks if check.allowed is not None]
    meters.sort(key=lambda pair: -pair[0])
    return tuple(_meter(check, share) for share, check in meters)


def _meter(check: LimitCheck, share: float) -> Meter:
    kinds = [_KINDS.get(kind, kind) for kind in check.kind.split("+")]
    name = kinds[0] if len(kinds) == 1 else f"{', '.join(kinds[:-1])} and {kinds[-1]}"
    tone = "over" if check.exceeded else "close" if share >= _CLOSE else "near"
    recent = f" and {check.recent:,} made recently" if check.recent else ""
    text = f"{check.planned:,} planned{recent}, {check.allowed:,} allowed{_why(check)}"
    if check.exceeded:
        text = f"{text}: over the limit"
    return Meter(name.capitalize(), check.subject, text, tone, round(min(share, 1) * 100, 2))


def _why(check: LimitCheck) -> str:
    """Where the allowed number comes from, if a percentage is part of it: ` (5% of 470)`,
    ` (5% of 20,000, at most 500)`.
    """
    parts = check.limit.strip("[]").split(", ")
    percent = next((part for part in parts if part.endswith("%")), None)
    if percent is None or check.allowed is None:
        return ""
    bound = ""
    if str(check.allowed) in parts:
        bound = f", at most {check.allowed:,}"
    elif check.allowed * 100 > float(percent[:-1]) * check.base:
        bound = f", at least {check.allowed:,}"
    return f" ({percent} of {check.base:,}{bound})"


def _share(check: LimitCheck) -> float:
    if check.exceeded:
        return 1 + (check.planned + check.recent) / max(check.allowed or 0, 1)
    return min(1.0, (check.planned + check.recent) / check.allowed) if check.allowed else 0.0
