"""What cannot be applied because an earlier attempt failed to write what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from directory_sync.endpoints.change import Action, Change, Outcome, Result


def dependants_of_failures(
    changes: Iterable[Change], recorded: Mapping[int, Outcome]
) -> Iterator[tuple[int, Change, str]]:
    """Yield place, change and the id that is not there, for each change without an outcome whose values name
    such an id.

    Some servers would take a name that does not exist, and it would stay in the group permanently.
    """
    missing: set[str] = set()
    for sequence, change in enumerate(changes):
        outcome = recorded.get(sequence)
        if outcome is not None:
            if _is_not_there(change, outcome):
                missing.add(change.final_object)
        elif (
            missing
            and (needed := next((name for name in _named(change) if name in missing), None)) is not None
        ):
            yield sequence, change, needed
            if change.action is Action.CREATE or change.new_object is not None:
                missing.add(change.final_object)


def _named(change: Change) -> Iterator[str]:
    given = {value for field in change.fields for value in field.new}
    # Others are waited for without being needed: they make room.
    yield from (name for name in change.after if name.encode() in given)
    for field in change.fields:
        # Late values with old ones follow objects that are renamed; where that failed, the old ones stay.
        if field.late and not field.old:
            yield from (value.decode(errors="replace") for value in field.new)


def _is_not_there(change: Change, outcome: Outcome) -> bool:
    """Whether an object does not have the id that a change was to give it."""
    if change.action is Action.CREATE:
        return outcome.result is Result.FAILED  # a conflict says that there is one already
    return change.new_object is not None and outcome.result in (Result.FAILED, Result.CONFLICT)
