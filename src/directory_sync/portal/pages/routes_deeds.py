"""What is done with one request on its page: each is a plain form, and leads back to the page with a
message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from directory_sync.approval.people import Approver, named
from directory_sync.approval.request import RequestView
from directory_sync.errors import QueryError, RequestError
from directory_sync.portal import acting, reading
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.acting import DoubtfulApprovers, StartedRun
from directory_sync.portal.pages.ask_page import ask, confirmation
from directory_sync.portal.pages.frame import CurrentFrame, Frame
from directory_sync.portal.pages.rendering import render
from directory_sync.portal.pages.routes_request import RequestId
from directory_sync.portal.storage import CurrentStore
from directory_sync.store.store import Store

router = APIRouter(prefix="/requests/{request_id}")

Text = Annotated[str, Form()]
Texts = Annotated[Sequence[str], Form()]
Deed = Callable[[Store, Visitor, int], RequestView | StartedRun]
"""One of `acting`, with what was entered."""

_SAID = {
    "approve": "approved",
    "deny": "denied",
    "reroute": "rerouted",
    "cancel": "cancelled",
    "replan": "replanned",
}
"""Deed → code of the message that it was done."""


@dataclass(frozen=True, slots=True)
class DeedForm:
    """A form that was sent from the page of a request, and by whom."""

    request: Request
    id: int
    frame: Frame
    visitor: Visitor
    store: Store

    def carry_out(self, name: str, deed: Deed, **entered: str) -> Response:
        """Do it and go back to the request's page. Where what was entered is wrong, the form is shown again
        with that.

        What somebody else has done, or forbids, is raised.
        """
        try:
            done = deed(self.store, self.visitor, self.id)
        except DoubtfulApprovers as error:
            return self._again(name, "", entered, error.doubts)
        except QueryError as error:
            return self._again(name, " ".join(error.problems.values()), entered)
        except RequestError as error:
            if type(error) is not RequestError:
                raise
            return self._again(name, str(error), entered)
        said = _SAID[name]
        if name == "approve" and isinstance(done, RequestView):
            said = "agreed" if done.request.pending else "waiver-approved" if done.request.waiver else said
        return RedirectResponse(f"{self.frame.root}/requests/{self.id}?said={said}", 303)

    def _again(
        self, name: str, problem: str, entered: dict[str, str], doubts: Mapping[Approver, str] = {}
    ) -> Response:
        details = reading.read_request(self.store, self.visitor, self.id)
        untold = name == "reroute" and not reading.tells_of_people(self.visitor, details.request)
        page = ask(details, name, problem=problem, **entered, doubts=doubts, untold=untold)
        return render(self.request, "ask.html", self.frame, page, status=422)


def sent_form(
    request: Request, request_id: RequestId, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> DeedForm:
    """Dependency: the form that was sent, without what was entered."""
    return DeedForm(request, request_id, frame, visitor, store)


SentForm = Annotated[DeedForm, Depends(sent_form)]


@router.post("/approve")
def approve(form: SentForm, digest: Text, reason: Text = "") -> Response:
    """Agree to the plan that was shown."""
    return form.carry_out("approve", partial(acting.approve, digest=digest, reason=reason), reason=reason)


@router.post("/deny")
def deny(form: SentForm, digest: Text, reason: Text = "") -> Response:
    """Refuse the plan that was shown, for a reason."""
    return form.carry_out("deny", partial(acting.deny, digest=digest, reason=reason), reason=reason)


@router.post("/reroute")
def reroute(
    form: SentForm, confirmed: Texts = (), users: Text = "", roles: Text = "", reason: Text = ""
) -> Response:
    """Ask others too.

    Of whom Airflow says that they cannot decide, the form asks first whether they are meant.
    """

    def deed(store: Store, visitor: Visitor, request_id: int) -> RequestView:
        to = acting.approvers(_names(users), _names(roles))
        sure = [whom for whom in named(to) if confirmation(whom) in confirmed]
        return acting.reroute(store, visitor, request_id, to, reason=reason, confirmed=sure)

    return form.carry_out("reroute", deed, reason=reason, users=users, roles=roles)


@router.post("/cancel")
def cancel(form: SentForm, reason: Text = "") -> Response:
    """Withdraw it."""
    return form.carry_out("cancel", partial(acting.cancel, reason=reason), reason=reason)


@router.post("/replan")
def replan(form: SentForm, reason: Text = "") -> Response:
    """Start a new run of its job."""
    return form.carry_out("replan", partial(acting.replan, reason=reason), reason=reason)


@router.post("/comment")
def comment(form: SentForm, text: Text = "") -> Response:
    """Add a comment."""
    acting.comment(form.store, form.visitor, form.id, text)
    return RedirectResponse(f"{form.frame.root}/requests/{form.id}?said=commented#history", 303)


def _names(text: str) -> list[str]:
    """Names separated by commas or lines, each once."""
    return list(dict.fromkeys(name.strip() for name in text.replace("\n", ",").split(",") if name.strip()))
