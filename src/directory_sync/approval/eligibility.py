"""Who may decide a request, and why others may not, as codes and facts; `requests.texts` has the words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from directory_sync.approval.people import Approver, Assignment, Person, is_named, same_person
from directory_sync.approval.policy import EffectivePolicy
from directory_sync.approval.request import Decision, Edit, EventKind, RequestView, assignments
from directory_sync.approval.states import RequestState
from directory_sync.definition.models import Approvers


class WhyNot(StrEnum):
    """Why someone may not decide."""

    OVER = "over"
    UNVERIFIED = "unverified"
    DECIDED = "decided"
    NO_APPROVER = "no_approver"
    REQUESTER = "requester"
    ASKED = "asked"
    EDITOR = "editor"
    OUTSIDE_MINIMUM = "outside_minimum"
    OUTSIDE_EITHER = "outside_either"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Someone may not decide.

    Attributes:
        why: the rule.
        state: for `over` what the request has become; `people`: who decided so.
        decision: for `decided` what this person has answered.
        versions: for `editor` the versions that this person saved. Of a stale request the one whose policy
            ended it.
        successor: of a stale request the one that has taken its place.
    """

    why: WhyNot
    state: RequestState | None = None
    people: tuple[str, ...] = ()
    decision: Decision | None = None
    versions: tuple[int, ...] = ()
    successor: int | None = None


def may_decide(view: RequestView, person: Person) -> Refusal | None:
    """Say why the person may not approve, deny or reroute the request; None if they may.

    No one decides by virtue of administering Airflow: administrators see every request, and decide those that
    name them or a role of theirs.
    """
    request = view.request
    if not request.pending:
        changed = policy_change(view)
        versions = () if changed is None else (changed,)
        return Refusal(
            WhyNot.OVER,
            request.state,
            _who_decided(view),
            versions=versions,
            successor=request.successor,
        )
    for decision in view.decisions:
        if same_person(decision.person.name, person.name):
            return Refusal(WhyNot.DECIDED, decision=decision)
    policy = request.rules
    asked = assignments(policy, view.events)
    return ineligible(policy, asked, request.starter, person, asked_by=view.asker, edits=request.edits)


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
    edits: Sequence[Edit] = (),
) -> Refusal | None:
    """Say why the person's answer does not count, whatever has been decided; None if it counts.

    `edits`: versions of the job that no one but the person who saved them has approved.
    """
    if not person.verified or not person.name:
        return Refusal(WhyNot.UNVERIFIED)
    if policy.self_approval == "forbid" and same_person(person.name, requester):
        return Refusal(WhyNot.REQUESTER)
    if asked_by and same_person(person.name, asked_by):
        return Refusal(WhyNot.ASKED)
    if policy.self_approval == "forbid" and (saved := versions_by(person.name, edits)):
        return Refusal(WhyNot.EDITOR, versions=saved)
    if not any(is_named(assignment.approvers, person) for assignment in assignments):
        return Refusal(WhyNot.NO_APPROVER)
    if not all(is_named(circle, person) for circle in policy.also_within or ()):
        return Refusal(WhyNot.OUTSIDE_EITHER)
    if policy.within is not None and not is_named(policy.within, person):
        return Refusal(WhyNot.OUTSIDE_MINIMUM)
    return None


def versions_by(person: str, edits: Iterable[Edit]) -> tuple[int, ...]:
    """Numbers of the versions among these that the person saved, oldest first."""
    return tuple(sorted({edit.version for edit in edits if same_person(edit.by, person)}))


def could_decide(
    policy: EffectivePolicy, user: str, requester: str, asked_by: str = "", edits: Sequence[Edit] = ()
) -> bool:
    """Whether a named user may ever decide, as far as that can be told without knowing their roles."""
    if policy.self_approval == "forbid" and (same_person(user, requester) or versions_by(user, edits)):
        return False
    if asked_by and same_person(user, asked_by):
        return False
    circles = [*(policy.also_within or ()), *([policy.within] if policy.within else [])]
    return all(circle.roles or user in circle.users for circle in circles)


def could_be_asked(
    approvers: Iterable[Approver],
    policy: EffectivePolicy,
    requester: str,
    asked_by: str = "",
    edits: Sequence[Edit] = (),
) -> tuple[Approver, ...]:
    """Those of them whose answer could ever count: only they are asked. Roles always are, as they may have
    members who are not known here.
    """
    return tuple(
        each
        for each in approvers
        if each.kind == "role" or could_decide(policy, each.name, requester, asked_by, edits)
    )


def someone_could_decide(
    policy: EffectivePolicy,
    approvers: Approvers,
    requester: str,
    asked_by: str = "",
    edits: Sequence[Edit] = (),
) -> bool:
    """Whether anyone of these may ever decide; a role may always have members who are not known here."""
    return bool(approvers.roles) or any(
        could_decide(policy, user, requester, asked_by, edits) for user in approvers.users
    )


def _who_decided(view: RequestView) -> tuple[str, ...]:
    """Who gave the answer that the request has got, each once; no one if no one's answer ended it."""
    state = view.request.state
    wanted = {RequestState.DENIED: False, RequestState.APPROVED: True, RequestState.APPLIED: True}.get(state)
    return tuple(
        dict.fromkeys(decision.person.name for decision in view.decisions if decision.agreed is wanted)
    )


def policy_change(view: RequestView) -> int | None:
    """Of a request that is stale: the version of the saved collection whose policy ended it; else None."""
    return next(
        (event.policy_change for event in reversed(view.events) if event.kind is EventKind.STALE), None
    )
