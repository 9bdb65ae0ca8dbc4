"""People, and who of them may decide a request.

Names and roles are compared exactly as Airflow's auth manager gives them where that lets somebody decide, and
without regard to case, accents and blanks where it keeps somebody from deciding or counts people: `Bob` gains
nothing from `bob` being an approver, but is the same person as the requester `bob`. Directories and databases
of users differ in this, so each comparison errs on the safe side.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from directory_sync.approval.policy import EffectivePolicy
from directory_sync.approval.states import RequestState
from directory_sync.definition.models import Approvers


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who acts.

    Attributes:
        name: user name as the auth manager gives it.
        roles: roles and groups, the same.
        verified: Airflow has checked who it is; a name from a terminal or a text field is not verified.
    """

    name: str
    roles: frozenset[str]
    verified: bool


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
        approvers: whom.
        origin: by what.
        by: who rerouted it to them.
    """

    approvers: Approvers
    origin: Origin = Origin.POLICY
    by: Person | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """One person's answer.

    Attributes:
        person: with the roles that they had at that time.
        agreed: False for a denial.
        at: when; UTC.
        reason: their words; a denial has some.
    """

    person: Person
    agreed: bool
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RequestView:
    """What has to be known of a request to tell who may decide it.

    Attributes:
        state: now.
        policy: as it was when the request was filed.
        requester: name of who started the run; empty for the schedule.
        assignments: everybody who is asked, in the order they were.
        decisions: given so far, oldest first.
        asked_by: who asked for a waiver; they do not decide it either, whatever the policy says. Empty for
            all other requests.
    """

    state: RequestState
    policy: EffectivePolicy
    requester: str
    assignments: tuple[Assignment, ...]
    decisions: tuple[Decision, ...] = ()
    asked_by: str = ""


class Hindrance(StrEnum):
    """Why somebody may not decide."""

    OVER = "over"
    UNVERIFIED = "unverified"
    DECIDED = "decided"
    NO_APPROVER = "no_approver"
    REQUESTER = "requester"
    ASKED = "asked"
    OUTSIDE_MINIMUM = "outside_minimum"
    OUTSIDE_EITHER = "outside_either"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Somebody may not decide, and why, in words for them."""

    hindrance: Hindrance
    message: str

    def __str__(self) -> str:
        return self.message


def may_decide(request: RequestView, person: Person) -> Refusal | None:
    """Say why the person may not approve, deny or reroute the request; None if they may.

    Nobody decides by virtue of administering Airflow: administrators see every request, and decide those that
    name them or a role of theirs.
    """
    if request.state is not RequestState.PENDING:
        return Refusal(Hindrance.OVER, _what_became(request))
    for decision in request.decisions:
        if same_person(decision.person.name, person.name):
            answer = "approved" if decision.agreed else "denied"
            return Refusal(Hindrance.DECIDED, f"You have {answer} this request already. A decision is final.")
    return ineligible(
        request.policy, request.assignments, request.requester, person, asked_by=request.asked_by
    )


def agrees_by_asking(request: RequestView, requester: Person) -> bool:
    """Whether starting the run counts as the requester's agreement: `self_approval: auto`, and they may
    decide.
    """
    return (
        request.policy.self_approval == "auto"
        and same_person(request.requester, requester.name)
        and may_decide(request, requester) is None
    )


def ineligible(
    policy: EffectivePolicy,
    assignments: Iterable[Assignment],
    requester: str,
    person: Person,
    *,
    asked_by: str = "",
) -> Refusal | None:
    """Say why the person's answer does not count, whatever has been decided; None if it counts."""
    if not person.verified or not person.name:
        return Refusal(Hindrance.UNVERIFIED, "Airflow does not know who you are. Log in to decide.")
    if policy.self_approval == "forbid" and same_person(person.name, requester):
        return Refusal(
            Hindrance.REQUESTER,
            "You asked for these changes, so somebody else has to decide. You can cancel the request.",
        )
    if asked_by and same_person(person.name, asked_by):
        return Refusal(Hindrance.ASKED, "You asked for this, so someone else has to decide.")
    if not any(is_named(assignment.approvers, person) for assignment in assignments):
        return Refusal(
            Hindrance.NO_APPROVER,
            "You are not an approver of this request. One of them can reroute it to you.",
        )
    if not all(is_named(circle, person) for circle in policy.also_within or ()):
        return Refusal(
            Hindrance.OUTSIDE_EITHER,
            "The job's policy was changed while this run was going on, and only people named by both versions"
            " may decide. "
            "Ask one of them, or have the job run again: the next run goes by the new policy alone.",
        )
    if policy.within is not None and not is_named(policy.within, person):
        return Refusal(
            Hindrance.OUTSIDE_MINIMUM,
            "The deployment's setting approval_minimum does not let you decide, though the job's policy names"
            " you. "
            "Ask an administrator to add you there, or somebody it names to decide.",
        )
    return None


def could_decide(policy: EffectivePolicy, user: str, requester: str, asked_by: str = "") -> bool:
    """Whether a named user may ever decide, as far as that can be told without knowing their roles."""
    if policy.self_approval == "forbid" and same_person(user, requester):
        return False
    if asked_by and same_person(user, asked_by):
        return False
    circles = [*(policy.also_within or ()), *([policy.within] if policy.within else [])]
    return all(circle.roles or user in circle.users for circle in circles)


def somebody_could_decide(
    policy: EffectivePolicy, approvers: Approvers, requester: str, asked_by: str = ""
) -> bool:
    """Whether anybody of these may ever decide; a role may always have members who are not known here."""
    return bool(approvers.roles) or any(
        could_decide(policy, user, requester, asked_by) for user in approvers.users
    )


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


def role_text(role: str) -> str:
    """Who has a role, in words."""
    return f"somebody with the role {role}"


def _what_became(request: RequestView) -> str:
    state = request.state
    wanted = {RequestState.DENIED: False, RequestState.APPROVED: True, RequestState.APPLIED: True}.get(state)
    people = ", ".join(
        dict.fromkeys(decision.person.name for decision in request.decisions if decision.agreed is wanted)
    )
    by = f" by {people}" if people else ""
    return {
        RequestState.APPROVED: f"This request was already approved{by}.",
        RequestState.APPLIED: f"This request was already approved{by}, and the changes were carried out.",
        RequestState.DENIED: f"This request was already denied{by}.",
        RequestState.EXPIRED: "This request has expired. Run the job again to file a new one.",
        RequestState.CANCELLED: "This request was cancelled.",
        RequestState.STALE: (
            "This request is stale: a newer plan of the job has replaced it. Decide that one."
        ),
    }[state]
