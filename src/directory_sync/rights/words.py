"""Words for what may not be done with a collection or a connection, and what to do about it."""

from __future__ import annotations

from collections.abc import Collection

from directory_sync.printable import printable
from directory_sync.rights.editing import EditRight


def edit_right_text(right: EditRight, roles: Collection[str], administrators: Collection[str]) -> str:
    """Why a person may not change a collection, for that person; why they may, for the log.

    Args:
        right: what `may_edit` says.
        roles, administrators: as `may_edit` got them.
    """
    named = printable(", ".join(roles or administrators)) or "no role at all"
    match right:
        case EditRight.BY_ROLE:
            return "One of your roles may create, edit, delete and import all collections."
        case EditRight.AS_OWNER:
            return "You are an owner of the collection."
        case EditRight.NOT_VERIFIED:
            return "No one has checked who you are. Log in to Airflow."
        case EditRight.NEITHER:
            return (
                "You may not create, edit or delete this collection: that takes one of these roles:"
                f" {named}; or your name in its list of owners. An administrator can give you either."
            )
        case EditRight.SPELLED_OTHERWISE:
            return (
                "You may not edit this collection: an owner has nearly your user name, but names have to be"
                " spelled exactly as Airflow knows them. Ask a person with one of these roles to correct the"
                f" list of owners: {named}."
            )
        case EditRight.OWNERS_CHANGED:
            return (
                "You may edit this collection, but not change who owns it. Leave owners as they are, or ask a"
                f" person with one of these roles: {named}."
            )
