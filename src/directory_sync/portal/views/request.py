"""One request: its page, worst consequence first, and the parts of it that are fetched by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any
from zlib import crc32

from fastapi import APIRouter, Query, Response
from fastapi import Request as HttpRequest

from directory_sync.approval.eligibility import policy_change
from directory_sync.approval.request import Event, EventKind, MessageCode, Request, RequestView
from directory_sync.approval.states import UNDER_WAY, RequestState
from directory_sync.plan.model import RecordProblem
from directory_sync.portal import changes, reading
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.integrity import BRIEFLY
from directory_sync.portal.queries import (
    ChangeQuery,
    Order,
)
from directory_sync.portal.reading import RequestDetails
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.change_list import ChangeList, ListLinks, change_list, render_part
from directory_sync.portal.views.frame import CurrentFrame, Frame, RequestId
from directory_sync.portal.views.limit_meters import Meter, limit_meters
from directory_sync.portal.views.pattern_table import pattern_table
from directory_sync.portal.views.rendering import render
from directory_sync.portal.views.request_history import Asked, Entry, asked, history
from directory_sync.present.definition_changes import stored_change_lines
from directory_sync.present.ldif import has_ldif
from directory_sync.present.listings import ShownListing, shown_listings
from directory_sync.present.times import ahead_text, moment_text
from directory_sync.present.words import KindCount, count_kinds, kinds_text
from directory_sync.run import approval_text
from directory_sync.store.store import Store

router = APIRouter()

_TRUE_OF = {
    "approved": (RequestState.APPROVED, RequestState.APPLIED),
    "waiver-approved": (RequestState.APPROVED,),
    "denied": (RequestState.DENIED,),
    "cancelled": (RequestState.CANCELLED,),
}
"""Message → the states of a request in which it can be true: an address alone must not make anyone believe
it.
"""


SHOWN_PROBLEMS = 50
_AT_ONCE, _SOON, _SLOWLY = 2, 3, 10
"""Seconds between two looks at a request that is being checked, is being applied, or waits."""

_TONES: Mapping[RequestState, str] = {
    RequestState.PENDING: "info",
    RequestState.APPROVED: "good",
    RequestState.APPLIED: "good",
    RequestState.DENIED: "bad",
    RequestState.EXPIRED: "careful",
    RequestState.CANCELLED: "careful",
    RequestState.STALE: "careful",
}
_AGAIN = frozenset((RequestState.DENIED, RequestState.EXPIRED, RequestState.CANCELLED, RequestState.STALE))


@dataclass(frozen=True, slots=True)
class ActionButton:
    """A button: what it does, its word, and why the visitor may not (empty if they may)."""

    name: str
    label: str
    style: str
    why_not: str


@dataclass(frozen=True, slots=True)
class ShownEdit:
    """A version of the collection: `bars` says that the person who saved it may not decide; `weakening` is
    what it protects less, in words.
    """

    version: int
    by: str
    at: datetime
    bars: bool
    weakening: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RequestPage:
    """One request.

    Attributes:
        details: what is known of it.
        tone, next: how the banner looks, and what happens next, sentence by sentence.
        kinds: what changes, worst first; `other`: further figures, name and number.
        actions: the buttons that make sense in this state; `reasons_why_not`: why some are disabled, each
            reason once.
        replaces: it has taken the place of the request to compare with.
        result: what came of carrying it out, as figures; `result_message` as a sentence.
        may_comment: whether the visitor is someone.
        problems_more: problems that are not shown.
        version: stands for everything here that can change by itself; `follow`: seconds after which the page
            looks whether it has, 0 if nothing is to come.
        listings: what both listings said of how they ended.
        terms: what is special about a waiver, before it is decided; empty otherwise.
        edits: versions of the collection that no other person had approved when it was filed.
        deadline: when it expires, seen from now; empty where it does not.
    """

    details: RequestDetails
    tone: str
    next: tuple[str, ...]
    kinds: tuple[KindCount, ...]
    other: tuple[tuple[str, int], ...]
    meters: tuple[Meter, ...]
    problems: tuple[RecordProblem, ...]
    problems_more: int
    listings: tuple[ShownListing, ...]
    actions: tuple[ActionButton, ...]
    reasons_why_not: tuple[str, ...]
    replaces: bool
    result: tuple[tuple[str, int], ...]
    result_message: str
    changes: ChangeList
    asked: tuple[Asked, ...]
    history: tuple[Entry, ...]
    may_comment: bool
    version: str
    follow: int
    terms: str
    edits: tuple[ShownEdit, ...]
    deadline: str

    @property
    def request(self) -> Request:
        """The request itself."""
        return self.details.request

    @property
    def kinds_text(self) -> str:
        """What changes, in words."""
        return kinds_text(self.kinds)


def request_page(details: RequestDetails, changes: ChangeList, *, verified: bool) -> RequestPage:
    """What the page shows. `verified`: Airflow knows who looks."""
    request, plan = details.request, details.plan
    actions = _actions(details)
    return RequestPage(
        details=details,
        tone=_TONES[request.state],
        next=tuple(_next(details, datetime.now(UTC))),
        kinds=count_kinds(request.statistics),
        other=tuple(
            (name, request.statistics.get(name, 0)) for name in ("read", "unchanged", "skipped", "errors")
        ),
        meters=limit_meters(plan.limits),
        problems=plan.problems[:SHOWN_PROBLEMS],
        problems_more=max(0, len(plan.problems) - SHOWN_PROBLEMS),
        listings=tuple(shown_listings(plan.evidence)),
        actions=actions,
        reasons_why_not=tuple(dict.fromkeys(action.why_not for action in actions if action.why_not)),
        replaces=_replaces(details.view.events),
        result=_figures(request.result),
        result_message=_result_message(request),
        changes=changes,
        asked=asked(details.view.assignees, details.standings),
        history=history(request, details.view.events),
        may_comment=verified,
        version=version_of(details),
        follow=_follow(details),
        terms=approval_text.before(request) if request.waiver and request.pending else "",
        edits=_edits(request),
        deadline=ahead_text(request.expires, datetime.now(UTC))
        if request.expires and request.pending
        else "",
    )


def _edits(request: Request) -> tuple[ShownEdit, ...]:
    bars = request.rules.self_approval == "forbid"
    return tuple(
        ShownEdit(
            edit.version,
            edit.by,
            edit.at,
            bars and edit.changes_job,
            tuple(map(str, stored_change_lines(edit.weakening))),
        )
        for edit in (() if request.saved is None else request.saved.edits)
    )


def version_of(details: RequestDetails) -> str:
    """A text that changes with everything on the page that can change by itself; it begins with
    `results_version`.
    """
    view, request = details.view, details.request
    last = view.events[-1].id if view.events else 0
    begun, held = int(request.begun is not None), 2 * details.left_behind + details.paused
    told = crc32("".join(sorted(map(repr, details.standings.items()))).encode())
    parts = (results_version(details), last, len(view.decisions), begun, held, details.answered or 0, told)
    return ".".join(map(str, parts))


def results_version(details: RequestDetails) -> str:
    """The same for the list of changes: whether they were applied, and whether they are what was filed."""
    return f"{details.request.state}-{details.integrity.state}"


def _follow(details: RequestDetails) -> int:
    """Seconds until the page looks again: soon while something is done, slowly while someone is awaited,
    never at the end.
    """
    request = details.request
    if details.integrity.checking:
        return _AT_ONCE
    if request.pending:
        return _SLOWLY
    if request.state != RequestState.APPROVED:
        return 0
    # No one knows when someone starts the run that a waiver or a terminal's request waits for.
    elsewhere = approval_text.needs_someone(request) or details.left_behind or details.paused
    return _SLOWLY if elsewhere else _SOON


def _actions(details: RequestDetails) -> tuple[ActionButton, ...]:
    state, powers = details.request.state, details.powers
    actions: list[ActionButton] = []
    if state == RequestState.PENDING:
        actions += [
            ActionButton("approve", "Approve…", "primary", details.why_not_approve),
            ActionButton("deny", "Deny…", "danger", powers.decide),
            ActionButton("reroute", "Ask others…", "", powers.decide),
        ]
    if state in UNDER_WAY:
        actions.append(ActionButton("cancel", "Cancel request…", "", powers.cancel))
    if (
        state in _AGAIN
        or _conflicts(details.request)
        or (state == RequestState.APPROVED and details.left_behind)
    ):
        actions.append(ActionButton("replan", "Plan again…", "", details.why_not_replan))
    return tuple(actions)


def _conflicts(request: Request) -> bool:
    return any(number for name, number in _figures(request.result) if name in ("conflicts", "errors"))


def _next(details: RequestDetails, now: datetime) -> list[str]:
    request = details.request
    state = RequestState(request.state)
    if state is RequestState.PENDING:
        return _next_of_pending(details, now)
    by = f" by {request.decided_by}" if request.decided_by else ""
    return {
        RequestState.APPROVED: [f"Approved{by}. {_next_of_approved(details)}"],
        RequestState.APPLIED: [f"Approved{by}, and applied. The result of each change is shown below."],
        RequestState.DENIED: [f"Denied{by}. Nothing was written, and nothing will be."],
        RequestState.EXPIRED: ["No one decided in time. Nothing was written."],
        RequestState.CANCELLED: [f"Cancelled{by}. Nothing was written for this request."],
        RequestState.STALE: [*_why_stale(details.view), "Nothing was written for it."],
    }[state]


def _why_stale(view: RequestView) -> list[str]:
    version = policy_change(view)
    if version is None:
        return ["It is out of date, so this plan can no longer be approved."]
    return [
        f"Version {version} of the collection has another approval policy for this job.",
        "This request can no longer be approved.",
        "Plan again, so that it is asked for under the new policy.",
    ]


def _next_of_approved(details: RequestDetails) -> str:
    request = details.request
    if details.left_behind:
        return (
            "Its run has ended in Airflow, or was deleted there, without applying it. Nothing was written."
            f" Plan again; or, if the run is still there, clear its task {request.job}.apply."
        )
    if details.paused:
        return f"Nothing is written yet. {_PAUSED}"
    said = approval_text.after(request, datetime.now(UTC), moment_text)
    return (
        said
        if approval_text.needs_someone(request)
        else f"{said} The result of each is shown below when that is done."
    )


_PAUSED = "The collection is switched off in Airflow; what is approved is written once it is switched on."


def _next_of_pending(details: RequestDetails, now: datetime) -> list[str]:
    request = details.request
    sentences = ["Nothing is written before this is approved."]
    if details.left_behind:
        sentences.append(
            "Its run has ended in Airflow, or was deleted there, so an approval would change nothing. The"
            " maintenance cancels such requests; start a new run."
        )
    elif details.paused:
        sentences.append(_PAUSED)
    if request.escalates is not None:
        sentences.append(
            f"If no one answers, the next approvers are asked too {ahead_text(request.escalates, now)}."
        )
    if request.expires is not None:
        sentences.append(f"It expires {ahead_text(request.expires, now)}; then nothing is written.")
    return sentences


def _replaces(events: Iterable[Event]) -> bool:
    return any(event.kind is EventKind.FILED and "replaces" in (event.data or {}) for event in events)


def _result_message(request: Request) -> str:
    """What was said when the plan was applied, beyond that it is done."""
    if request.result is None or request.result_code is MessageCode.DONE:
        return ""
    return str(request.result.get("message") or "")


def _figures(result: Mapping[str, Any] | None) -> tuple[tuple[str, int], ...]:
    """The numbers in what was noted when the plan was applied, wherever they stand in it."""
    if result is None:
        return ()
    statistics = result.get("statistics", result)
    if not isinstance(statistics, Mapping):
        return ()
    names = ("deleted", "disabled", "moved", "updated", "created", "conflicts", "errors")
    return tuple(
        (name, number) for name in names if isinstance(number := statistics.get(name), int) and number
    )


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """The parts of a request's page that have changed; `results`: the list of changes has, too."""

    request_page: RequestPage
    results: bool


