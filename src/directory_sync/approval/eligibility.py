"""Who may decide a request, and why others may not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from directory_sync.approval.people import Approver, Assignment, Person, is_named, same_person
from directory_sync.approval.policy import EffectivePolicy
from directory_sync.approval.request import RequestView, assignments
from directory_sync.approval.states import RequestState
from directory_sync.definition.models import Approvers


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


def may_decide(view: RequestView, person: Person) -> Refusal | None:
    """Say why the person may not approve, deny or reroute the request; None if they may.

    Nobody decides by virtue of administering Airflow: administrators see every request, and decide those that
    name them or a role of theirs.
    """
    request = view.request
    if not request.pending:
        return Refusal(Hindrance.OVER, _what_became(view))
    for decision in view.decisions:
        if same_person(decision.person.name, person.name):
            answer = "approved" if decision.agreed else "denied"
            return Refusal(Hindrance.DECIDED, f"You have {answer} this request already. A decision is final.")
    policy = request.rules
    asked = assignments(policy, view.events)
    return ineligible(policy, asked, request.starter, person, asked_by=view.asker)


def agrees_by_asking(view: RequestView, requester: Person) -> bool:
    """Whether starting the run counts as the requester's agreement: `self_approval: auto`, and they may
    decide.
    """
    return (
        view.request.rules.self_approval == "auto"
        and same_person(view.request.starter, requester.name)
        and may_decide(view, requester) is None
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
            " you. Ask an administrator to add you there, or somebody it names to decide.",
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


def could_be_asked(
    approvers: Iterable[Approver], policy: EffectivePolicy, requester: str, asked_by: str = ""
) -> tuple[Approver, ...]:
    """Those of them whose answer could ever count: only they are asked. Roles always are, as they may have
    members who are not known here.
    """
    return tuple(
        each
        for each in approvers
        if each.kind == "role" or could_decide(policy, each.name, requester, asked_by)
    )


def somebody_could_decide(
    policy: EffectivePolicy, approvers: Approvers, requester: str, asked_by: str = ""
) -> bool:
    """Whether anybody of these may ever decide; a role may always have members who are not known here."""
    return bool(approvers.roles) or any(
        could_decide(policy, user, requester, asked_by) for user in approvers.users
    )


def _what_became(view: RequestView) -> str:
    state = view.request.state
    wanted = {RequestState.DENIED: False, RequestState.APPROVED: True, RequestState.APPLIED: True}.get(state)
    people = ", ".join(
        dict.fromkeys(decision.person.name for decision in view.decisions if decision.agreed is wanted)
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
