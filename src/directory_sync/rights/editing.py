"""Who may create, edit, delete and import saved collections."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from directory_sync.approval.people import Person, same_person


class EditRight(StrEnum):
    """Whether a person may change a saved collection, and why, or why not."""

    BY_ROLE = "by_role"
    """One of the person's roles may create, edit, delete and import all collections."""
    AS_OWNER = "as_owner"
    """The person is an owner of the collection."""
    NOT_VERIFIED = "not_verified"
    """No one has checked who the person is."""
    NEITHER = "neither"
    """The person has none of the roles and is no owner."""
    SPELLED_OTHERWISE = "spelled_otherwise"
    """An owner has nearly the person's name. Airflow may take the two for different people."""
    OWNERS_CHANGED = "owners_changed"
    """An owner, who has none of the roles, wants to change who the owners are."""

    @property
    def allowed(self) -> bool:
        """Whether the person may."""
        return self in (EditRight.BY_ROLE, EditRight.AS_OWNER)


def may_edit(
    person: Person,
    owners: Collection[str],
    roles: Collection[str],
    administrators: Collection[str],
    *,
    owners_after: Collection[str] | None = None,
) -> EditRight:
    """Whether a person may create, edit, delete or import a saved collection.

    Names and roles are compared exactly, as everywhere where they give a right (`approval.people`): a person
    who registers as `Ida` gains nothing from `ida` being an owner.

    Owners may change everything but the list of owners. Who else may edit is decided by those who may create
    collections: an owner can neither pass the right on nor take it from the other owners, and cannot leave a
    collection behind in the name of another person.

    Args:
        person: who asks.
        owners: `owners:` of the newest saved version; none for a collection that does not exist, or no longer
            exists, or whose newest version cannot be read.
        roles: the setting `collection_roles`.
        administrators: the setting `administrator_roles`; these roles count where `roles` is empty.
        owners_after: `owners:` of what is to be saved; None where nothing is saved, or the list stays.
    """
    if not person.verified or not person.name:
        return EditRight.NOT_VERIFIED
    if not person.roles.isdisjoint(roles or administrators):
        return EditRight.BY_ROLE
    if person.name not in owners:
        near = any(same_person(person.name, owner) for owner in owners)
        return EditRight.SPELLED_OTHERWISE if near else EditRight.NEITHER
    if owners_after is not None and set(owners_after) != set(owners):
        return EditRight.OWNERS_CHANGED
    return EditRight.AS_OWNER
