"""What people do with requests: approve, deny, reroute, comment, cancel. Pages, REST API and tests all go
through here.

Each function checks who acts against the policy while the request is locked, so that nothing changes between
check and action.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from directory_sync.approval.eligibility import Refusal, could_decide, may_decide, versions_by
from directory_sync.approval.people import Approver, Person, named, same_person
from directory_sync.approval.policy import SCHEDULED
from directory_sync.approval.quorum import Approved, Denied, Outcome, outcome
from directory_sync.approval.request import Decision, Request, RequestView, assignments
from directory_sync.approval.states import UNDER_WAY, RequestState
from directory_sync.definition.approval import impossible_name
from directory_sync.definition.models import Approvers
from directory_sync.definition.problems import printable
from directory_sync.errors import AlreadyDecided, NotAllowed, RequestError
from directory_sync.requests.texts import refusal_text, versions_text
from directory_sync.store.store import Store


@dataclass(frozen=True, slots=True)
class Powers:
    """What someone may do with a request; each is empty if they may, else says why not, in words for them.

    Attributes:
        decide: approve, deny, reroute.
        cancel: withdraw it.
    """

    decide: str
    cancel: str


def powers(view: RequestView, person: Person, *, administrator: bool = False) -> Powers:
    """Say what the person may do with the request.

    Args:
        view: from the store.
        person: with the roles that Airflow gives them now.
        administrator: they may withdraw requests of others, the schedule's for example.
    """
    return Powers(
        decide=_why_not_decide(view, person),
        cancel=_why_not_cancel(view, person, administrator=administrator),
    )


def standing(view: RequestView) -> Outcome:
    """Whether the decisions given so far settle the request, and who is missing if not."""
    return _outcome(view, view.decisions)


def _outcome(view: RequestView, given: Sequence[Decision]) -> Outcome:
    request = view.request
    policy = request.rules
    asked = assignments(policy, view.events)
    return outcome(policy, asked, given, requester=request.starter, asked_by=view.asker, edits=request.edits)


def approve(store: Store, request_id: int, person: Person, *, digest: str, reason: str = "") -> RequestView:
    """Agree to exactly the plan that was shown; the request afterwards, which may still need others to agree.

    Args:
        store: holds the request.
        request_id: which.
        person: who agrees, verified by the caller.
        digest: of the plan that this person was shown.
        reason: in their words.

    The plan is read in full and held against its digest before anything is recorded.

    Raises NotAllowed, AlreadyDecided, NotDecidable (the digest is another), RequestNotFound, RequestError,
    StoreError; PlanAltered if someone has changed the plan in the store.
    """
    return _decide(store, request_id, person, digest=digest, reason=reason, agrees=True)


def deny(store: Store, request_id: int, person: Person, *, digest: str, reason: str) -> RequestView:
    """Refuse the plan that was shown, for a reason; one denial denies. Raises as `approve`."""
    return _decide(store, request_id, person, digest=digest, reason=reason, agrees=False)


def reroute(
    store: Store,
    request_id: int,
    person: Person,
    to: Approvers,
    *,
    reason: str = "",
    unable: Collection[Approver] = (),
) -> RequestView:
    """Ask others too; those who were asked before can still decide. Only who may decide may reroute. Raises
    as `approve`.

    `unable`: those of them who cannot open the request, as far as Airflow tells. RequestError also for a name
    that no one can have, and for a user whose answer could never count, or who is the one that asks.
    """
    for name in (*to.users, *to.roles):
        if wrong := impossible_name(name):
            raise RequestError(f"{printable(name)!r} cannot be asked: the name {wrong}. Correct it.")

    def check(view: RequestView) -> None:
        _refuse(may_decide(view, person))
        for name in to.users:
            if in_vain := asked_in_vain(view, person, name):
                raise RequestError(in_vain)

    return store.decisions.reroute(
        request_id,
        person.name,
        named(to),
        roles=person.roles,
        verified=person.verified,
        reason=reason,
        escalate_after=_pause(store.requests.get(request_id).request),
        unable=unable,
        check=check,
    )


def cancel(
    store: Store, request_id: int, person: Person, *, reason: str = "", administrator: bool = False
) -> RequestView:
    """Withdraw a request, as its requester or an administrator, as long as no one writes.

    Raises as `approve`.
    """

    def check(view: RequestView) -> None:
        if why_not := _why_not_cancel(view, person, administrator=administrator):
            raise NotAllowed(why_not)

    return store.decisions.cancel(request_id, person.name, reason=reason, even_approved=True, check=check)


def comment(store: Store, request_id: int, person: Person, text: str) -> RequestView:
    """Add a comment; everyone who may see the request may comment on it. Raises as `approve`."""
    _require_verified(person)
    return store.decisions.comment(request_id, person.name, text)


def asked_in_vain(view: RequestView, person: Person, user: str) -> str:
    """Why it makes no sense that this person asks that user, in words; empty if it does."""
    policy, requester = view.request.rules, view.request.starter
    if same_person(user, person.name):
        return f"{printable(user)} is you, and you may decide yourself. Name someone else."
    if any(same_person(decision.person.name, user) for decision in view.decisions):
        return f"{printable(user)} has decided already, and a decision is final. Name someone else."
    if could_decide(policy, user, requester, view.asker, view.request.edits):
        return ""
    if policy.self_approval == "forbid" and (saved := versions_by(user, view.request.edits)):
        return (
            f"{printable(user)} saved {versions_text(saved)} of this collection, and no one else has approved"
            " the job since then, so another person has to decide. Name someone else."
        )
    if same_person(user, requester) or same_person(user, view.asker):
        return f"{printable(user)} asked for these changes, so someone else has to decide. Name someone else."
    return (
        f"{printable(user)} could never decide: the policy lets only certain people do so, and this user is"
        " not one of them. Name someone else."
    )


def _decide(
    store: Store, request_id: int, person: Person, *, digest: str, reason: str, agrees: bool
) -> RequestView:
    def evaluate(view: RequestView, decisions: tuple[Decision, ...]) -> RequestState | None:
        _refuse(may_decide(view, person), deciding=True)
        match _outcome(view, decisions):
            case Approved():
                return RequestState.APPROVED
            case Denied():
                return RequestState.DENIED
            case _:
                return None

    now = store.requests.get(request_id)
    _verify_plan(store, now, person, digest)
    return store.decisions.decide(
        request_id,
        person.name,
        roles=person.roles,
        verified=person.verified,
        approve=agrees,
        reason=reason,
        expected_digest=digest,
        evaluate=evaluate,
        escalate_after=_pause(now.request),
    )


def _verify_plan(store: Store, view: RequestView, person: Person, digest: str) -> None:
    """Raise PlanAltered if the plan is not what was filed.

    Not under the request's lock: a large plan takes seconds.
    """
    request = view.request
    if request.pending and request.digest == digest and not _why_not_decide(view, person):
        store.plans.verify(request.plan_id, digest=digest, statistics=request.statistics)
        store.requests.verify(request)


def _why_not_decide(view: RequestView, person: Person) -> str:
    refusal = may_decide(view, person)
    return "" if refusal is None else refusal_text(refusal)


def _pause(request: Request) -> timedelta | None:
    """How long the people who are asked now have, where others are to be asked after them."""
    if request.escalates is None:
        return None
    escalation = request.rules.escalation
    return None if escalation is None else escalation.after


def _why_not_cancel(view: RequestView, person: Person, *, administrator: bool) -> str:
    request = view.request
    if not person.verified or not person.name:
        return "Airflow does not know who you are. Log in to cancel requests."
    if request.state not in UNDER_WAY:
        return f"The request is {request.state}; there is nothing left to cancel."
    if request.begun is not None:
        return "It is being applied already."
    asker = view.asker
    if administrator or (asker and same_person(asker, person.name)):
        return ""
    # A name that no one has checked, such as an operating system's, is no one's to act for; nor is the
    # schedule's.
    is_person = request.requester_verified and request.trigger != SCHEDULED
    if is_person and same_person(request.requester, person.name):
        return ""
    if versions_by(person.name, request.edits):
        return ""
    return (
        "Only who asked for these changes, or an administrator, can cancel the request. You can deny it if"
        " you may decide."
    )


def _refuse(refusal: Refusal | None, *, deciding: bool = False) -> None:
    if refusal is None:
        return
    if deciding and (given := refusal.decision) is not None:
        raise AlreadyDecided(
            refusal_text(refusal),
            by=given.person.name,
            at=given.at,
            state=RequestState.APPROVED if given.agreed else RequestState.DENIED,
        )
    raise NotAllowed(refusal_text(refusal))


def _require_verified(person: Person) -> None:
    if not person.verified or not person.name:
        raise NotAllowed("Airflow does not know who you are. Log in to comment.")
