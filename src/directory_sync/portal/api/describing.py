"""The OpenAPI description of the REST API, for those who are logged in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.requests import Request

from directory_sync import __version__
from directory_sync.portal import links
from directory_sync.portal.wire.answer import Error

PREFIX = "/api/v1"

DESCRIPTION = """\
Saved collections; requests for approval, their plans, and the runs that file them.

* Every call needs a login to Airflow: a token of `POST /auth/token` as `Authorization: Bearer …`, or the cookie of its web UI.
* You see what Airflow lets you see: requests, plans and runs of a collection whose DAG you may read. What you may not see is
  answered with 404, as if it did not exist. Who may decide follows from the approval policy.
* Who may create, edit and delete collections is a setting of the deployment; owners may edit and delete their own.
* A call that changes something is refused if a browser sends it from another origin.
* Times are ISO 8601 in UTC. Values of secret fields are shown as `***` everywhere.
* Every error is JSON with `detail` (for people) and `error` (its kind).
"""  # noqa: E501

_MEANINGS = {
    401: "No one is logged in.",
    403: "You may not do that; or the token is not valid; or the request comes from another origin.",
    404: "There is no such thing, or you may not see it.",
    409: "Someone or something was first, or it cannot be done in this state.",
    422: "What was sent makes no sense; `problems` says where.",
    500: "A setting of the deployment is wrong, or something unforeseen happened.",
    502: "The directory refused what was asked of it.",
    503: "The store does not answer. Try again later.",
    504: "The directory does not answer in time.",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors that a route may answer with, besides those of all routes."""
    return {
        status: {"model": Error, "description": _MEANINGS[status]}
        for status in sorted({401, 403, 500, 503, *statuses})
    }


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
            {"name": "collections", "description": "Collections that are saved in the store."},
            {"name": "previews", "description": "What a definition would do, for the person who asks."},
            {"name": "looks", "description": "Connections, and what is in their directories."},
        ],
    )
