"""Values that come after all others, as they name objects that the same plan creates or renames: which of
them are still to be written. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from directory_sync.endpoints.change import Change
from directory_sync.endpoints.ldap.operations import Modify, Operation, Operations, without


@dataclass(frozen=True, slots=True)
class LateValues:
    """What a look at the object has left of a change.

    Attributes:
        pairs: old and new name of each object that a value names.
        targets: normalised new names of those of which a value is left.
        operations: that are left.
    """

    pairs: tuple[tuple[bytes, bytes], ...]
    targets: tuple[bytes, ...]
    operations: tuple[Operation, ...]

    def rest(self, there: Mapping[bytes, bool], normalise: Callable[[bytes], bytes]) -> tuple[Operation, ...]:
        """What is to be written, if `there` tells for each target whether an object has that name.

        One that could not get its new name still has the old one, and is still meant.
        """
        stay = {value for pair in self.pairs if there.get(normalise(pair[1])) is False for value in pair}
        return tuple(op for op in (without(op, stay) for op in self.operations) if op is not None)


def late_values(change: Change, remaining: Operations, normalise: Callable[[bytes], bytes]) -> LateValues:
    """The late values of a change of which operations remain."""
    pairs = tuple(
        pair
        for field in change.fields
        if field.late and field.old
        for pair in zip(field.old, field.new, strict=True)
    )
    left = {
        value
        for op in remaining.late
        if isinstance(op, Modify)
        for part in op.modifications
        for value in part.values
    }
    targets = dict.fromkeys(normalise(new) for old, new in pairs if new in left or old in left)
    return LateValues(pairs, tuple(targets), remaining.late)
