"""People, who a request asks, and when two names are one person's.

Names and roles are compared exactly as Airflow's auth manager gives them where that lets someone decide, and
without regard to case, accents and blanks where it keeps someone from deciding or counts people: `Bob` gains
nothing from `bob` being an approver, but is the same person as the requester `bob`. Directories and databases
of users differ in this, so each comparison errs on the safe side.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from directory_sync.definition.models import Approvers


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who acts.

    Attributes:
        name: user name as the auth manager gives it.
        roles: roles and groups, the same.
        verified: Airflow has checked who it is; a name from a terminal or a text field is not verified.
    """

    name: str
    roles: frozenset[str]
    verified: bool


Kind = Literal["user", "role"]


@dataclass(frozen=True, slots=True)
class Approver:
    """Someone to be asked: a user by name, or everyone who has a role."""

    kind: Kind
    name: str


class Origin(StrEnum):
    """How people came to be asked."""

    POLICY = "policy"
    MINIMUM = "minimum"
    ESCALATED = "escalated"
    REROUTED = "rerouted"


@dataclass(frozen=True, slots=True)
class Assignment:
    """People who are asked to decide a request. Later assignments add people; those asked before can still
    act.

    Attributes:
        approvers: who is asked.
        origin: by what.
        by: who rerouted it to them.
    """

    approvers: Approvers
    origin: Origin = Origin.POLICY
    by: Person | None = None


def is_named(approvers: Approvers, person: Person) -> bool:
    """Whether the person is one of the users or has one of the roles, spelled exactly so."""
    return person.name in approvers.users or not person.roles.isdisjoint(approvers.roles)


def same_person(name: str, other: str) -> bool:
    """Whether two user names may be the same person's; see the module's rule."""
    return identity(name) == identity(other)


def identity(name: str) -> str:
    """A user name as people are told apart by it.

    Without regard to case, width, accents and the number of blanks: some directory that users log in from
    takes any two names that differ only in these for the same account (RFC 4518, section 2, for LDAP; Active
    Directory for accents), and Airflow makes a user of each.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    letters = (
        letter for letter in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(letter)
    )
    return " ".join("".join(letters).split())


def named(*groups: Approvers | None) -> tuple[Approver, ...]:
    """Everyone that these name; each user and role by itself."""
    given = [group for group in groups if group is not None]
    return (
        *(Approver("user", user) for group in given for user in group.users),
        *(Approver("role", role) for group in given for role in group.roles),
    )
