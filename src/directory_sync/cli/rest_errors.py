"""What goes wrong between the command and Airflow, as this package's own errors: each says what to do about
it.
"""

from __future__ import annotations

import json
import ssl
from contextlib import suppress
from typing import Any

import httpx
from pydantic import ValidationError

from directory_sync.cli.exit_status import UsageError
from directory_sync.cli.rest_address import Address
from directory_sync.definition.problems import Problem
from directory_sync.errors import (
    AlreadyDecided,
    CollectionError,
    CollectionInUse,
    CollectionNotFound,
    DefinitionError,
    DirectorySyncError,
    EndpointError,
    EndpointUnavailable,
    NotAllowed,
    NotDecidable,
    PreviewError,
    RequestError,
    RequestNotFound,
    SecurityError,
)
from directory_sync.portal.wire.collections import ProblemOfDefinition

_OF_COLLECTIONS = {"CollectionChanged", "NameTaken", "OriginDiffers"}
_OF_PREVIEWS = {"PreviewError", "PreviewNotFound"}
_LONGEST_TEXT = 2_000
"""Characters of a server's text that a message shows."""
_UNKNOWN = "It is not known whether it was done: see directory-sync requests show, or collections show."


def label(address: Address) -> str:
    """How messages call the Airflow that was asked."""
    return f"Airflow at {address.url}"


def strange(address: Address, what: str) -> EndpointError:
    """The answer is not one that the API gives."""
    remedy = (
        "See whether the address is right (--url), and that Airflow there has Directory Sync of this version."
    )
    return EndpointError(f"{what}.", endpoint=label(address), remedy=remedy)


def too_large(address: Address, size: int, *, may_be_done: bool) -> EndpointError:
    """The answer has no end."""
    what = f"answers with more than {size // 1024 // 1024} MiB, which is not read."
    return EndpointError(
        what,
        endpoint=label(address),
        remedy=_UNKNOWN if may_be_done else "See whether the address is right (--url).",
    )


def too_slow(address: Address, seconds: float, *, may_be_done: bool) -> EndpointUnavailable:
    """The answer comes in drops."""
    what = f"had not finished its answer after {seconds:g} seconds."
    return EndpointUnavailable(
        what, endpoint=label(address), remedy=_UNKNOWN if may_be_done else "Try again later."
    )


def broken_off(address: Address, error: httpx.HTTPError, *, may_be_done: bool) -> EndpointError:
    """There was no complete answer.

    Args:
        error: what happened.
        may_be_done: what was asked for changes something, and may have been done all the same.
    """
    if (problem := _tls_problem(error)) is not None:
        return SecurityError(
            f"TLS failed: {problem}.",
            endpoint=label(address),
            remedy="If its certificate is from your own authority, give that with --ca-certificate FILE.",
        )
    not_sent = isinstance(
        error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError | httpx.PoolTimeout
    )
    if isinstance(error, httpx.ProxyError):
        what, remedy = (
            "the proxy on the way refuses.",
            "Correct HTTPS_PROXY and HTTP_PROXY, or list the host in NO_PROXY.",
        )
    elif isinstance(error, httpx.ConnectTimeout | httpx.ConnectError):
        what = f"cannot be reached ({_short(str(error)) or 'timed out'})."
        remedy = "See whether its API server runs and the address is right (--url)."
    elif isinstance(error, httpx.TimeoutException):
        what, remedy = "does not answer.", "See whether its API server is busy, and try again."
    else:
        what, remedy = f"broke off its answer ({_short(str(error)) or type(error).__name__}).", "Try again."
    return EndpointUnavailable(
        what, endpoint=label(address), remedy=_UNKNOWN if may_be_done and not not_sent else remedy
    )


