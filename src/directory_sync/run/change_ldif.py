"""The changes of a job as LDIF change records (RFC 2849) without secret values; comments say what they belong
to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from directory_sync.endpoints.change import Action, Change
from directory_sync.endpoints.exchanges import Part, in_parts
from directory_sync.run.change_text import mark_text
from directory_sync.run.printable import printable
from directory_sync.run.secrets import IsSecret

_WHICH = {Part.SECOND: ", second part", Part.LATE: ", last part"}


def ldif_records(
    changes: Iterable[Change],
    render: Callable[[Change, Part], str],
    is_secret: IsSecret,
    *,
    normalise: Callable[[str], str],
    above: Callable[[str], Iterable[str]],
) -> Iterator[str]:
    """A plan as text, in parts that a tool can carry out one after the other, each below a comment.

    Args:
        changes: the plan's.
        render: one part of a change as its destination has it.
        is_secret: fields whose values are left out.
        normalise, above: see `in_parts`.
    """
    for change, part in in_parts(changes, normalise, above):
        visible = without_secrets(change, is_secret)
        yield change_record(change, "" if visible is None else render(visible, part), is_secret, part)


def without_secrets(change: Change, is_secret: IsSecret) -> Change | None:
    """The change without its secret fields; None if nothing is left of it."""
    if not any(is_secret(field.field) for field in change.fields):
        return change
    fields = tuple(field for field in change.fields if not is_secret(field.field))
    nothing_left = not fields and change.action is Action.UPDATE and change.new_object is None
    return None if nothing_left else change._replace(fields=fields)


def change_record(change: Change, rendered: str, is_secret: IsSecret, part: Part = Part.WHOLE) -> str:
    """One change as text: a blank line, comments, and its records as its destination has rendered what is
    visible of it.
    """
    remarks = [f"{change.action} {change.key}{_WHICH.get(part, '')}"]
    if part in (Part.WHOLE, Part.FIRST):
        remarks += map(mark_text, change.marks)
        remarks += [f"{field.field}: secret, not shown" for field in change.fields if is_secret(field.field)]
        follows = [field.field for field in change.fields if field.late and field.old]
        remarks += [
            f"{name}: follows the renamed object that it names, where the server sees to that"
            for name in follows
        ]
    return "\n" + comments(remarks) + rendered.rstrip("\n") + ("\n" if rendered else "")


def comments(lines: Iterable[str]) -> str:
    """Lines of comment, each of them one line whatever it holds."""
    return "".join(f"# {printable(line)}\n" for line in lines)
