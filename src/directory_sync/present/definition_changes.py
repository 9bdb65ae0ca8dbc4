"""What a version of a definition changes, in words: for pages, mail and the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from directory_sync.collections.changes import ChangeCode, DefinitionChange
from directory_sync.definition.models import LimitKind
from directory_sync.printable import printable

_LONGEST_VALUE = 120
"""Characters of one value that a line shows."""


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One line; the same change of several jobs is one.

    Attributes:
        jobs: those that it is about; empty for the collection.
        text: what changed, without the jobs.
        weakens: objects are protected less than before.
    """

    jobs: tuple[str, ...]
    text: str
    weakens: bool

    def __str__(self) -> str:
        return f"{', '.join(self.jobs)}: {self.text}" if self.jobs else self.text


def change_lines(changes: Iterable[DefinitionChange]) -> tuple[ChangeLine, ...]:
    """The changes as lines, in their order, which has first what protects less."""
    jobs: dict[tuple[str, bool], list[str]] = {}
    for change in changes:
        named = jobs.setdefault((printable(_text(change)), change.weakens), [])
        if change.job:
            named.append(printable(change.job))
    return tuple(ChangeLine(tuple(named), text, weakens) for (text, weakens), named in jobs.items())


def stored_change_lines(changes: Iterable[Mapping[str, Any]]) -> tuple[ChangeLine, ...]:
    """The same of changes as they are stored."""
    return change_lines(map(DefinitionChange.from_json, changes))


_LIMITS = {
    LimitKind.CREATE: "creations",
    LimitKind.UPDATE: "updates",
    LimitKind.CLEAR: "cleared fields",
    LimitKind.DELETE: "deletions",
    LimitKind.DISABLE: "disables",
    LimitKind.MOVE: "moves",
    LimitKind.MEMBERS: "members removed from one group",
    LimitKind.MEMBERSHIPS: "members removed from all groups",
}
_PLAIN = {
    ChangeCode.CREATED: "collection created",
    ChangeCode.DELETED: "collection deleted",
    ChangeCode.TEXT_ONLY: "only comments, layout or spelling changed",
    ChangeCode.UNKNOWN: "what changed cannot be told: the version before cannot be read by this version",
    ChangeCode.POLICY_ADDED: "approval policy added",
    ChangeCode.POLICY_REMOVED: "approval policy removed",
    ChangeCode.FIELDS_REORDERED: "order of fields changed",
    ChangeCode.JOB_ENABLED: "job enabled",
    ChangeCode.JOB_DISABLED: "job disabled",
}
_PARTS_OF_ADDED = {
    "approval": "under a looser approval policy than jobs had before",
    "limits": "with looser limits than a job that is gone",
}
_LIMIT_VERBS = {
    ChangeCode.LIMIT_RAISED: "raised",
    ChangeCode.LIMIT_REMOVED: "removed",
    ChangeCode.LIMIT_LOWERED: "lowered",
    ChangeCode.LIMIT_CHANGED: "changed",
}
_NAMED = {
    ChangeCode.WINDOW_SHORTENED: "time for which earlier removals count shortened",
    ChangeCode.WINDOW_LENGTHENED: "time for which earlier removals count lengthened",
    ChangeCode.REMOVE_CHANGED: "objects that may be removed",
    ChangeCode.MISSING_CHANGED: "records missing at the source",
    ChangeCode.KEYS_CHANGED: "key fields",
    ChangeCode.JOBS_REORDERED: "order of jobs",
    ChangeCode.OWNERS_CHANGED: "owners",
}


def _text(change: DefinitionChange) -> str:
    code, key, was, now = change.code, change.key, _value(change.old), _value(change.new)
    if code in _PLAIN:
        return _PLAIN[code]
    if code in _LIMIT_VERBS:
        return f"limit on {_limit(key)} {_LIMIT_VERBS[code]}: {_limited(change.old)} → {_limited(change.new)}"
    match code:
        case ChangeCode.POLICY_LOOSENED | ChangeCode.POLICY_CHANGED:
            verb = "loosened" if code is ChangeCode.POLICY_LOOSENED else "changed"
            return f"approval policy {verb}: {', '.join(_part(change, part) for part in change.parts)}"
        case ChangeCode.RENAMED:
            return f"collection renamed: {was} → {now}"
        case ChangeCode.RESTORED:
            return f"version {now} restored"
        case ChangeCode.MORE:
            return f"{now} more changes"
        case ChangeCode.FIELD_ADDED:
            return f"field {key} added: {now}"
        case ChangeCode.FIELD_REMOVED:
            return f"field {key} removed"
        case ChangeCode.FIELD_CHANGED:
            return f"field {key}: {was} → {now}"
        case ChangeCode.JOB_ADDED:
            return f"job added{_less_protected(change)}: {now}"
        case ChangeCode.JOB_REMOVED:
            return "job removed"
        case _:
            return f"{_NAMED.get(code, key)}: {was} → {now}"


def _less_protected(change: DefinitionChange) -> str:
    facts = change.new if isinstance(change.new, Mapping) else {}
    said = []
    if change.weakens and not facts.get("approval"):
        said.append("without an approval policy")
    said += [_PARTS_OF_ADDED[part] for part in change.parts if part in _PARTS_OF_ADDED]
    return f" {' and '.join(said)}" if said else ""


def _limit(key: str) -> str:
    kind = key.rpartition(".")[2]
    return _LIMITS[LimitKind(kind)] if kind in set(LimitKind) else kind


def _limited(value: Any) -> str:
    return "default" if value is None else _value(value)


def _part(change: DefinitionChange, part: str) -> str:
    was, now = (
        _value(each.get(part)) if isinstance(each, Mapping) else "" for each in (change.old, change.new)
    )
    return f"{part} ({was} → {now})" if was != now else part


def _value(value: Any) -> str:
    """A value of a definition on one line, cut where it is long."""
    text = _whole(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _whole(value: Any) -> str:
    if value is None or (not value and isinstance(value, str | list | dict)):
        return "none"
    match value:
        case bool():
            return str(value).lower()
        case {"characters": int(length), **rest} if not rest:
            return f"{length:,} characters"
        case Mapping():
            return ", ".join(f"{key}: {_whole(each)}" for key, each in value.items() if each is not None)
        case list():
            return ", ".join(map(_whole, value))
        case _:
            return str(value)