def refused(
    address: Address, response: httpx.Response, content: bytes, *, is_login: bool = False
) -> DirectorySyncError | UsageError:
    """The API has answered, but not done what was asked.

    Args:
        address: who was asked.
        response: the answer's head.
        content: its body. Web pages are not shown.
        is_login: it is the answer to a login, of which nothing is shown.
    """
    status = response.status_code
    answer = {} if is_login else _json_object(content)
    detail = _detail(answer)
    if 300 <= status < 400:
        return _redirected(address, response)
    if status == 401:
        return NotAllowed(
            f"{label(address)} does not accept the token{f' ({detail})' if detail else ''}. It may have"
            " expired: get a new one, or use --user."
        )
    if (of_collection := _of_collection(status, answer, detail)) is not None:
        return of_collection
    if status == 403:
        return NotAllowed(
            detail or f"{label(address)} does not let you do that (status 403). Ask its administrator."
        )
    if status in {404, 405} and answer.get("error") != "RequestNotFound":
        if is_login:
            return strange(
                address,
                f"has no login with user name and password (status {status}); use a token (--token-file)",
            )
        return strange(address, f"has nothing there (status {status}{f': {detail}' if detail else ''})")
    if status == 404:
        return RequestNotFound(detail or "There is no such request.")
    if status == 409:
        return _conflict(answer, detail)
    if status in {400, 413, 415, 422} and detail:
        # What a list was asked for came from the options.
        if answer.get("error") == "DoubtfulApprovers":
            return RequestError(f"{detail} To confirm: --confirm-unknown.")
        return UsageError(detail) if answer.get("error") == "QueryError" else RequestError(detail)
    if status >= 500:
        done = f" {_UNKNOWN}" if response.request.method != "GET" and not is_login else ""
        return EndpointUnavailable(
            f"reports an error (status {status}{f': {detail}' if detail else ''}).{done}",
            endpoint=label(address),
            remedy="The log of its API server says more.",
        )
    return strange(address, f"answers with status {status}")


def _of_collection(status: int, answer: dict[str, Any], detail: str) -> DirectorySyncError | None:
    """What is wrong with a collection or a preview, if the answer is about one."""
    if (problems := _definition_problems(answer)) and status in {403, 422}:
        return _wrong_definition(problems, allowed=status != 403)
    if answer.get("error") == "CollectionNotFound":
        return CollectionNotFound(detail or "There is no such collection.", name="")
    if answer.get("error") == "CollectionInUse":
        return CollectionInUse(detail or "Something of it is under way.", name="", runs=(), requests=())
    if answer.get("error") in _OF_COLLECTIONS:
        return CollectionError(detail or "The collection is not as it was.", name="")
    if answer.get("error") in _OF_PREVIEWS:
        return PreviewError(detail or "The preview is not there, or is not in a state for this.")
    return None


def _definition_problems(answer: dict[str, Any]) -> list[Problem]:
    """What is wrong with a definition that was sent."""
    given = answer.get("definition_problems")
    found = []
    for each in given if isinstance(given, list) else []:
        with suppress(ValidationError):
            told = ProblemOfDefinition.model_validate(each)
            found.append(
                Problem(told.file, told.line, told.column, told.key, told.message, told.hint, told.severity)
            )
    return found


def _wrong_definition(problems: list[Problem], *, allowed: bool) -> DirectorySyncError:
    if allowed:
        return DefinitionError(problems)
    lines = "\n".join(str(problem) for problem in problems)
    return NotAllowed(f"The definition breaks rules of the deployment, so it was not saved.\n{lines}")


def _redirected(address: Address, response: httpx.Response) -> EndpointError:
    try:
        target = httpx.URL(address.url).join(response.headers.get("location", ""))
        # Only that much: the rest of an address can hold secrets.
        place = f"{target.scheme}://{target.netloc.decode('ascii', 'replace')}"
    except (httpx.InvalidURL, ValueError):
        place = "somewhere else"
    return EndpointError(
        f"redirects to {_short(place)}, which is not followed, because the login would be sent there.",
        endpoint=label(address),
        remedy="If that is right, give that address with --url.",
    )


def _conflict(answer: dict[str, Any], detail: str) -> RequestError:
    """Someone was first, or the request is not what it was."""
    if answer.get("error") != "AlreadyDecided":
        return NotDecidable(detail or "The request is not in a state for this any more.")
    by, at, state = (_short(str(answer.get(name) or "")) for name in ("by", "at", "state"))
    # The server's sentence says all of it; it is not read.
    facts = " ".join((state or "decided", *(["by", by] if by else []), *(["at", at] if at else [])))
    text = detail or f"The request has been decided already: it was {facts}."
    return AlreadyDecided(text, by=by, state=state)


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _detail(answer: dict[str, Any]) -> str:
    """The API's own words: a text, or FastAPI's list of what is wrong with which parameter."""
    detail = answer.get("detail")
    if isinstance(detail, str):
        return _short(detail)
    if not isinstance(detail, list):
        return ""
    problems = [each for each in detail if isinstance(each, dict)]
    # `input` repeats what was sent, and is left out.
    return _short("; ".join(f"{_place(each.get('loc'))}{each.get('msg', '')}" for each in problems))


def _place(location: object) -> str:
    return f"{'.'.join(map(str, location))}: " if isinstance(location, list) else ""


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def _tls_problem(error: BaseException | None) -> str | None:
    """What TLS has to complain about, if that is what ended a connection."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        if isinstance(error, ssl.SSLError):
            return error.reason or "the other side does not speak TLS as it should"
        error = error.__cause__ or error.__context__
    return None
