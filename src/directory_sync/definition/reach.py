"""Whether a deployment's mail can reach the people that a collection tells about its runs."""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Iterator
from dataclasses import dataclass

from directory_sync.definition.mail_addresses import checked_address, is_within
from directory_sync.definition.models import OWNERS, Approvers, Collection
from directory_sync.definition.nodes import Path
from directory_sync.definition.places import Places
from directory_sync.definition.problems import Problem


@dataclass(frozen=True, slots=True)
class MailReach:
    """What a deployment's settings say about mail.

    Attributes:
        sends: it has a mail connection.
        finds_users: users have addresses: by the people directory, or by a mail domain.
        roles: the roles that have an address.
        domains: of addresses that mail about runs may go to; empty for any.
    """

    sends: bool
    finds_users: bool
    roles: Names[str]
    domains: Names[str] = ()


def unreachable(collection: Collection, reach: MailReach, places: Places | None = None) -> list[Problem]:
    """Warnings about mail that is asked for and would reach no one."""
    return list(_unreachable(collection, reach, places or Places.none(collection.name)))


def _unreachable(collection: Collection, reach: MailReach, places: Places) -> Iterator[Problem]:
    wanted = collection.notifications
    if wanted is None:
        return
    if not reach.sends:
        yield places.problem(
            ("notifications",),
            "no one gets this mail: the setting mail_connection is empty",
            "create a connection of the type SMTP in Airflow, and name it in mail_connection",
            severity="warning",
            at_key=True,
        )
        return  # the rest is told once mail is sent at all
    for index, addressee in enumerate(wanted.to):
        path: Path = ("notifications", "to", index)
        if isinstance(addressee, Approvers):
            for place, role in enumerate(addressee.roles):
                if role not in reach.roles:
                    yield places.problem(
                        (*path, "roles", place),
                        f"no mail address of the role {role} is known",
                        "add it to the setting role_addresses",
                        severity="warning",
                    )
            if addressee.users and not reach.finds_users:
                yield _no_users((*path, "users"), places)
        elif addressee == OWNERS:
            if collection.owners and not reach.finds_users:
                yield _no_users(path, places)
        elif not is_within(checked_address(addressee) or "", reach.domains):
            yield places.problem(
                path,
                f"no mail goes to {addressee}: its domain is not one of the setting notification_domains",
                "name users or roles, or ask an administrator to add the domain",
                severity="warning",
            )


def _no_users(path: Path, places: Places) -> Problem:
    return places.problem(
        path,
        "no mail address of users is known",
        "set people_connection, so that they are looked up, or mail_domain",
        severity="warning",
    )
