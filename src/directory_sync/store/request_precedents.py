"""What requests that were filed before say about a plan, or about a job of a run."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from directory_sync.store.database import Database
from directory_sync.store.request_filing import live_key
from directory_sync.store.request_model import APPLIED, APPROVED, DENIED, Request
from directory_sync.store.request_rows import read_request, select_requests
from directory_sync.store.tables import RequestRow


class RequestPrecedents:
    """Queries about earlier requests of a job; a part of `Store`."""

    _database: Database

    def pending_request(self, collection: str, job: str) -> Request | None:
        """The request of a job that waits for a decision, or None."""
        with self._database.read() as connection:
            row = connection.execute(
                select_requests().where(RequestRow.live_key == live_key(collection, job))
            ).one_or_none()
            return None if row is None else read_request(row)

    def request_of_run(self, collection_run_id: int, job: str) -> Request | None:
        """The latest request that a run has filed for one of its jobs, or None."""
        with self._database.read() as connection:
            query = _newest().where(RequestRow.collection_run_id == collection_run_id, RequestRow.job == job)
            row = connection.execute(query).one_or_none()
            return None if row is None else read_request(row)

    def approved_request(self, collection: str, job: str, digest: str, *, waiver: bool) -> Request | None:
        """The latest approved request for exactly this plan that nobody has carried out, or None.

        Args:
            collection, job, digest: of the plan.
            waiver: one that a later run uses, or one that its own run carries out.
        """
        with self._database.read() as connection:
            query = _newest().where(
                RequestRow.collection == collection,
                RequestRow.job == job,
                RequestRow.digest == digest,
                RequestRow.state == APPROVED,
                RequestRow.waiver == waiver,
            )
            row = connection.execute(query).one_or_none()
            return None if row is None else read_request(row)

    def request_to_carry_out(self, collection_run_id: int, job: str) -> Request | None:
        """The latest request that a run has filed for a job and applies itself; None if there is none.

        Waivers are not among them: a later run makes use of those.
        """
        with self._database.read() as connection:
            query = _newest().where(
                RequestRow.collection_run_id == collection_run_id, RequestRow.job == job, ~RequestRow.waiver
            )
            row = connection.execute(query).one_or_none()
            return None if row is None else read_request(row)

    def standing_denial(self, collection: str, job: str, digest: str) -> Request | None:
        """The job's last denied request, if it is for this plan and the plan was not approved since; else
        None.

        Waivers do not count: they are not about the plan alone.
        """
        own = (RequestRow.collection == collection, RequestRow.job == job, ~RequestRow.waiver)
        with self._database.read() as connection:
            row = connection.execute(
                select_requests()
                .where(*own, RequestRow.state == DENIED)
                .order_by(RequestRow.decided.desc(), RequestRow.id.desc())
                .limit(1)
            ).one_or_none()
            if row is None or row.digest != digest:
                return None
            agreed = select(RequestRow.id).where(*own, RequestRow.digest == digest, RequestRow.id > row.id)
            if (
                connection.execute(agreed.where(RequestRow.state.in_([APPROVED, APPLIED])).limit(1)).first()
                is not None
            ):
                return None
            return read_request(row)


def _newest() -> Select[Any]:
    return select_requests().order_by(RequestRow.id.desc()).limit(1)
