"""Errors as answers: JSON below `/api`, else a page for people. Says which error means which HTTP status."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from directory_sync.errors import (
    AlreadyDecided,
    CollectionChanged,
    CollectionError,
    CollectionInUse,
    CollectionNotFound,
    DefinitionError,
    DirectorySyncError,
    DraftChanged,
    DraftError,
    DraftNotFound,
    EditRefused,
    EndpointError,
    EndpointUnavailable,
    LookError,
    LooksBusy,
    LookTimedOut,
    MissingObjectError,
    NameTaken,
    NoConnection,
    NotAllowed,
    NotDecidable,
    PlanMismatch,
    PreviewError,
    PreviewNotFound,
    QueryError,
    RequestError,
    RequestNotFound,
    RulesBroken,
    SchemaError,
    StoreError,
    UnsupportedError,
)
from directory_sync.portal import links
from directory_sync.portal.storage import forget_store
from directory_sync.portal.typed_texts import NOTHING, SentForm, sent_form

log = logging.getLogger(__name__)

STATUS: Mapping[type[DirectorySyncError], int] = {
    NotAllowed: 403,
    RequestNotFound: 404,
    PlanMismatch: 409,
    AlreadyDecided: 409,
    NotDecidable: 409,
    RequestError: 422,
    EditRefused: 403,
    RulesBroken: 403,
    CollectionNotFound: 404,
    CollectionChanged: 409,
    CollectionInUse: 409,
    NameTaken: 409,
    CollectionError: 422,
    DefinitionError: 422,
    DraftNotFound: 404,
    DraftChanged: 409,
    DraftError: 422,
    PreviewNotFound: 404,
    PreviewError: 409,
    NoConnection: 404,
    MissingObjectError: 422,
    SchemaError: 422,
    UnsupportedError: 422,
    EndpointUnavailable: 504,
    EndpointError: 502,
    LooksBusy: 503,
    LookTimedOut: 504,
    LookError: 422,
    StoreError: 503,
}
"""What each kind of error means; the most special class counts, and 500 what is not listed."""

SIGN_IN = (
    "You are not signed in, or your session has ended. Sign in to Airflow; programs send a bearer token."
)
NO_USER = (
    "Airflow does not accept this token: it was altered, revoked, or its user no longer exists. Sign in"
    " again."
)
NO_PAGE = "There is no such page."


def status_of(error: DirectorySyncError) -> int:
    """HTTP's status for an error of this package."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


_API = re.compile(rf"(?:^|{links.PREFIX})/api(?:/|$)")


def is_api(request: Request) -> bool:
    """Whether a program asks: the answer is JSON."""
    return _API.search(request.scope["path"]) is not None


def refusal(
    request: Request, status: int, detail: str, *, sent: SentForm = NOTHING, **fields: Any
) -> Response:
    """The answer to a request that is refused.

    Args:
        request: which; its path decides between JSON and a page.
        status: HTTP's.
        detail: for people: what is wrong and what to do about it.
        sent: the form that was refused; what was typed into it comes back on the page.
        fields: further members of the JSON.
    """
    headers = {"Retry-After": "10"} if status == 503 else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if is_api(request):
        return JSONResponse(
            {"detail": detail, "error": _KINDS.get(status, "Error"), **fields}, status, headers
        )
    from directory_sync.portal.views.errors import error_page

    kind = str(fields.get("error", ""))
    answer = error_page(request, status=status, message=detail, kind=kind, sent=sent)
    answer.headers.update(headers)
    return answer


_KINDS = {
    401: "NotAuthenticated",
    403: "NotAllowed",
    404: "NotFound",
    405: "MethodNotAllowed",
    422: "ValidationError",
    503: "StoreError",
    500: "Unexpected",
}


async def answer_error(request: Request, error: Exception) -> Response:
    """The answer to an error of this package."""
    assert isinstance(error, DirectorySyncError)
    status = status_of(error)
    fields: dict[str, Any] = {"error": type(error).__name__}
    if isinstance(error, AlreadyDecided):
        fields |= {"by": error.by, "at": error.at.isoformat() if error.at else None, "state": error.state}
    if isinstance(error, QueryError):
        fields["problems"] = error.problems
    fields |= _facts_of_collections(error)
    if isinstance(error, StoreError):
        await run_in_threadpool(forget_store)  # it waits for who is opening the store at this moment
    if status >= 500:
        log.error("%s %s: %s", request.method, request.url.path, error)
    return refusal(request, status, str(error), sent=await sent_form(request), **fields)


def _facts_of_collections(error: DirectorySyncError) -> dict[str, Any]:
    """What programs can use of an error about a saved collection."""
    match error:
        case DefinitionError():
            return {"definition_problems": [problem.to_json() for problem in error.problems]}
        case CollectionChanged():
            return {"by": error.by, "at": error.at.isoformat(), "number": error.number}
        case CollectionInUse():
            return {"runs": list(error.runs), "requests": list(error.requests)}
        case _:
            return {}


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """The answer to what Airflow's login or the routing refuses."""
    assert isinstance(error, HTTPException)
    detail = {401: SIGN_IN, 403: NO_USER, 404: NO_PAGE}.get(error.status_code, str(error.detail))
    answer = refusal(request, error.status_code, detail, sent=await sent_form(request))
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


async def answer_invalid_body(request: Request, error: Exception) -> Response:
    """The answer to a body, form or path that does not have the documented shape."""
    assert isinstance(error, RequestValidationError)
    problems: dict[str, str] = {}
    for each in error.errors():
        place = ".".join(str(part) for part in each["loc"][1:]) or str(each["loc"][0])
        problems.setdefault(place, f"{each['msg']}.")
    detail = " ".join(f"{place}: {problem}" for place, problem in problems.items())
    return refusal(request, 422, detail, sent=await sent_form(request), problems=problems)
