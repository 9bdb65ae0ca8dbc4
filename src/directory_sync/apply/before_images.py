"""Keeps what an object was like before it is deleted, disabled or moved, so that this can be undone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache, cached_property
from typing import NamedTuple, Protocol

from directory_sync.definition.passwords import is_password
from directory_sync.endpoints.change import Action, Change
from directory_sync.endpoints.contract import Destination, Image
from directory_sync.store.before_images import BeforeImage

REMOVALS = frozenset((Action.DELETE, Action.DISABLE, Action.MOVE))
"""Kinds of change before which the object is kept as it was."""


class ImageStore(Protocol):
    """What applying needs of the store to keep images."""

    def record(self, plan_id: int, images: Sequence[BeforeImage]) -> None:
        """Keep images, all or none. Raises StoreError."""


class Kept(NamedTuple):
    """Which changes cannot be undone, because nothing keeps what their objects are like.

    Attributes:
        unreadable: places of changes whose objects cannot be read, and why; they must not be sent.
        absent: places of those whose objects are not there, or have been kept by an earlier attempt; see
            `Destination.write`.
    """

    unreadable: Mapping[int, str]
    absent: Collection[int]


class ImageKeeper:
    """Reads and keeps the images of one plan's objects.

    Args:
        destination: holds them.
        store: keeps the images.
        plan_id: whose changes are about them.
        secrets: fields of which no value is kept, as definitions spell them, besides password attributes.
    """

    def __init__(
        self, destination: Destination, store: ImageStore, plan_id: int, secrets: Collection[str]
    ) -> None:
        self._destination = destination
        self._store = store
        self._plan_id = plan_id
        self._secrets = secrets
        self._hides = cache(self._find_whether_hidden)

    @property
    def at_once(self) -> int:
        """For about how many changes `keep` is best asked."""
        return self._destination.images_at_once

    def keep(self, changes: Collection[tuple[int, Change]]) -> Kept:
        """Keep the objects of these changes as they are, as far as the changes remove them.

        Raises EndpointError, StoreError: then none of the changes must be sent.
        """
        removals = {change.object: (sequence, change) for sequence, change in changes if _removes(change)}
        if not removals:
            return Kept({}, frozenset())
        absent = {sequence for sequence, _ in removals.values()}
        unreadable: dict[int, str] = {}
        images: list[BeforeImage] = []
        for image in self._destination.images(removals):
            sequence, change = removals[image.id]
            if image.problem:
                absent.discard(sequence)
                unreadable[sequence] = (
                    f"it cannot be read before it is changed, so this could not be undone: {image.problem}."
                    " Nothing was written. Let the connection's login read it, or look at it by hand."
                )
            elif change.identity is None or image.identity in (None, change.identity):
                absent.discard(sequence)
                images.append(self._before(sequence, change, image))
            # Another object has its name: the change is going to be a conflict, and its own object may be
            # known from an earlier attempt.
        self._store.record(self._plan_id, images)
        return Kept(unreadable, absent)

    def _before(self, sequence: int, change: Change, image: Image) -> BeforeImage:
        left_out = tuple(sorted(name for name in image.values if self._hides(name)))
        values = {name: tuple(held) for name, held in image.values.items() if name not in left_out}
        # What has its old id was neither deleted nor moved if it is certainly the same object. Whether an
        # earlier attempt has disabled it, no one can tell by looking.
        is_same = image.identity is not None and image.identity == change.identity
        still = is_same and change.action in (Action.DELETE, Action.MOVE)
        return BeforeImage(sequence, image.id, values, left_out, newest_counts=still)

    def _find_whether_hidden(self, field: str) -> bool:
        # The destination spells fields in its own way (`fax` for facsimileTelephoneNumber).
        name = self._one_name(field)
        return is_password(field) or is_password(name) or name in self._secret_names

    @cached_property
    def _secret_names(self) -> frozenset[str]:
        return frozenset(map(self._one_name, self._secrets))

    def _one_name(self, field: str) -> str:
        """The same for all names of a field, without options: a secret is one in each language."""
        rule = self._destination.rule(field)
        described = rule.described if rule is not None else ""
        return (described or field).partition(";")[0].strip().lower()


def _removes(change: Change) -> bool:
    return change.action in REMOVALS
