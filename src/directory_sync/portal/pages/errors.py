"""Pages that say that something is not possible, why, and where to go from there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fastapi import Request, Response

from directory_sync.portal.pages.frame import address_of, bare_frame
from directory_sync.portal.pages.rendering import render

TITLES = {
    401: "Sign in first",
    403: "Not allowed",
    404: "There is no such page",
    405: "Not possible here",
    409: "Somebody was first, or things have changed",
    422: "Something is missing or wrong",
    500: "Something went wrong",
    503: "The store does not answer",
}
_TITLES_OF_KINDS = {"PlanAltered": "The plan was altered in the store"}
"""Kind of error → title, where the status alone says something else."""
_REQUEST = re.compile(r"/requests/(\d{1,10})(?:/|\?|$)")


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """What went wrong.

    Attributes:
        message: what, and what to do about it.
        sign_in: address of Airflow's sign-in; empty if that is not the remedy.
        request: number of the request that it was about; empty if it was about none, or does not exist.
    """

    status: int
    title: str
    message: str
    sign_in: str
    request: str


def error_page(request: Request, *, status: int, message: str, kind: str = "", sign_in: str | None = None) -> Response:
    """The page for an error.

    Args:
        request: that was refused.
        status: HTTP's.
        message: what is wrong and what to do about it.
        kind: of error, as the REST API names it.
        sign_in: where to sign in and come back; None if that is not what is missing.
    """
    match = _REQUEST.search(address_of(request))
    number = match[1] if match and status not in (401, 404) else ""
    title = _TITLES_OF_KINDS.get(kind) or TITLES.get(status, "That did not work")
    page = ErrorPage(status, title, message, sign_in or "", number)
    return render(request, "error.html", bare_frame(request), page, part="_error.html", status=status)
