"""What is done with one request on its page: each is a plain form, and leads back to the page with a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from directory_sync.approval.states import RequestState
from directory_sync.errors import RequestError
from directory_sync.portal import acting, reading
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.pages.ask_page import ask
from directory_sync.portal.pages.frame import CurrentFrame, Frame
from directory_sync.portal.pages.rendering import render
from directory_sync.portal.pages.routes_request import RequestId
from directory_sync.portal.storage import CurrentStore
from directory_sync.store.store import Store

router = APIRouter()

Text = Annotated[str, Form()]
Deed = Callable[[], str]
"""Does it, and returns the code of the message."""


@router.post("/requests/{request_id}/approve")
def approve(
    request: Request,
    request_id: RequestId,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    digest: Text,
    reason: Text = "",
) -> Response:
    """Agree to the plan that was shown."""

    def deed() -> str:
        view = acting.approve(store, visitor, request_id, digest=digest, reason=reason)
        return "agreed" if view.request.state == RequestState.PENDING else "approved"

    return _Form(request, frame, visitor, store, request_id, "approve", reason=reason).carry_out(deed)


@router.post("/requests/{request_id}/deny")
def deny(
    request: Request,
    request_id: RequestId,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    digest: Text,
    reason: Text = "",
) -> Response:
    """Refuse the plan that was shown, for a reason."""

    def deed() -> str:
        acting.deny(store, visitor, request_id, digest=digest, reason=reason)
        return "denied"

    return _Form(request, frame, visitor, store, request_id, "deny", reason=reason).carry_out(deed)


@router.post("/requests/{request_id}/reroute")
def reroute(
    request: Request,
    request_id: RequestId,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    users: Text = "",
    roles: Text = "",
    reason: Text = "",
) -> Response:
    """Ask others too."""

    def deed() -> str:
        to = acting.approvers(_names(users), _names(roles))
        acting.reroute(store, visitor, request_id, to, reason=reason)
        return "rerouted"

    form = _Form(request, frame, visitor, store, request_id, "reroute", reason=reason, users=users, roles=roles)
    if not _names(users) and not _names(roles):
        return form.again("Name at least one user or role to ask.")
    return form.carry_out(deed)


@router.post("/requests/{request_id}/cancel")
def cancel(
    request: Request,
    request_id: RequestId,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    reason: Text = "",
) -> Response:
    """Withdraw it."""

    def deed() -> str:
        acting.cancel(store, visitor, request_id, reason=reason)
        return "cancelled"

    return _Form(request, frame, visitor, store, request_id, "cancel", reason=reason).carry_out(deed)


@router.post("/requests/{request_id}/replan")
def replan(
    request: Request,
    request_id: RequestId,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    reason: Text = "",
) -> Response:
    """Start a new run of its job."""

    def deed() -> str:
        acting.replan(store, visitor, request_id, reason=reason)
        return "replanned"

    return _Form(request, frame, visitor, store, request_id, "replan", reason=reason).carry_out(deed)


@router.post("/requests/{request_id}/comment")
def comment(
    request_id: RequestId, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore, text: Text = ""
) -> Response:
    """Add a comment."""
    acting.comment(store, visitor, request_id, text)
    return RedirectResponse(f"{frame.root}/requests/{request_id}?said=commented#history", 303)


class _Form:
    """A form that was sent. Where what was entered is wrong, it is shown again with that and with what is wrong."""

    def __init__(
        self,
        request: Request,
        frame: Frame,
        visitor: Visitor,
        store: Store,
        request_id: int,
        deed: str,
        **entered: str,
    ) -> None:
        self._request = request
        self._frame = frame
        self._visitor = visitor
        self._store = store
        self._id = request_id
        self._deed = deed
        self._entered = entered

    def carry_out(self, deed: Deed) -> Response:
        """Do it and go back to the request's page. What somebody else has done, or forbids, is raised."""
        try:
            said = deed()
        except RequestError as error:
            if type(error) is not RequestError:
                raise
            return self.again(str(error))
        return RedirectResponse(f"{self._frame.root}/requests/{self._id}?said={said}", 303)

    def again(self, problem: str) -> Response:
        """The form, with what is wrong."""
        details = reading.read_request(self._store, self._visitor, self._id)
        page = ask(details, self._deed, problem=problem, **self._entered)
        return render(self._request, "ask.html", self._frame, page, status=422)


def _names(text: str) -> list[str]:
    """Names separated by commas or lines, each once."""
    return list(dict.fromkeys(name.strip() for name in text.replace("\n", ",").split(",") if name.strip()))
