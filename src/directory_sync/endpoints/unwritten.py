"""Objects that could not be written, and what is not worth sending because it needs one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from directory_sync.endpoints.change import Action, Change
from directory_sync.endpoints.contract import Names

APPEARED = (
    "it was not there when it was to be kept as it is, and it is there now, so this could not be undone."
    " Nothing was written. Run the job again."
)
"""Why an object is not removed that had no image; see `Destination.write`."""


class Unwritten:
    """The objects that a pass failed to create or to give a new name."""

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def add(self, id: str) -> None:
        """Note that no object has this normalised id, though the plan wanted one to have it."""
        self._ids.add(id)

    def needed_by(self, change: Change, names: Names) -> str | None:
        """One of them that a change cannot do without; None if there is none."""
        if not self._ids:
            return None
        given = {value for field in change.fields for value in field.new}
        # Others are waited for without being needed: they make room.
        needed = [name for name in change.after if name.encode() in given]
        needed += [
            value.decode(errors="replace")
            for field in change.fields
            if field.late and not field.old
            for value in field.new
        ]
        for name in needed:
            if names.normalise(name) in self._ids:
                return name
        above = names.path(change.final_object)[:-1]
        return next((name for name in reversed(above) if name in self._ids), None)


def why_needless(name: str) -> str:
    """Why a change is not sent that needs an object which is not there."""
    return f"not sent, because {name}, which it needs, could not be written. See there."


def withheld_with_dependants(
    changes: Sequence[tuple[int, Change]], withheld: Mapping[int, str], names: Names
) -> Mapping[int, str]:
    """The places of changes that must not be made, and of those that need what they would have written; and
    why.

    For destinations that have all changes before they write the first one.
    """
    unwritten, reasons = Unwritten(), dict[int, str]()
    before = -1
    # Late values may name what comes later in the plan.
    while withheld and before != len(reasons):
        before = len(reasons)
        for sequence, change in changes:
            if sequence in reasons:
                continue
            reason = withheld.get(sequence)
            if reason is None and (needed := unwritten.needed_by(change, names)) is not None:
                reason = why_needless(needed)
            if reason is not None:
                reasons[sequence] = reason
                if change.action is Action.CREATE or change.new_object is not None:
                    unwritten.add(names.normalise(change.final_object))
    return reasons
