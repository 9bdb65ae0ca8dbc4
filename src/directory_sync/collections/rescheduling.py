"""Another schedule in the text of a definition, as people type it; all else stays as it was written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from directory_sync.collections.documents import lines_of, tidy
from directory_sync.definition.documents import Document, parse_tree
from directory_sync.definition.export import as_yaml, to_definition
from directory_sync.definition.loading import Loaded, judge
from directory_sync.definition.models import Collection, Every, format_duration
from directory_sync.definition.nodes import Entries
from directory_sync.definition.schedules import schedules_of
from directory_sync.definition.templates import Templates

_EVERY = re.compile(r"every\s+(\S.*)", re.IGNORECASE)
_NOT_CODE = re.compile(r"\s*(?:#.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TypedSchedule:
    """A schedule as people type it.

    Attributes:
        lines: a cron expression, a preset or `every 15m` in each line; empty: only by hand.
        timezone: IANA name; empty for UTC.
        start, end: date or time; empty for none.
    """

    lines: str
    timezone: str
    start: str
    end: str

    @classmethod
    def of(cls, collection: Collection) -> TypedSchedule:
        """The schedule that a collection has."""
        lines = [
            f"every {format_duration(each.every)}" if isinstance(each, Every) else each
            for each in schedules_of(collection)
        ]
        start, end = ("" if each is None else each.isoformat() for each in (collection.start, collection.end))
        return cls("\n".join(lines), collection.timezone, start, end)

    @property
    def values(self) -> dict[str, Any]:
        """The keys of a definition, whether they are right or not."""
        each = [_schedule(line) for raw in self.lines.splitlines() if (line := raw.strip())]
        return {
            "schedule": each[0] if len(each) == 1 else each or None,
            "timezone": self.timezone.strip() or "UTC",
            "start": self.start.strip() or None,
            "end": self.end.strip() or None,
        }


def _schedule(line: str) -> str | dict[str, str]:
    match = _EVERY.fullmatch(line)
    return {"every": match[1]} if match else line


def rescheduled(text: str, typed: TypedSchedule, templates: Templates) -> str:
    """The definition with another schedule.

    A definition that cannot be used stays as it is. Where what was typed is wrong, so is the result, in the
    same places.
    """
    before = judge(Document("", text, "definition"), templates)
    if not isinstance(before, Loaded):
        return text
    now = TypedSchedule.of(before.collection).values
    changed = {key: value for key, value in typed.values.items() if value != now[key]}
    if not changed:
        return text
    edited = _with_keys(text, changed)
    written_out = as_yaml(to_definition(before.collection) | changed)
    meant = judge(Document("", written_out, "definition"), templates)
    if not isinstance(meant, Loaded):
        return written_out if edited is None else edited
    after = None if edited is None else judge(Document("", edited, "definition"), templates)
    # An anchor or an odd notation may have made another definition of it.
    is_meant = isinstance(after, Loaded) and after.collection == meant.collection
    return edited if edited is not None and is_meant else written_out


def _with_keys(text: str, values: Mapping[str, Any]) -> str | None:
    """The text with other values of keys at its top, each in the lines where it is or after all others.

    None where the keys do not each begin a line, as in JSON.
    """
    root, _ = parse_tree(text, "definition")
    if not isinstance(root, Entries):
        return None
    lines = lines_of(tidy(text))
    places = {key: entry.key_place for key, entry in root.entries.items()}
    begins = sorted(place.line for place in places.values())
    if any(place.column != 1 for place in places.values()) or len(set(begins)) < len(begins):
        return None
    new: list[tuple[int, int, str]] = []
    added = ""
    for key, value in values.items():
        written = as_yaml({key: value})
        if key not in places:
            added += written
            continue
        begin = places[key].line - 1
        end = next((line - 1 for line in begins if line - 1 > begin), len(lines) - 1)
        # A comment above the next key is about that one.
        while end > begin + 1 and _NOT_CODE.fullmatch(lines[end - 1]):
            end -= 1
        new.append((begin, end, written))
    new.append((len(lines) - 1, len(lines) - 1, added))
    for begin, end, written in sorted(new, reverse=True):
        lines[begin:end] = [written]
    return "".join(lines)
