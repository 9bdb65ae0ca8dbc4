"""What pages and REST API show of requests: lists, counts, and one with everything about it but its changes.
Bounded by what the visitor may see. Changes, comparisons and runs are read in `changes`, `comparing`, `runs`.

Every function raises RequestNotFound for what does not exist or may not be seen, QueryError for what makes no
sense, StoreError.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

from directory_sync.approval.people import Approver
from directory_sync.approval.quorum import Outcome, Pending
from directory_sync.approval.request import EventKind, Request, RequestView
from directory_sync.approval.states import UNDER_WAY, RequestState
from directory_sync.errors import NotAllowed, RequestNotFound, StoreError
from directory_sync.portal.access import Visitor, not_found
from directory_sync.portal.changes import integrity_of
from directory_sync.portal.codes import Known
from directory_sync.portal.integrity import AT_ONCE, TRY_AGAIN, Checked
from directory_sync.portal.queries import ListKind, ListQuery
from directory_sync.portal.run_in_airflow import UNTOLD, RunInAirflow, is_left_behind
from directory_sync.portal.standing import Standings, out_of_reach
from directory_sync.requests import decisions
from directory_sync.requests.decisions import Powers
from directory_sync.requests.texts import missing_text
from directory_sync.store.plan_pages import PlanHead
from directory_sync.store.request_model import RequestFilter
from directory_sync.store.runs import TERMINAL
from directory_sync.store.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RequestList:
    """One page of a list.

    Attributes:
        requests: newest first.
        next: what to give as `before` to see what follows; None at the end.
        total: how many the filter lets through, on all pages.
    """

    requests: tuple[Request, ...]
    next: int | None
    total: int


@dataclass(frozen=True, slots=True)
class RequestDetails:
    """One request with everything about it.

    Attributes:
        view: the request, who is asked, decisions and events.
        powers: what the visitor may do; each text is empty if they may, else says why not.
        why_not_replan: why the visitor may not have the job run again; empty if they may.
        outcome: whether the decisions settle it.
        plan: head of the plan: limits, warnings, problems, destination.
        previous: number of the request that this one is best compared with: the one it has replaced, else the
            job's last one.
        standings: what Airflow tells of those who are asked, while it waits.
        answered: how many of its changes have a result, while they are being applied; None otherwise.
        left_behind: Airflow goes on with nothing of the run that is to apply it; `paused`: not before it is
            switched on again.
        integrity: whether the plan is the one that was filed; of an altered one `powers` says that no one can
            decide.
    """

    view: RequestView
    powers: Powers
    why_not_replan: str
    outcome: Outcome
    plan: PlanHead
    previous: int | None
    integrity: Checked
    standings: Standings = field(default_factory=dict)
    answered: int | None = None
    left_behind: bool = False
    paused: bool = False

    @property
    def request(self) -> Request:
        """The request itself."""
        return self.view.request

    @property
    def why_not_approve(self) -> str:
        """Why the visitor may not agree now, in words; empty if they may.

        A plan that is being checked may be denied.
        """
        return self.powers.decide or (
            f"{self.integrity.message} {TRY_AGAIN}" if self.integrity.checking else ""
        )

    @property
    def reachable(self) -> bool:
        """Whether those who are asked can be enough, by the rule and as far as Airflow tells of them."""
        if not self.request.pending or not isinstance(self.outcome, Pending):
            return True
        return self.outcome.reachable and not self.out_of_reach

    @property
    def out_of_reach(self) -> bool:
        """Whether they cannot be enough because of what Airflow tells of them."""
        return self.request.pending and out_of_reach(self.view, self.standings)

    @property
    def waiting_for(self) -> str:
        """Who has to agree still, in words; empty if it does not wait."""
        if not self.request.pending or not isinstance(self.outcome, Pending):
            return ""
        return missing_text(self.outcome)


def list_requests(store: Store, visitor: Visitor, query: ListQuery) -> RequestList:
    """One page of a list.

    Raises NotAllowed for the list of all requests where the visitor is no administrator.
    """
    filter = _bounded(store, visitor, query)
    name = visitor.person.name
    match query.kind:
        case ListKind.INBOX:
            page = store.requests.inbox(
                name, visitor.person.roles, filter, before=query.before, limit=query.limit
            )
            total = store.requests.count_inbox(name, visitor.person.roles, filter)
        case ListKind.MINE:
            page = store.requests.mine(name, filter, before=query.before, limit=query.limit)
            total = store.requests.count_mine(name, filter)
        case _:
            if not visitor.administrator:
                raise NotAllowed(
                    "The list of all requests is for administrators: people with a role of the setting"
                    " administrator_roles. See your inbox and your own requests."
                )
            page = store.requests.all(filter, before=query.before, limit=query.limit)
            total = store.requests.count(filter)
    return RequestList(page.requests, page.next, total)


def count_inbox(store: Store, visitor: Visitor) -> int:
    """How many requests wait for the visitor."""
    visible = visitor.visible(store.requests.collections(pending_only=True))
    return (
        store.requests.count_inbox(
            visitor.person.name, visitor.person.roles, RequestFilter(collections=visible)
        )
        if visible
        else 0
    )


def visible_collections(store: Store, visitor: Visitor) -> tuple[str, ...]:
    """The collections with requests that the visitor may see, by name: what a filter offers."""
    return visitor.visible(store.requests.collections())


def read_request(
    store: Store,
    visitor: Visitor,
    request_id: int,
    *,
    seen: bool = True,
    at_once: int = AT_ONCE,
    kept: float = 0.0,
) -> RequestDetails:
    """One request.

    Args:
        seen: the visitor sees all of it: of someone who may decide that is noted, once for each person.
        at_once, kept: how its plan is checked, as `integrity.look` takes them.
    """
    view = visible_request(store, visitor, request_id)
    powers = decisions.powers(view, visitor.person, administrator=visitor.administrator)
    if seen and not powers.decide and _note_view(store, visitor, view):
        view = store.requests.get(request_id)
    plan = store.plan_pages.head(view.request.plan_id)
    checked = integrity_of(store, plan, view.request, at_once=at_once, kept=kept)
    if checked.altered and not powers.decide:
        powers = replace(powers, decide=checked.message)
    run = _run_that_applies(visitor, view.request)
    return RequestDetails(
        view=view,
        powers=powers,
        why_not_replan=visitor.why_not_run(view.request.current_name),
        outcome=decisions.standing(view),
        plan=plan,
        previous=_previous(store, view),
        integrity=checked,
        standings=_standings(visitor, view),
        answered=_answered(store, view.request),
        left_behind=is_left_behind(store, view.request.collection, run),
        paused=run.told and run.paused,
    )


def visible_request(store: Store, visitor: Visitor, request_id: int) -> RequestView:
    """One request as the store knows it, if the visitor may see it."""
    what = f"request {request_id}"
    try:
        view = store.requests.get(request_id)
    except RequestNotFound:
        # In the same words as for one that is hidden, so that they say nothing about its existence.
        raise RequestNotFound(not_found(what)) from None
    visitor.require_sight(view.request.current_name, what)
    return view


def _standings(visitor: Visitor, view: RequestView) -> Standings:
    if not view.request.pending:
        return {}
    asked = dict.fromkeys(Approver(each.kind, each.name) for each in view.assignees)
    return visitor.rights.standings(tuple(asked), view.request.collection)


def _run_that_applies(visitor: Visitor, request: Request) -> RunInAirflow:
    """The run that is to apply a request, as Airflow knows it.

    A waiver and a terminal's request have none.
    """
    awaited = request.state in UNDER_WAY and request.begun is None
    if not awaited or request.waiver or request.trigger == TERMINAL:
        return UNTOLD
    return visitor.rights.run_of(request.collection, request.run_id)


def tells_of_people(visitor: Visitor, request: Request) -> bool:
    """Whether Airflow tells at all who has a name, and what they may see."""
    me = Approver("user", visitor.person.name)
    return visitor.rights.standings([me], request.collection)[me].known is not Known.UNKNOWN


def _note_view(store: Store, visitor: Visitor, view: RequestView) -> bool:
    try:
        return store.decisions.record_view(view.request.id, visitor.person.name)
    except StoreError as error:
        # Reading goes on where writing does not: a full disk, a database that only reads.
        log.warning("It could not be noted that request %d was seen. %s", view.request.id, error)
        return False


def _answered(store: Store, request: Request) -> int | None:
    """A waiver's plan is applied as that of another run, of which nothing is known here."""
    if request.state != RequestState.APPROVED or request.begun is None or request.waiver:
        return None
    return store.plans.count_outcomes(request.plan_id)


def _previous(store: Store, view: RequestView) -> int | None:
    for event in view.events:
        if event.kind is EventKind.FILED and event.data and isinstance(event.data.get("replaces"), int):
            replaced: int = event.data["replaces"]
            return replaced
    request = view.request
    filter = RequestFilter(collections=(request.current_name,), job=request.job)
    earlier = store.requests.all(filter, before=request.id, limit=1).requests
    return earlier[0].id if earlier else None


def _bounded(store: Store, visitor: Visitor, query: ListQuery) -> RequestFilter:
    """The query's filter, for nothing but what the visitor may see."""
    asked = query.collections or store.requests.collections()
    return replace(query.filter, collections=visitor.visible(asked))