@router.get("/requests/{request_id}")
def show_request(
    request: HttpRequest,
    request_id: RequestId,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """Everything about one request, worst consequence first."""
    details = reading.read_request(store, visitor, request_id)
    query = ChangeQuery.read(request.query_params.multi_items(), order=Order.CONSEQUENCE)
    listed = _changes(store, visitor, details.request, query, frame)
    said = request.query_params.get("said", "")
    if details.request.state not in _TRUE_OF.get(said, (details.request.state,)):
        frame = replace(frame, message=None)
    page = request_page(details, listed, verified=visitor.person.verified)
    return render(request, "request.html", frame, page)


@router.get("/requests/{request_id}/live")
def follow_request(
    request: HttpRequest,
    request_id: RequestId,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    known: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """What has changed on the page of a request since the version that it knows; nothing, with status 204, if
    all is as it was.

    The list of changes comes along where their results are there now; it keeps the filter, which the browser
    sends with it.
    """
    details = reading.read_request(store, visitor, request_id, kept=BRIEFLY)
    if known == version_of(details):
        return Response(status_code=204, headers={"Cache-Control": "no-store"})
    query = ChangeQuery.read(request.query_params.multi_items(), order=Order.CONSEQUENCE)
    listed = _changes(store, visitor, details.request, query, frame)
    page = request_page(details, listed, verified=visitor.person.verified)
    results = known.split(".")[0] != results_version(details)
    return render(request, "_request_live.html", frame, LiveRequest(page, results))


@router.get("/requests/{request_id}/changes")
def show_changes(
    request: HttpRequest,
    request_id: RequestId,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    more: str = "",
) -> Response:
    """What a filter lets through of a request's changes, or with `more` the rows that follow: a part of its
    page.
    """
    view = reading.visible_request(store, visitor, request_id)
    query = ChangeQuery.read(request.query_params.multi_items(), order=Order.CONSEQUENCE)
    listed = _changes(store, visitor, view.request, query, frame)
    return render_part(request, frame, listed, more=bool(more))


def _changes(
    store: Store, visitor: Visitor, request: Request, query: ChangeQuery, frame: Frame
) -> ChangeList:
    path = f"{frame.root}/requests/{request.id}"
    _, job = changes.visible_plan(store, visitor, request.plan_id)
    return change_list(
        changes.read_changes(store, visitor, request.plan_id, query, request=request),
        query,
        ListLinks(
            part=f"{path}/changes",
            page=f"{path}?",
            detail=f"{path}/changes",
            downloads=f"{frame.root}/api/v1/requests/{request.id}/changes",
        ),
        all=request.changes,
        ldif=has_ldif(job),
        applied=request.state in (RequestState.APPROVED, RequestState.APPLIED),
        patterns=pattern_table(store, visitor, request.plan_id, query.pattern),
    )
