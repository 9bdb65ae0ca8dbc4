"""One change as a line for people: in task logs and on pages. Never shows the value of a secret field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from directory_sync.endpoints.change import Action, Mark, MarkKind, Result
from directory_sync.present.shown import HIDDEN, ShownChange
from directory_sync.printable import printable_values

_LONGEST_VALUES = 300

_PAST = {
    Action.CREATE: "Created",
    Action.UPDATE: "Updated",
    Action.MOVE: "Moved",
    Action.DISABLE: "Disabled",
    Action.DELETE: "Deleted",
}

_MARKS = {MarkKind.NEVER_MATCHED: "never matched before", MarkKind.CLAIMED_BY: "claimed by"}


def change_line(shown: ShownChange, *, planned: bool = False) -> str:
    """One change as a line: what, which object, each field's old and new values, and what went wrong.

    `planned`: without an outcome, it is still to come.
    """
    change, outcome = shown.told, shown.outcome
    if outcome is not None and outcome.result is Result.CONFLICT:
        verb = f"Conflict, did not {change.action.value}"
    elif outcome is not None and outcome.result is Result.FAILED:
        verb = f"Failed to {change.action.value}"
    elif outcome is not None and outcome.result is Result.NOT_DONE:
        verb = f"Not reached, did not {change.action.value}"
    elif outcome is not None and outcome.result is Result.UNCERTAIN:
        verb = f"Broke off, may have {_PAST[change.action].lower()}"
    elif outcome is not None and outcome.result is Result.FOUND_DONE:
        verb = f"{_PAST[change.action]} (found done afterwards)"
    elif planned:
        verb = f"Would {change.action.value}"
    else:
        verb = _PAST[change.action]
    names = (change.object, *(() if change.via is None else (change.via,)), change.final_object)
    target = " → ".join(dict.fromkeys(names))
    if change.name and change.name.casefold() not in target.casefold():
        target += f" ({change.name})"
    text = f"{verb} {target}"
    if change.marks:
        text += f" ({', '.join(map(mark_text, change.marks))})"
    if change.action is not Action.DELETE and (fields := "; ".join(_fields(shown))):
        text += f": {fields}"
    return f"{text}. {outcome.message}" if outcome is not None and outcome.message else text


def mark_text(mark: Mark) -> str:
    """What sets a removal apart, in a few words."""
    # A newer server, which the command line speaks to, may know others.
    text = _MARKS.get(mark.kind, mark.kind.replace("_", " "))
    return f"{text} {mark.subject}" if mark.subject else text


def _fields(shown: ShownChange) -> Iterator[str]:
    action = shown.told.action
    for field, secret in shown.fields:
        if secret:
            yield f"{field.field}: {HIDDEN}"
        elif field.partial and action is not Action.CREATE:
            signs = [f"+{_shown([value])}" for value in field.added] + [
                f"-{_shown([value])}" for value in field.removed
            ]
            yield f"{field.field}: {_cut(' '.join(signs))}"
        elif not field.old:
            yield f"{field.field}: {_shown(field.new)}"
        else:
            yield f"{field.field}: {_shown(field.old)} → {_shown(field.new) or '(none)'}"


def _shown(values: Sequence[bytes]) -> str:
    return _cut(printable_values(values))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUES else f"{text[:_LONGEST_VALUES]}…"
