"""The parts of a tree in which endpoints look for objects, and whether two of them have a place in common."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from directory_sync.definition.addresses import Scope


@dataclass(frozen=True, slots=True)
class Region:
    """A base and how deep below it an endpoint looks (RFC 4511, section 4.5.1.2).

    Attributes:
        path: the base's names from the top of the tree downwards, each in a form in which equal ones are
            equal.
        scope: how deep.
    """

    path: tuple[Hashable, ...]
    scope: Scope

    def holds(self, path: tuple[Hashable, ...]) -> bool:
        """Whether an object at this place is in the region."""
        if self.scope is Scope.BASE:
            return path == self.path
        if self.scope is Scope.ONE:
            return path[:-1] == self.path and len(path) > len(self.path)
        return path[: len(self.path)] == self.path

    def overlaps(self, other: Region) -> bool:
        """Whether an object could be in both."""
        # Two regions that meet at all meet at the base of one of them, or, where both hold only what is
        # directly below a base, have the same base.
        return (
            (self.holds(other.path) and other.scope is not Scope.ONE)
            or (other.holds(self.path) and self.scope is not Scope.ONE)
            or self._children_meet(other)
            or other._children_meet(self)
        )

    def _children_meet(self, other: Region) -> bool:
        """Whether `other` holds objects directly below this region's base, all of which this region has
        (scope one).
        """
        if self.scope is not Scope.ONE:
            return False
        if other.scope is Scope.ONE:
            return self.path == other.path
        # A subtree that holds the base holds what is below it too.
        return other.scope is Scope.SUBTREE and other.holds(self.path)
