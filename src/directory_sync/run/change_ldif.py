"""The changes of a job as LDIF change records (RFC 2849) without secret values; comments say what they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from directory_sync.endpoints.change import Action, Change
from directory_sync.plan.model import ChangeSequence
from directory_sync.run.change_text import mark_text
from directory_sync.run.printable import printable
from directory_sync.run.secrets import IsSecret


@dataclass(frozen=True, slots=True)
class VisibleChanges:
    """A plan's changes without the values of secret fields, and without changes of which nothing is left."""

    changes: ChangeSequence
    is_secret: IsSecret

    def __len__(self) -> int:
        return len(self.changes)

    def __iter__(self) -> Iterator[Change]:
        return (visible for change in self.changes if (visible := without_secrets(change, self.is_secret)) is not None)


def without_secrets(change: Change, is_secret: IsSecret) -> Change | None:
    """The change without its secret fields; None if nothing is left of it."""
    if not any(is_secret(field.field) for field in change.fields):
        return change
    fields = tuple(field for field in change.fields if not is_secret(field.field))
    nothing_left = not fields and change.action is Action.UPDATE and change.new_object is None
    return None if nothing_left else change._replace(fields=fields)


def change_record(change: Change, rendered: str, is_secret: IsSecret) -> str:
    """One change as text: a blank line, comments, and its records as its destination has rendered what is visible of it."""
    hidden = [field.field for field in change.fields if is_secret(field.field)]
    remarks = [f"{change.action} {change.key}", *map(mark_text, change.marks), *(f"{name}: secret, not shown" for name in hidden)]
    return "\n" + comments(remarks) + rendered.rstrip("\n") + ("\n" if rendered else "")


def comments(lines: Iterable[str]) -> str:
    """Lines of comment, each of them one line whatever it holds."""
    return "".join(f"# {printable(line)}\n" for line in lines)
