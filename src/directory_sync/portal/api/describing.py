"""The OpenAPI description of the REST API: its parameters and errors, and the document itself, for those who
are logged in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.requests import Request

from directory_sync import __version__
from directory_sync.approval.states import RequestState
from directory_sync.endpoints.change import Action, Result
from directory_sync.portal import changes, comparing, filters, links
from directory_sync.portal.api import models
from directory_sync.store.plan_pages import OPEN
from directory_sync.store.request_model import EventKind
from directory_sync.store.requests import LARGEST_PAGE

PREFIX = "/api/v1"

DESCRIPTION = """\
Requests for approval, their plans, and the runs that file them.

* Every call needs a login to Airflow: a token of `POST /auth/token` as `Authorization: Bearer …`, or the cookie of its web UI.
* You see what Airflow lets you see: requests, plans and runs of a collection whose DAG you may read. What you may not see is
  answered with 404, as if it did not exist. Who may decide follows from the approval policy.
* A call that changes something is refused if a browser sends it from another origin.
* Times are ISO 8601 in UTC. Values of secret fields are shown as `***` everywhere.
* Every error is JSON with `detail` (for people) and `error` (its kind).
"""  # noqa: E501

_MEANINGS = {
    401: "Nobody is logged in.",
    403: "You may not do that; or the token is not valid; or the request comes from another origin.",
    404: "There is no such thing, or you may not see it.",
    409: "Somebody or something was first, or it cannot be done in this state.",
    422: "What was sent makes no sense; `problems` says where.",
    500: "A setting of the deployment is wrong, or something unforeseen happened.",
    503: "The store does not answer. Try again later.",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors that a route may answer with, besides those of all routes."""
    return {
        status: {"model": models.Error, "description": _MEANINGS[status]}
        for status in sorted({401, 403, 500, 503, *statuses})
    }


def _parameter(
    name: str, description: str, schema: dict[str, Any] | None = None, *, repeatable: bool = False
) -> dict[str, Any]:
    each = schema or {"type": "string"}
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": {"type": "array", "items": each} if repeatable else each,
    }


def _number(lowest: int, highest: int, default: int | None = None) -> dict[str, Any]:
    bounds = {"type": "integer", "minimum": lowest, "maximum": highest}
    return bounds if default is None else bounds | {"default": default}


def _one_of(names: Sequence[str]) -> dict[str, Any]:
    return {"type": "string", "enum": list(names)}


LIST_PARAMETERS = (
    _parameter(
        "list",
        "Which list. `all` is for administrators.",
        _one_of([*filters.ListKind]) | {"default": "inbox"},
    ),
    _parameter("collection", "Only of these collections.", repeatable=True),
    _parameter("job", "Only of the job of this name."),
    _parameter("run_id", "Only those that this run has filed."),
    _parameter("requester", "Who started the run."),
    _parameter("approver", "A user who was asked by name."),
    _parameter("decided_by", "Somebody who approved, denied or cancelled it."),
    _parameter(
        "object",
        "Part of the id of an object that the plan changes; letters in any case. Slow on large plans.",
    ),
    _parameter("description", "Part of the description or of the requester's reason; letters in any case."),
    _parameter("state", "Only in one of these states.", _one_of([*RequestState]), repeatable=True),
    _parameter("event", "Only those to which this has happened.", _one_of([*EventKind])),
    _parameter("from", "Filed on this day or later: `2026-01-31`, or a time such as `2026-01-31T18:00Z`."),
    _parameter("until", "Filed on this day or earlier; a time is not included itself."),
    _parameter("before", "`next` of the page before.", _number(0, filters.LARGEST_NUMBER)),
    _parameter("limit", "The most on a page.", _number(1, LARGEST_PAGE, filters.DEFAULT_LIMIT)),
)

CHANGE_PARAMETERS = (
    _parameter(
        "search",
        "Part of the key, of an object's id before or after, of a field's name or of a value; letters in any"
        " case. Values of "
        "secret fields are not searched.",
    ),
    _parameter("action", "Only such changes.", _one_of([*Action])),
    _parameter(
        "result", "Only such; `open` are those of which nothing has become yet.", _one_of([*Result, OPEN])
    ),
    _parameter(
        "order", "The plan's, or the kinds with the worst consequences first.", _one_of([*changes.Order])
    ),
    _parameter("after", "`next` of the page before.", _number(0, changes.LARGEST_SEQUENCE)),
    _parameter("limit", "The most on a page.", _number(1, changes.LARGEST_LIMIT, changes.DEFAULT_LIMIT)),
)

COMPARISON_PARAMETERS = (
    _parameter(
        "with",
        "Number of the other request. Left out: the one that this one has replaced, else the job's last one"
        " before it.",
        _number(1, filters.LARGEST_NUMBER),
    ),
    _parameter("after", "`next` of the page before.", _number(0, filters.LARGEST_NUMBER, 0)),
    _parameter("limit", "The most on a page.", _number(1, comparing.LARGEST_LIMIT, comparing.DEFAULT_LIMIT)),
)

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
def openapi(request: Request) -> dict[str, Any]:
    """The description of this API, as OpenAPI 3.1."""
    app: FastAPI = request.app
    routes = [route for route in app.routes if isinstance(route, APIRoute) and route.include_in_schema]
    return get_openapi(
        title="Directory Sync",
        version=__version__,
        description=DESCRIPTION,
        routes=routes,
        servers=[{"url": links.portal_path("").rstrip("/") or "/"}],
        tags=[
            {"name": "requests", "description": "Requests for approval, and what people do with them."},
            {"name": "plans", "description": "The changes of a plan, with or without a request."},
            {"name": "runs", "description": "Runs of collections."},
        ],
    )
