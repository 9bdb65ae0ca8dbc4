"""Whether a stored plan is still the one that was saved: its digest, the number of its changes and their
kinds, read in full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Row, func, select

from directory_sync.approval.request import Request
from directory_sync.errors import PlanAltered, PlanMismatch
from directory_sync.plan.canonical import has_action
from directory_sync.plan.digest import PlanDigest, is_known
from directory_sync.plan.model import COUNTED_AS
from directory_sync.store.database import Database
from directory_sync.store.seals import PlanSeal, SearchSeal, patterns_seal, request_seal
from directory_sync.store.tables import ChangeRow, PlanPatternsRow, PlanRow

READ_BATCH = 1_000
"""Changes read in one transaction: a slow check holds nothing up."""


def stored_plan(database: Database, plan_id: int) -> Row[Any]:
    """The row of a complete plan. Raises PlanMismatch if there is none."""
    with database.read() as connection:
        row = connection.execute(
            select(PlanRow.__table__).where(PlanRow.id == plan_id, PlanRow.complete)
        ).one_or_none()
    if row is None:
        raise PlanMismatch(f"There is no plan {plan_id} in the {database.label}. Run the job again.")
    return row


def verify(database: Database, row: Row[Any], statistics: Mapping[str, int] | None = None) -> None:
    """Hold all changes of a plan against its digest, and against the figures that stand for them.

    Args:
        database: holds the plan.
        row: its head.
        statistics: further figures that have to be those of the changes.

    Raises PlanAltered; PlanMismatch if the digest is of a version that this release does not know.
    """
    if not is_known(row.digest_version):
        raise PlanMismatch(
            f"Plan {row.id} in the {database.label} was made by a newer version of airflow-directory-sync, "
            "so it cannot be checked here. Upgrade this machine too."
        )
    header: Mapping[str, Any] = row.header
    digest = PlanDigest(header["collection"], header["job"], row.destination, version=row.digest_version)
    seal = PlanSeal(header, row.findings)
    kinds: Counter[str] = Counter()
    search_seal = SearchSeal()
    for action, payload, name, search in _changes(database, row.id, header["changes"]):
        digest.add(payload.encode())
        seal.add(name)
        search_seal.add(search)
        # What pages count and filter by stands next to the change itself.
        kinds[action if has_action(payload, action) else "misfiled"] += 1
    count, expected = _count(database, row.id), header["changes"]
    if digest.hexdigest() != row.digest or count != expected:
        raise altered(
            database,
            row.id,
            f"digest {digest.hexdigest()} of {count} changes, expected {row.digest} of {expected}",
        )
    if row.seal is not None and row.seal != seal.hexdigest():
        raise altered(database, row.id, "figures, limits or names next to its changes are others")
    if row.search_seal is not None and row.search_seal != search_seal.hexdigest():
        raise altered(database, row.id, "the texts that its changes are found by are others")
    _verify_patterns(database, row)
    for figures in (header["statistics"], statistics or header["statistics"]):
        if wrong := [name for kind, name in COUNTED_AS.items() if figures.get(name, 0) != kinds[kind]]:
            raise altered(database, row.id, f"the figures {', '.join(wrong)} are not those of its changes")


def require_patterns(database: Database, plan_id: int, digest: str, row: Row[Any]) -> None:
    """Raise PlanAltered if the patterns of a plan are not what their seal names."""
    if row.seal != patterns_seal(digest, row.lines, row.places):
        raise altered(database, plan_id, "the patterns of its changes are others")


def altered(database: Database, plan_id: int, what: str) -> PlanAltered:
    """The error for a plan that someone has changed."""
    return PlanAltered(
        f"Plan {plan_id} in the {database.label} is not the one that was saved: {what}. It cannot be"
        " decided, and nothing of it is written. Find out who changed it, and run the job again."
    )


def require_filed(database: Database, request: Request, seal: str | None) -> None:
    """Raise PlanAltered if a request is not what its seal names."""
    if seal is not None and seal != request_seal(request):
        raise PlanAltered(
            f"Request {request.id} in the {database.label} is not the one that was filed: the people who"
            " ask, the policy, the "
            "limits, the figures or a text is another. No one can decide about it, and nothing of it is"
            " written. Find out who changed it, and run the job again."
        )


def _verify_patterns(database: Database, row: Row[Any]) -> None:
    query = select(PlanPatternsRow.__table__).where(PlanPatternsRow.plan_id == row.id)
    with database.read() as connection:
        patterns = connection.execute(query).one_or_none()
    if patterns is not None:
        require_patterns(database, row.id, row.digest, patterns)


def _changes(database: Database, plan_id: int, count: int) -> Iterator[tuple[str, str, str | None, str]]:
    """Kind, canonical form, name and search text of each change, in order."""
    for first in range(0, count, READ_BATCH):
        last = min(first + READ_BATCH, count) - 1
        with database.read() as connection:
            page = connection.execute(
                select(ChangeRow.action, ChangeRow.payload, ChangeRow.name, ChangeRow.search)
                .where(ChangeRow.plan_id == plan_id, ChangeRow.sequence.between(first, last))
                .order_by(ChangeRow.sequence)
            ).all()
        yield from ((row[0], row[1], row[2], row[3]) for row in page)


def _count(database: Database, plan_id: int) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).where(ChangeRow.plan_id == plan_id)).scalar_one()
