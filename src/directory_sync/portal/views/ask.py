"""What is done with one request, and the question before it.

The question repeats the numbers, and carries the digest of the plan that was shown. Each action is a plain
form, and leads back to the page of the request with a message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, TypedDict

from fastapi import APIRouter, Depends, Form, Query, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.approval.people import Approver, named
from directory_sync.approval.request import Request, RequestView
from directory_sync.errors import QueryError, RequestError
from directory_sync.portal import acting, reading
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.acting import DoubtfulApprovers, StartedRun
from directory_sync.portal.presets import NONE, Presets, read_presets
from directory_sync.portal.reading import RequestDetails
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame, Frame, RequestId
from directory_sync.portal.views.rendering import render
from directory_sync.portal.wire.runs import REASON_LENGTH
from directory_sync.present.words import KindCount, count_kinds, kinds_text
from directory_sync.run import approval_text
from directory_sync.store.request_model import TEXT_LENGTH
from directory_sync.store.store import Store

router = APIRouter(prefix="/requests/{request_id}")

Text = Annotated[str, Form()]
Texts = Annotated[Sequence[str], Form()]

RequestAction = Callable[[Store, Visitor, int], RequestView | StartedRun]
"""One of `acting`, with what was entered."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The question before an action on one request.

    Attributes:
        action: `approve`, `deny`, `reroute`, `cancel` or `replan`.
        button: what the button says, with the numbers.
        explanation: what will follow.
        reason_required: the action needs one; `reason_length`: characters that it may have.
        why_not: why the visitor may not do it; empty if they may.
        kinds: what the request changes.
        problem: what was wrong with what was entered; `reason`, `users`, `roles` are what was.
        doubts: who is to be asked though Airflow does not know them, or does not let them see the collection,
            and what it tells of each; `confirmed`: their names, which the form sends if they are to be asked
            all the same.
        untold: Airflow does not tell whether someone has a name.
        presets: who a reroute may mean; `ticked`: those that were chosen, as the form sends them.
    """

    request: Request
    action: str
    title: str
    button: str
    explanation: str
    reason_required: bool
    reason_length: int
    why_not: str
    kinds: tuple[KindCount, ...]
    problem: str = ""
    reason: str = ""
    users: str = ""
    roles: str = ""
    doubts: tuple[tuple[str, str], ...] = ()
    confirmed: tuple[str, ...] = ()
    untold: bool = False
    presets: Presets = NONE
    ticked: tuple[str, ...] = ()


def ask(
    details: RequestDetails,
    action: str,
    *,
    problem: str = "",
    reason: str = "",
    users: str = "",
    roles: str = "",
    doubts: Mapping[Approver, str] = {},
    untold: bool = False,
    presets: Presets = NONE,
    ticked: Sequence[str] = (),
) -> Ask:
    """What is asked before the action. Raises KeyError for an action that does not exist."""
    request = details.request
    kinds = count_kinds(request.statistics)
    numbers = kinds_text(kinds)
    waived = (
        f" {'A limit is' if len(request.waives) == 1 else f'{len(request.waives)} limits are'} waived for it."
    )
    decide, cancel, replan = details.powers.decide, details.powers.cancel, details.why_not_replan
    title, button, explanation, why_not = {
        "approve": (
            f"Approve request {request.id}",
            f"Approve {numbers}",
            approval_text.before(request) + (waived if request.waives else ""),
            details.why_not_approve,
        ),
        "deny": (
            f"Deny request {request.id}",
            f"Deny {numbers}",
            (
                "Nothing will be written for this request, whatever others decide. The requester sees your"
                " reason."
            ),
            decide,
        ),
        "reroute": (
            f"Ask others about request {request.id}",
            "Ask them all the same" if doubts else "Ask them too",
            "They are asked too. Everyone who is asked now can still decide.",
            decide,
        ),
        "cancel": (
            f"Cancel request {request.id}",
            f"Cancel {numbers}",
            "Nothing will be written for this request. It stays in the lists as cancelled.",
            cancel,
        ),
        "replan": (
            f"Plan {request.collection} / {request.job} again",
            "Start a new run of this job",
            "The job reads both sides again and makes a new plan. An approval is never carried over to it.",
            replan,
        ),
    }[action]
    return Ask(
        request=request,
        action=action,
        title=title,
        button=button,
        explanation=explanation,
        reason_required=action == "deny",
        reason_length=REASON_LENGTH if action == "replan" else TEXT_LENGTH,
        why_not=why_not,
        kinds=kinds,
        problem=problem,
        reason=reason,
        users=users,
        roles=roles,
        doubts=tuple((named_text(approver), said) for approver, said in doubts.items()),
        confirmed=tuple(map(confirmation, doubts)),
        untold=untold,
        presets=presets,
        ticked=tuple(ticked),
    )


def named_text(approver: Approver) -> str:
    """A user or role, in words."""
    return f"{'Role' if approver.kind == 'role' else 'User'} {approver.name}"


def confirmation(approver: Approver) -> str:
    """What the form sends of someone who is to be asked all the same."""
    return f"{approver.kind}:{approver.name}"


_SAID = {
    "approve": "approved",
    "deny": "denied",
    "reroute": "rerouted",
    "cancel": "cancelled",
    "replan": "replanned",
}
"""Action → code of the message that it was done."""


@dataclass(frozen=True, slots=True)
class ActionForm:
    """A form that was sent from the page of a request, and who has sent it."""

    request: HttpRequest
    id: int
    frame: Frame
    visitor: Visitor
    store: Store

    def do(self, name: str, action: RequestAction, *, ticked: Sequence[str] = (), **entered: str) -> Response:
        """Do it and go back to the request's page. Where what was entered is wrong, the form is shown again
        with that.

        What someone else has done, or forbids, is raised.
        """
        try:
            done = action(self.store, self.visitor, self.id)
        except DoubtfulApprovers as error:
            return self._again(name, "", entered, error.doubts, ticked=ticked)
        except QueryError as error:
            return self._again(name, " ".join(error.problems.values()), entered, ticked=ticked)
        except RequestError as error:
            if type(error) is not RequestError:
                raise
            return self._again(name, str(error), entered, ticked=ticked)
        said = _SAID[name]
        if name == "approve" and isinstance(done, RequestView):
            said = "agreed" if done.request.pending else "waiver-approved" if done.request.waiver else said
        return RedirectResponse(f"{self.frame.root}/requests/{self.id}?said={said}", 303)

    def _again(
        self,
        name: str,
        problem: str,
        entered: dict[str, str],
        doubts: Mapping[Approver, str] = {},
        *,
        ticked: Sequence[str] = (),
    ) -> Response:
        details = reading.read_request(self.store, self.visitor, self.id)
        offered = _offered(self.visitor, details, name)
        page = ask(details, name, problem=problem, **entered, **offered, doubts=doubts, ticked=ticked)
        return render(self.request, "ask.html", self.frame, page, status=422)


class _Offered(TypedDict):
    untold: bool
    presets: Presets


def _offered(visitor: Visitor, details: RequestDetails, action: str) -> _Offered:
    """What only the form of a reroute has."""
    if action != "reroute":
        return {"untold": False, "presets": NONE}
    untold = not reading.tells_of_people(visitor, details.request)
    return {"untold": untold, "presets": read_presets(visitor, details)}


def sent_form(
    request: HttpRequest,
    request_id: RequestId,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> ActionForm:
    """Dependency: the form that was sent, without what was entered."""
    return ActionForm(request, request_id, frame, visitor, store)


SentForm = Annotated[ActionForm, Depends(sent_form)]


@router.post("/approve")
def approve(form: SentForm, digest: Text, reason: Text = "") -> Response:
    """Agree to the plan that was shown."""
    return form.do("approve", partial(acting.approve, digest=digest, reason=reason), reason=reason)


@router.post("/deny")
def deny(form: SentForm, digest: Text, reason: Text = "") -> Response:
    """Refuse the plan that was shown, for a reason."""
    return form.do("deny", partial(acting.deny, digest=digest, reason=reason), reason=reason)


@router.post("/reroute")
def reroute(
    form: SentForm,
    confirmed: Texts = (),
    preset: Texts = (),
    users: Text = "",
    roles: Text = "",
    reason: Text = "",
) -> Response:
    """Ask others too.

    If Airflow says that some of them cannot decide, the form first asks whether they are meant.
    """

    def action(store: Store, visitor: Visitor, request_id: int) -> RequestView:
        ticked = [each.partition(":") for each in preset]
        to = acting.approvers(
            [*_names(users), *(name for kind, _, name in ticked if kind == "user")],
            [*_names(roles), *(name for kind, _, name in ticked if kind == "role")],
        )
        sure = [approver for approver in named(to) if confirmation(approver) in confirmed]
        return acting.reroute(store, visitor, request_id, to, reason=reason, confirmed=sure)

    return form.do("reroute", action, ticked=preset, reason=reason, users=users, roles=roles)


@router.post("/cancel")
def cancel(form: SentForm, reason: Text = "") -> Response:
    """Withdraw it."""
    return form.do("cancel", partial(acting.cancel, reason=reason), reason=reason)


@router.post("/replan")
def replan(form: SentForm, reason: Text = "") -> Response:
    """Start a new run of its job."""
    return form.do("replan", partial(acting.replan, reason=reason), reason=reason)


@router.post("/comment")
def comment(form: SentForm, text: Text = "") -> Response:
    """Add a comment."""
    acting.comment(form.store, form.visitor, form.id, text)
    return RedirectResponse(f"{form.frame.root}/requests/{form.id}?said=commented#history", 303)


def _names(text: str) -> list[str]:
    """Names separated by commas or lines, each once."""
    return list(dict.fromkeys(name.strip() for name in text.replace("\n", ",").split(",") if name.strip()))


@router.get("/ask")
def ask_before(
    request: HttpRequest,
    request_id: RequestId,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    action: Annotated[str, Query(alias="do", pattern="^(approve|deny|reroute|cancel|replan)$")],
) -> Response:
    """The question before something is done, with its numbers: a dialog, or a page where there is no
    JavaScript.
    """
    details = reading.read_request(store, visitor, request_id)
    page = ask(details, action, **_offered(visitor, details, action))
    return render(request, "ask.html", frame, page, part="_ask.html")
