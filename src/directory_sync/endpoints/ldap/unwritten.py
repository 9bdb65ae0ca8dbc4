"""Objects that could not be written, and what is not worth sending because it needs one of them."""

from __future__ import annotations

from directory_sync.endpoints.change import Change
from directory_sync.endpoints.dn_names import DnNames


class Unwritten:
    """The objects that a pass failed to create or to give a new name."""

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def add(self, id: str) -> None:
        """Note that no object has this normalised DN, though the plan wanted one to have it."""
        self._ids.add(id)

    def needed_by(self, change: Change, names: DnNames) -> str | None:
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
        above = names.ancestors(names.normalise(change.final_object))
        return next((name for name in above if name in self._ids), None)
