"""Pages that say that something is not possible, why, and where to go from there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from fastapi import Request, Response

from directory_sync.portal.links import outer_path, sign_in_path
from directory_sync.portal.typed_texts import NOTHING, SentForm, Typed
from directory_sync.portal.views.frame import address_of, bare_frame
from directory_sync.portal.views.lists import checked_address
from directory_sync.portal.views.rendering import render

TITLES = {
    401: "Sign in first",
    403: "Not allowed",
    404: "There is no such page",
    405: "Not possible here",
    409: "Someone was first, or things have changed",
    422: "Something is missing or wrong",
    500: "Something went wrong",
    503: "The store does not answer",
}
_TITLES_OF_KINDS = {"PlanAltered": "The plan was altered in the store"}
"""Kind of error → title, where the status alone says something else."""
_REQUEST = re.compile(r"^/requests/(\d{1,10})(?:/|\?|$)")
_COLLECTION = re.compile(r"/collections/[a-z][a-z0-9_]*/(?:edit|run|rename|delete)")
"""Pages of a collection with a form."""
_STEP = re.compile(r"/drafts/[0-9a-f]{32}/(?!discard)(?:jobs/\d{1,4}/)?[a-z]{1,20}")
"""Steps of the wizard."""


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """What went wrong.

    Attributes:
        message: what, and what to do about it.
        sign_in: address of Airflow's sign-in; empty if that is not the remedy.
        request: number of the request that it was about; empty if it was about none, or does not exist.
        back: path of the page that a refused form was on, or of the page itself.
        typed: what was typed into the form.
        again: path that the form was sent to, where sending it again may help; else empty. `values`: its
            other fields.
        comment: what was typed may be added to the request as a comment.
    """

    status: int
    title: str
    message: str
    sign_in: str
    request: str
    back: str
    typed: tuple[Typed, ...] = ()
    again: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def comment(self) -> str:
        """What was typed as a reason, where it can be a comment on the request instead."""
        if not self.request or self.status not in (403, 409):
            return ""
        return next((each.text for each in self.typed if each.name == "reason"), "")


def error_page(
    request: Request, *, status: int, message: str, kind: str = "", sent: SentForm = NOTHING
) -> Response:
    """The page for an error.

    Args:
        request: that was refused.
        status: HTTP's.
        message: what is wrong and what to do about it.
        kind: of error, as the REST API names it.
        sent: the form that was refused.
    """
    address = address_of(request)
    match = _REQUEST.search(address)
    number = match[1] if match and status not in (401, 404) else ""
    back = page_behind(request.method, address, sent.values)
    page = ErrorPage(
        status,
        title=_TITLES_OF_KINDS.get(kind) or TITLES.get(status, "That did not work"),
        message=message,
        sign_in=sign_in_path(outer_path(back)) if status == 401 else "",
        request=number,
        back=back,
        typed=sent.typed,
        again=address if status == 503 and request.method == "POST" else "",
        values=sent.values,
    )
    return render(request, "error.html", bare_frame(request), page, part="_error.html", status=status)


def page_behind(method: str, address: str, values: Mapping[str, str]) -> str:
    """The page to come back to: the one that was asked for, or the one that a form was on.

    Args:
        method: HTTP's.
        address: below the portal's root, with query.
        values: the form's fields that no one types into.
    """
    if method in ("GET", "HEAD"):
        return address
    path = address.partition("?")[0]
    if (match := _REQUEST.search(path)) is not None:
        return f"/requests/{match[1]}"
    if path in ("/new-collection", "/import-collections") or _COLLECTION.fullmatch(path):
        return path
    if _STEP.fullmatch(path):
        return path
    if path == "/requests/decide":
        return f"/requests?{checked_address(values.get('back', ''))}"
    if path == "/embed/waiver":
        run = {name: values.get(name, "") for name in ("dag_id", "run_id")}
        return f"/embed/run?{urlencode(run)}"
    return "/"
