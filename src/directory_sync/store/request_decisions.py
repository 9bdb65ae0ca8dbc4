"""What people do with a request: approve, deny, comment, reroute, cancel.

Each is one transaction with its event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from directory_sync.approval.people import Approver, Person
from directory_sync.approval.request import Decision, EventKind, Request, RequestView
from directory_sync.approval.states import RequestState
from directory_sync.errors import AlreadyDecided, NotDecidable, RequestError
from directory_sync.store.database import Database
from directory_sync.store.request_model import checked_approvers, checked_name, checked_text
from directory_sync.store.request_rows import (
    add_assignees,
    add_event,
    end_request,
    find_request,
    names,
    require_pending,
    view_request,
)
from directory_sync.store.tables import RequestDecisionRow, RequestEventRow, RequestRow

Evaluate = Callable[[RequestView, tuple[Decision, ...]], RequestState | None]
"""Given the request as it was and all decisions including the new one: `approved`, `denied`, or None while
more is needed.

Raises a `DirectorySyncError` where this person may not decide; nothing is recorded then."""

Check = Callable[[RequestView], None]
"""Raises a `DirectorySyncError` where this may not be done; nothing is recorded then."""


class RequestDecisions:
    """Queries by which people act on requests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def decide(
        self,
        request_id: int,
        person: str,
        *,
        roles: Iterable[str],
        verified: bool,
        approve: bool,
        expected_digest: str,
        evaluate: Evaluate,
        reason: str = "",
        escalate_after: timedelta | None = None,
    ) -> RequestView:
        """Record one person's decision and what follows from it; the request afterwards.

        Args:
            request_id: the request.
            person: who decides.
            roles, verified: their roles now, and whether someone has checked who they are.
            approve: or deny, which needs a reason.
            expected_digest: of the plan that this person was shown.
            evaluate: called while the request is locked; must be quick.
            reason: in the person's words.
            escalate_after: from now, if more people are needed; None leaves the next escalation as it was.

        Raises RequestNotFound; AlreadyDecided if someone was first, or this person has decided before;
        NotDecidable if the digest is another; RequestError if the reason is missing or too long; and whatever
        `evaluate` raises.
        """
        checked_name(person, "name of the person who decides")
        checked_text(reason, "reason")
        if not approve and not reason.strip():
            raise RequestError(
                f"A denial of request {request_id} needs a reason. Say why, so that the requester can act on"
                " it."
            )
        with self._database.write() as connection:
            request, now = self._pending(connection, request_id)
            view = view_request(connection, request)
            _refuse_second_decision(view, person)
            if request.digest != expected_digest:
                raise NotDecidable(
                    f"Request {request_id} is about another plan than the one that was shown. Nothing was"
                    " recorded; look at it again."
                )
            who = Person(person, frozenset(roles), verified)
            new = Decision(who, approve, now, reason)
            state = evaluate(view, (*view.decisions, new))
            if state not in {None, RequestState.APPROVED if approve else RequestState.DENIED}:
                raise ValueError(f"deciding with approve={approve} cannot lead to {state}")
            connection.execute(
                insert(RequestDecisionRow),
                {
                    "request_id": request_id,
                    "person": person,
                    "roles": sorted(who.roles),
                    "verified": verified,
                    "approve": approve,
                    "reason": reason,
                    "at": now,
                },
            )
            kind = EventKind.APPROVED if approve else EventKind.DENIED
            data = {"state": state or request.state, "roles": sorted(who.roles), "verified": verified}
            add_event(connection, request_id, kind, at=now, actor=person, text=reason, data=data)
            if state is not None:
                end_request(connection, request, state, by=person, at=now)
            elif escalate_after is not None:
                _restart_escalation(connection, request_id, now + escalate_after)
            return view_request(connection, find_request(connection, request_id))

    def cancel(
        self,
        request_id: int,
        person: str,
        *,
        reason: str = "",
        even_approved: bool = False,
        check: Check | None = None,
    ) -> RequestView:
        """Withdraw a pending request; the request afterwards.

        Args:
            request_id: the request.
            person: who does; empty if no one does, for example because the run was cancelled.
            reason: in the person's words.
            even_approved: withdraw it also if it is approved, as long as no one has begun to apply it.
            check: called while the request is locked, to refuse.

        Raises RequestNotFound, AlreadyDecided, RequestError, and what `check` raises.
        """
        if person:
            checked_name(person, "name of the person who cancels")
        checked_text(reason, "reason")
        with self._database.write() as connection:
            request = find_request(connection, request_id, lock=True)
            now = self._database.now(connection)
            if not (even_approved and request.state == RequestState.APPROVED and request.begun is None):
                require_pending(request, now)
            if check is not None:
                check(view_request(connection, request))
            end_request(connection, request, RequestState.CANCELLED, by=person, at=now)
            add_event(connection, request_id, EventKind.CANCELLED, at=now, actor=person, text=reason)
            return view_request(connection, find_request(connection, request_id))

    def comment(self, request_id: int, person: str, text: str) -> RequestView:
        """Add a comment, in whatever state the request is; the request afterwards.

        Raises RequestNotFound or RequestError.
        """
        checked_name(person, "name of the person who comments")
        if not checked_text(text, "comment").strip():
            raise RequestError("The comment is empty. Write something, or leave it.")
        with self._database.write() as connection:
            request = find_request(connection, request_id, lock=True)
            add_event(
                connection,
                request_id,
                EventKind.COMMENTED,
                at=self._database.now(connection),
                actor=person,
                text=text,
            )
            return view_request(connection, request)

    def reroute(
        self,
        request_id: int,
        person: str,
        to: Iterable[Approver],
        *,
        roles: Iterable[str],
        verified: bool,
        reason: str = "",
        escalate_after: timedelta | None = None,
        unable: Iterable[Approver] = (),
        check: Check | None = None,
    ) -> RequestView:
        """Ask others too; the request afterwards.

        Args:
            request_id: the request.
            person: who reroutes it.
            to: who is asked from now on.
            roles, verified: the person's roles now, and whether someone has checked who they are.
            reason: in the person's words.
            escalate_after: from now; None leaves the next escalation as it was.
            unable: those of them who, as far as is known, cannot open the request: they are sent no mail
                about it.
            check: called while the request is locked, to refuse.

        Raises RequestNotFound, AlreadyDecided, RequestError, and what `check` raises.
        """
        checked_name(person, "name of the person who reroutes")
        checked_text(reason, "reason")
        to = checked_approvers(to)
        if not to:
            raise RequestError("A request is rerouted to someone: name at least one user or role.")
        with self._database.write() as connection:
            request, now = self._pending(connection, request_id, check)
            add_assignees(
                self._database, connection, request_id, to, why="reroute", level=request.level, at=now
            )
            if escalate_after is not None:
                _restart_escalation(connection, request_id, now + escalate_after)
            data = {"to": names(to), "roles": sorted(roles), "verified": verified}
            if barred := names(each for each in unable if each in to):
                data["unable"] = barred
            add_event(
                connection, request_id, EventKind.REROUTED, at=now, actor=person, text=reason, data=data
            )
            return view_request(connection, find_request(connection, request_id))

    def record_view(self, request_id: int, person: str) -> bool:
        """Note that this person has seen the request; False if that is noted already.

        Raises RequestNotFound.
        """
        checked_name(person, "name of the person who looks")
        with self._database.read() as connection:
            find_request(connection, request_id)
            if _has_viewed(connection, request_id, person):
                return False
        with self._database.write() as connection:
            find_request(connection, request_id, lock=True)
            if _has_viewed(connection, request_id, person):
                return False
            add_event(
                connection, request_id, EventKind.VIEWED, at=self._database.now(connection), actor=person
            )
            return True

    def _pending(
        self, connection: Connection, request_id: int, check: Check | None = None
    ) -> tuple[Request, datetime]:
        """The request, locked and pending, and the time at which it is."""
        request = find_request(connection, request_id, lock=True)
        now = self._database.now(connection)
        require_pending(request, now)
        if check is not None:
            check(view_request(connection, request))
        return request, now


def _restart_escalation(connection: Connection, request_id: int, at: datetime) -> None:
    connection.execute(update(RequestRow).where(RequestRow.id == request_id).values(escalates=at))


def _refuse_second_decision(view: RequestView, person: str) -> None:
    for decision in view.decisions:
        if decision.person.name == person:
            raise AlreadyDecided(
                f"{person} has already {'approved' if decision.agreed else 'denied'} request"
                f" {view.request.id}, on "
                f"{decision.at:%Y-%m-%d at %H:%M:%S} UTC. Decisions are final, and each person counts once.",
                by=person,
                at=decision.at,
                state=RequestState.APPROVED if decision.agreed else RequestState.DENIED,
            )


def _has_viewed(connection: Connection, request_id: int, person: str) -> bool:
    query = select(RequestEventRow.id).where(
        RequestEventRow.request_id == request_id,
        RequestEventRow.kind == EventKind.VIEWED.value,
        RequestEventRow.actor == person,
    )
    return connection.execute(query.limit(1)).first() is not None
