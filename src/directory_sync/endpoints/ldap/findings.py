"""What an object tells of a change that may have been written: it was, it was not, or that cannot be told.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from directory_sync.endpoints.change import Action, Change, Result
from directory_sync.endpoints.ldap.operations import Modify, Operations, Rename, Rules
from directory_sync.endpoints.ldap.progress import NO_OTHERS, Known, Progress, Seen, judge
from directory_sync.endpoints.ldap.schema import Schema


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found.

    Attributes:
        result: found done, not done or uncertain.
        text: what the object is like, without a full stop; empty where there is nothing to add.
        by_references: only values that name other objects differ, which may have followed those.
        unexplained: as in `Progress`.
    """

    result: Result
    text: str = ""
    by_references: bool = False
    unexplained: tuple[bytes, ...] = ()


_DONE, _NOT_DONE = Finding(Result.FOUND_DONE), Finding(Result.NOT_DONE)


def find(
    change: Change,
    planned: Operations,
    schema: Schema,
    seen: Seen | None,
    *,
    elsewhere: str | None = None,
    known: Known = NO_OTHERS,
    identified: bool,
) -> Finding:
    """Judge by an object whether a change was written.

    Args:
        change, planned, schema, seen, elsewhere, known: see `progress.judge`; `seen` tells about all fields.
        identified: the object was looked for by what names it permanently too.
    """
    if change.action is Action.DELETE:
        return _find_deletion(seen, elsewhere, identified=identified)
    progress = judge(change, planned, schema, seen, elsewhere=elsewhere, known=known)
    if progress.conflict:
        return _uncertain(progress.found, progress, change, schema)
    if change.action is Action.CREATE:
        if seen is None:
            return _NOT_DONE
        return (
            _DONE
            if progress.done
            else _partly("the object was created, but not yet with all that had to wait for others")
        )
    return _find_update(change, planned, Rules(schema), progress)


def _find_deletion(seen: Seen | None, elsewhere: str | None, *, identified: bool) -> Finding:
    if seen is not None:
        # Whatever it looks like by now, it is there.
        return _NOT_DONE
    if elsewhere:
        return Finding(Result.NOT_DONE, f"the object is there; it is now {elsewhere}")
    if not identified:
        return Finding(
            Result.UNCERTAIN,
            "no object has this name any more, and the server does not tell whether it was deleted or"
            " renamed",
        )
    return _DONE


def _uncertain(text: str, progress: Progress, change: Change, schema: Schema) -> Finding:
    rules = Rules(schema)
    refers = change.action is not Action.CREATE and any(
        rules.of(field.field).reference for field in change.fields
    )
    return Finding(Result.UNCERTAIN, text, by_references=refers, unexplained=progress.unexplained)


def _partly(text: str) -> Finding:
    return Finding(Result.UNCERTAIN, f"it was written in part: {text}")


def _find_update(change: Change, planned: Operations, rules: Rules, progress: Progress) -> Finding:
    """An operation is applied as a whole or not at all, so what is left of one tells about all of it."""
    left = progress.remaining
    if progress.done:
        return _DONE
    unreadable = sorted(
        {part.attribute for op in left.main if isinstance(op, Modify) for part in op.modifications}
    )
    only_unreadable = bool(unreadable) and all(map(rules.write_only, unreadable)) and not left.late
    renamed = sum(isinstance(op, Rename) for op in left.main) < sum(
        isinstance(op, Rename) for op in planned.main
    )
    if only_unreadable and not any(isinstance(op, Rename) for op in left.main):
        return Finding(Result.UNCERTAIN, f"the server does not give back {', '.join(unreadable)}")
    if renamed:
        return _partly("the object has another name already, and the rest is missing")
    if planned.main and not left.main:
        return _partly("what had to wait for other objects is missing")
    whole = any(
        not field.partial and not field.late and not rules.write_only(field.field) for field in change.fields
    )
    if whole or any(isinstance(op, Rename) for op in left.main) or left == planned:
        return _NOT_DONE
    return Finding(
        Result.UNCERTAIN, "some of the values are as the change wants them, others are as they were"
    )
