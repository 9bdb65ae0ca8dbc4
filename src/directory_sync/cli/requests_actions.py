"""Approve, deny, reroute and cancel from the command line.

What is decided is the very plan that was shown or named.
"""

from __future__ import annotations

import sys
from argparse import Namespace

from directory_sync.approval.states import RequestState
from directory_sync.cli.exit_status import ExitStatus, UsageError
from directory_sync.cli.requests_session import Session
from directory_sync.cli.requests_text import short_lines, state_text, waiver_text
from directory_sync.cli.terminal import message
from directory_sync.errors import AlreadyDecided, NotAllowed, NotDecidable
from directory_sync.portal.codes import Integrity
from directory_sync.portal.wire.requests import RequestDetailsAnswer
from directory_sync.present.terminal import is_terminal
from directory_sync.printable import printable, printable_lines

SHORTEST_DIGEST = 12
"""Digits of a digest that name a plan well enough."""


def approve(session: Session, arguments: Namespace) -> ExitStatus:
    """Agree to a plan."""
    return _decide(session, arguments, "approve")


def deny(session: Session, arguments: Namespace) -> ExitStatus:
    """Refuse a plan."""
    return _decide(session, arguments, "deny")


def reroute(session: Session, arguments: Namespace) -> ExitStatus:
    """Ask others too."""
    users, roles = arguments.to_user or [], arguments.to_role or []
    if not users and not roles:
        raise UsageError("reroute: no one is named. Give --to-user NAME or --to-role NAME.")
    body = {"users": users, "roles": roles, "reason": arguments.reason}
    if arguments.confirm_unknown:
        body["confirm_unknown"] = True
    return _tell(session.act(arguments.request, "reroute", body))


def cancel(session: Session, arguments: Namespace) -> ExitStatus:
    """Withdraw a request."""
    return _tell(session.act(arguments.request, "cancel", {"reason": arguments.reason}))


def _decide(session: Session, arguments: Namespace, action: str) -> ExitStatus:
    prefix = _given_digest(arguments, action)
    if action == "deny" and not arguments.reason.strip():
        raise UsageError("deny: --reason is empty. Say why, so that the requester knows what to change.")
    details = session.details(arguments.request)
    _refuse(details)
    digest = details.request.digest
    if prefix:
        if not digest.lower().startswith(prefix):
            raise NotDecidable(
                f"Request {arguments.request} is about the plan {digest}, not {prefix}, so nothing was"
                f" decided. Look at it: directory-sync requests show {arguments.request} --changes."
            )
    elif not _confirmed(details, action, ask=not arguments.yes):
        message("Nothing was decided.")
        return ExitStatus.FAILED
    return _tell(session.act(arguments.request, action, {"digest": digest, "reason": arguments.reason}))


def _given_digest(arguments: Namespace, action: str) -> str:
    """The beginning of a digest that the arguments name; empty if someone sits there who is to be asked
    instead.
    """
    if arguments.digest is None:
        if is_terminal(sys.stdin) and is_terminal(sys.stderr):
            return ""
        # Without it, a script would decide on whatever the request is about, seen by no one. --yes is no
        # answer to that.
        raise UsageError(
            f"{action}: without a terminal, --digest has to name the plan that is meant: at least its first "
            f"{SHORTEST_DIGEST} digits, as directory-sync requests show {arguments.request} prints them."
        )
    prefix = str(arguments.digest).strip().lower()
    if len(prefix) < SHORTEST_DIGEST or not set(prefix) <= set("0123456789abcdef"):
        raise UsageError(f"--digest: give at least {SHORTEST_DIGEST} hexadecimal digits.")
    return prefix


def _refuse(details: RequestDetailsAnswer) -> None:
    """Say so at once if there is nothing to be asked: it is decided already, or this person may not."""
    request = details.request
    if not request.pending:
        raise AlreadyDecided(
            f"Request {request.id} is not waiting any more: {state_text(request)}. Nothing was changed.",
            by=request.decided_by or "",
            at=request.decided,
            state=request.state,
        )
    if details.integrity == Integrity.ALTERED:
        raise NotDecidable(details.integrity_message)
    if details.powers.decide:
        raise NotAllowed(details.powers.decide)


def _confirmed(details: RequestDetailsAnswer, action: str, *, ask: bool) -> bool:
    """Show in short what would be decided, and ask whether it is meant."""
    for line in short_lines(details):
        print(line, file=sys.stderr)
    if not ask:
        return True
    print(
        f"{action.capitalize()} these changes? See them with directory-sync requests show"
        f" {details.request.id} --changes. "
        "Type yes: ",
        end="",
        file=sys.stderr,
        flush=True,
    )
    return sys.stdin.readline().strip().lower() == "yes"


def _tell(details: RequestDetailsAnswer) -> ExitStatus:
    request = details.request
    print(f"request {request.id}: {state_text(request)}")
    if request.pending and details.waiting_for:
        print(f"  waits for: {printable_lines(details.waiting_for)}")
    if request.state == RequestState.APPROVED and request.waiver:
        print(f"  waiver: {waiver_text(request)}")
    elif request.state == RequestState.APPROVED and request.trigger == "terminal":
        print(
            f"  A run from a terminal has asked for it: directory-sync run FILE --approved {request.id}"
            " applies it,"
        )
        print(f"  where FILE is the definition of {printable(request.collection)}.")
    return ExitStatus.OK
