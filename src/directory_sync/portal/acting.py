"""What people do on pages and through the REST API: decide, reroute, comment, cancel, plan again, ask for a
waiver.

Who may do it is checked in `directory_sync.requests.decisions`, under the request's lock. Each action is also
written to Airflow's audit log. Besides what each function names, all raise RequestNotFound for what the
visitor may not see, NotAllowed, and StoreError.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from directory_sync import settings
from directory_sync.approval.people import Approver, named
from directory_sync.approval.request import Request, RequestView
from directory_sync.collections.unapproved import JobHistory
from directory_sync.definition.approval import LONGEST_NAME, impossible_name
from directory_sync.definition.models import Approvers
from directory_sync.definition.templates import FolderTemplates
from directory_sync.errors import DirectorySyncError, NotDecidable, QueryError, RequestError, RequestNotFound
from directory_sync.portal import airflow_runs
from directory_sync.portal.access import Visitor, not_found
from directory_sync.portal.newest_in_airflow import require_newest_in_airflow
from directory_sync.portal.reading import visible_request
from directory_sync.portal.runs import read_run
from directory_sync.portal.standing import note
from directory_sync.portal.wire.requests import LARGEST_SELECTION
from directory_sync.portal.wire.runs import REASON_LENGTH
from directory_sync.printable import printable
from directory_sync.requests import decisions, filing
from directory_sync.run.policies import rules_for
from directory_sync.settings.minimum import parse_minimum
from directory_sync.store.runs import TERMINAL
from directory_sync.store.store import Store


@dataclass(frozen=True, slots=True)
class Selected:
    """A request of a selection, and the digest of the plan that was shown."""

    id: int
    digest: str


@dataclass(frozen=True, slots=True)
class SelectionResult:
    """The result of one request of a selection.

    Attributes:
        detail: why nothing was recorded, in words; empty if it was.
        error: the kind of error (`AlreadyDecided`, …); empty if it was recorded.
        state: the request's state afterwards; empty if nothing was recorded.
    """

    id: int
    ok: bool
    detail: str = ""
    error: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class StartedRun:
    """A run that was started."""

    dag_id: str
    run_id: str


def approve(store: Store, visitor: Visitor, request_id: int, *, digest: str, reason: str = "") -> RequestView:
    """Agree to exactly the plan that was shown. Raises AlreadyDecided, NotDecidable, RequestError."""
    visible_request(store, visitor, request_id)
    view = decisions.approve(store, request_id, visitor.person, digest=digest, reason=reason)
    _audit("approve", visitor, view.request, state=view.request.state, digest=digest, reason=reason)
    _send_mail(view.request)
    return view


def deny(store: Store, visitor: Visitor, request_id: int, *, digest: str, reason: str) -> RequestView:
    """Refuse the plan that was shown, for a reason.

    Raises AlreadyDecided, NotDecidable, RequestError (no reason).
    """
    visible_request(store, visitor, request_id)
    view = decisions.deny(store, request_id, visitor.person, digest=digest, reason=reason)
    _audit("deny", visitor, view.request, state=view.request.state, digest=digest, reason=reason)
    _send_mail(view.request)
    return view


class DoubtfulApprovers(QueryError):
    """Someone is to be asked who, as far as Airflow tells, cannot decide; to be confirmed.

    Attributes:
        doubts: who, and what keeps them from it, in words.
    """

    def __init__(self, doubts: Mapping[Approver, str]) -> None:
        self.doubts = dict(doubts)
        said = " ".join(
            f"{approver.kind.capitalize()} {approver.name}: {doubt}" for approver, doubt in doubts.items()
        )
        problem = f"{said} Correct the names, or confirm that they are to be asked all the same."
        super().__init__({"confirm_unknown": problem})
        self.args = (problem,)


def reroute(
    store: Store,
    visitor: Visitor,
    request_id: int,
    to: Approvers,
    *,
    reason: str = "",
    confirmed: Collection[Approver] | None = (),
) -> RequestView:
    """Ask others too.

    `confirmed`: who is to be asked even if Airflow does not know them or does not let them see the
    collection; None: everyone.

    Raises AlreadyDecided, RequestError; DoubtfulApprovers for those who are not among them.
    """
    seen = visible_request(store, visitor, request_id)
    standings = visitor.rights.standings(named(to), seen.request.collection)
    doubts = {
        approver: said
        for approver in named(to)
        if standings[approver].able is not True and (said := note(approver, standings[approver]))
    }
    left = (
        {}
        if confirmed is None
        else {approver: said for approver, said in doubts.items() if approver not in confirmed}
    )
    if not decisions.powers(seen, visitor.person).decide:
        if in_vain := [
            said for user in to.users if (said := decisions.asked_in_vain(seen, visitor.person, user))
        ]:
            raise RequestError(" ".join(in_vain))
        if left:
            raise DoubtfulApprovers(left)
    unable = [approver for approver in doubts if standings[approver].sees is False]
    view = decisions.reroute(store, request_id, visitor.person, to, reason=reason, unable=unable)
    _audit("reroute", visitor, view.request, users=to.users, roles=to.roles, reason=reason)
    airflow_runs.send_mail_soon()
    return view


def approvers(users: Iterable[str], roles: Iterable[str]) -> Approvers:
    """People to ask, by name, without blanks around the names.

    Raises QueryError if that is no one, or a name is impossible.
    """
    problems = {}
    given: dict[str, list[str]] = {"users": [], "roles": []}
    for kind, names in (("users", users), ("roles", roles)):
        given[kind] = [name.strip() for name in names if name.strip()]
        for name in given[kind]:
            if wrong := impossible_name(name):
                problems[kind] = (
                    f"{printable(name[:LONGEST_NAME])!r} cannot be a name: it {wrong}. Correct it."
                )
    if not any(given.values()):
        problems["users"] = "Name at least one user or role to ask."
    if problems:
        raise QueryError(problems)
    try:
        return Approvers(users=given["users"], roles=given["roles"])
    except ValidationError:
        raise QueryError({"users": "A name holds characters that no name can have. Correct it."}) from None


def cancel(store: Store, visitor: Visitor, request_id: int, *, reason: str = "") -> RequestView:
    """Withdraw a request, as its requester or an administrator. Raises AlreadyDecided."""
    visible_request(store, visitor, request_id)
    view = decisions.cancel(
        store, request_id, visitor.person, reason=reason, administrator=visitor.administrator
    )
    _audit("cancel", visitor, view.request, reason=reason)
    _send_mail(view.request)
    return view


def comment(store: Store, visitor: Visitor, request_id: int, text: str) -> RequestView:
    """Add a comment. Raises RequestError (empty, too long)."""
    visible_request(store, visitor, request_id)
    view = decisions.comment(store, request_id, visitor.person, text)
    _audit("comment", visitor, view.request)
    return view


def decide_selection(
    store: Store, visitor: Visitor, selection: Sequence[Selected], *, approve: bool, reason: str = ""
) -> tuple[SelectionResult, ...]:
    """Approve or deny several requests, each by itself; the result of each, in the given order.

    One that cannot be decided does not keep the others from being. Raises QueryError if there are none, or
    too many.
    """
    distinct = tuple(dict.fromkeys(selection))
    if not 1 <= len(distinct) <= LARGEST_SELECTION:
        raise QueryError(
            {"requests": f"Select 1 to {LARGEST_SELECTION} requests; there are {len(distinct):,}."}
        )
    results = []
    for each in distinct:
        try:
            view = (_approve if approve else deny)(store, visitor, each.id, digest=each.digest, reason=reason)
            results.append(SelectionResult(each.id, True, state=view.request.state))
        except DirectorySyncError as error:
            results.append(SelectionResult(each.id, False, str(error), type(error).__name__))
    return tuple(results)


_approve = approve  # `decide_selection` has a parameter of that name


def replan(store: Store, visitor: Visitor, request_id: int, *, reason: str = "") -> StartedRun:
    """Start a run of the request's job alone, as the visitor; it files a request of its own if its plan needs
    approval.

    Raises NotDecidable if Airflow cannot run it now (paused, unknown, newest version not read), RequestError
    if the reason is too long.
    """
    request = visible_request(store, visitor, request_id).request
    visitor.require_run(request.current_name)
    require_short(reason)
    require_newest_in_airflow(store.collections.get(request.current_name))
    conf: dict[str, Any] = {
        "jobs": [request.job],
        "reason": reason.strip() or f"Planned again because of request {request.id}.",
    }
    run_id = airflow_runs.start_run(request.current_name, by=visitor.person.name, conf=conf)
    _audit("replan", visitor, request, started=run_id, reason=reason)
    return StartedRun(request.current_name, run_id)


def require_short(reason: str) -> None:
    """Raise RequestError if a run cannot be started for a reason as long as this."""
    if len(reason) > REASON_LENGTH:
        raise RequestError(
            f"The reason has {len(reason):,} characters; at most {REASON_LENGTH:,} are possible. Shorten it."
        )


def ask_for_waiver(
    store: Store, visitor: Visitor, collection: str, run_id: str, job: str, *, reason: str
) -> RequestView:
    """Ask for the limits that stopped a job's plan to be waived once, for exactly this plan; the request.

    Raises NotDecidable if the job's latest attempt in that run was not stopped by a limit, or a request would
    be in its way (see `filing.ask_for_waiver`); RequestError if there is no reason.
    """
    run = read_run(store, visitor, collection, run_id)
    found = run.job(job)
    if found is None:
        raise RequestNotFound(not_found(f"job {job} in run {run_id} of {collection}"))
    visitor.require_run(collection)
    if not reason.strip():
        raise RequestError("Say why these changes are meant, so that others can agree to them.")
    if not found.may_be_waived or found.result is None or found.result.plan_id is None:
        state = found.state.replace("_", " ")
        raise NotDecidable(
            f"Job {job} of run {run_id} is {state}, so there is no limit to waive. "
            "Only the latest attempt counts, and only one that a limit has stopped."
        )
    plan = store.plans.load(found.result.plan_id).plan
    history = JobHistory(store, run.snapshot, job, FolderTemplates(settings.deployment_templates_folder()))
    if history.newest is not None and history.newest_collection is None:
        raise NotDecidable(
            f"The newest version ({history.newest.number}) of the collection {collection} cannot be used, so"
            " the approvers to ask are not known. Correct it first."
        )
    minimum = parse_minimum(settings.approval_minimum())
    filed = filing.ask_for_waiver(
        store,
        run.snapshot,
        found.result.plan_id,
        plan,
        policy=rules_for(run.snapshot.collection, history.newest_collection, found.job, minimum).policy,
        administrators=settings.administrator_roles(),
        asked_by=visitor.person.name,
        reason=reason.strip(),
        saved=history.saved_definition(),
        newest=history.newest_revision,
    )
    view = store.requests.get(filed.id)
    _audit("ask_for_waiver", visitor, view.request, waives=list(map(str, view.request.waives)), reason=reason)
    _send_mail(view.request)
    return view


def _send_mail(request: Request) -> None:
    """See that people hear of it at once: where a gate waits, its run does that; for all other requests there
    is none.
    """
    if request.waiver or request.trigger == TERMINAL:
        airflow_runs.send_mail_soon()


def _audit(action: str, visitor: Visitor, request: Request, **facts: Any) -> None:
    airflow_runs.write_audit_log(
        f"directory_sync.{action}",
        by=visitor.person.name,
        dag_id=request.collection,
        run_id=request.run_id,
        task_id=request.job,
        extra={"request": request.id, **facts},
    )
