"""How an approved request is applied: claimed by the one run that applies it, and the result noted, also on
jobs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from directory_sync.approval.request import EventKind, MessageCode, Request
from directory_sync.approval.states import RequestState
from directory_sync.errors import NotDecidable, PlanMismatch, RequestNotFound
from directory_sync.store.database import Database
from directory_sync.store.plan_integrity import require_filed
from directory_sync.store.plans import APPLYING, run_of
from directory_sync.store.request_rows import add_event, find_request, settle_jobs
from directory_sync.store.run_stops import refuse_if_stopped
from directory_sync.store.tables import PlanRow, RequestRow


class RequestApplying:
    """Queries of those who carry approved plans out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, request_id: int, *, expected_digest: str, plan_id: int | None = None) -> Request:
        """Begin to apply the plan that a request is about, if it is approved; from then on it cannot be
        cancelled any more.

        May be called again by a retry. The request is returned as it is; `applied` says that a result has
        been noted already.

        Args:
            request_id: the request.
            expected_digest: of the plan that is about to be written.
            plan_id: that plan, where a later run has made the same one; default: the request's own.

        Raises RequestNotFound; NotDecidable if it is not approved; PlanMismatch if the approval is for
        another plan; PlanAltered if it is not what was filed; RunStopped if a person has stopped the run
        that would apply it.
        """
        with self._database.write() as connection:
            request = find_request(connection, request_id, lock=True)
            if request.state not in {RequestState.APPROVED, RequestState.APPLIED}:
                raise NotDecidable(
                    f"Request {request_id} is {request.state}, not approved, so nothing may be written for"
                    " it. Run the job again."
                )
            seal = connection.execute(select(RequestRow.seal).where(RequestRow.id == request_id)).scalar_one()
            require_filed(self._database, request, seal)
            plan_id = request.plan_id if plan_id is None else plan_id
            digest = connection.execute(
                select(PlanRow.digest).where(PlanRow.id == plan_id, PlanRow.complete)
            ).scalar_one_or_none()
            if not request.digest == digest == expected_digest:
                raise PlanMismatch(
                    f"Request {request_id} approves the plan with digest {request.digest}, not"
                    f" {expected_digest} "
                    f"(plan {plan_id} in the store has {digest}). Nothing may be written; run the job again."
                )
            if request.state == RequestState.APPLIED:
                return request
            refuse_if_stopped(connection, run_of(connection, plan_id))
            now = self._database.now(connection)
            connection.execute(
                update(PlanRow)
                .where(PlanRow.id == plan_id, PlanRow.apply_started.is_(None))
                .values(state=APPLYING, apply_started=now, request_id=request_id)
            )
            connection.execute(
                update(RequestRow)
                .where(RequestRow.id == request_id, RequestRow.begun.is_(None))
                .values(begun=now)
            )
            return find_request(connection, request_id)

    def mark_applied(
        self,
        request_id: int,
        result: Mapping[str, Any],
        *,
        code: MessageCode = MessageCode.OTHER,
        plan_id: int | None = None,
    ) -> None:
        """Note the result of an approved plan. If it is noted again, the last result counts; the events keep
        all.

        Args:
            request_id: the request.
            result: `state` is a job state.
            code: what the message in it says.
            plan_id: the plan that was applied; that nothing more of it will be is noted in the same step.

        Raises RequestNotFound; NotDecidable if the request is neither approved nor applied.
        """
        with self._database.write() as connection:
            request = find_request(connection, request_id, lock=True)
            if request.state not in {RequestState.APPROVED, RequestState.APPLIED}:
                raise NotDecidable(
                    f"Request {request_id} is {request.state}, so its plan cannot have been applied. "
                    "See the job's log for what was written, and who asked for it."
                )
            now = self._database.now(connection)
            state = str(result.get("state", RequestState.APPLIED))
            if plan_id is not None:
                connection.execute(
                    update(PlanRow).where(PlanRow.id == plan_id).values(state=state, apply_finished=now)
                )
            connection.execute(
                update(RequestRow)
                .where(RequestRow.id == request_id, RequestRow.state == request.state)
                .values(state=RequestState.APPLIED, applied=now, result=dict(result), result_code=code.value)
            )
            settle_jobs(connection, find_request(connection, request_id))
            add_event(connection, request_id, EventKind.APPLIED, at=now, data=result)

    def settle_waiting(self, request_id: int) -> None:
        """Note the result of a request on the jobs that wait for it, where it was over before they were noted
        to wait.
        """
        with contextlib.suppress(RequestNotFound), self._database.write() as connection:
            settle_jobs(connection, find_request(connection, request_id, lock=True))
