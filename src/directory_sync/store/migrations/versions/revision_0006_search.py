"""What changes are searched by is stored for that, instead of being told from their canonical forms."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from directory_sync.definition.passwords import is_password
from directory_sync.definition.secrets import IsSecret
from directory_sync.plan.canonical import canonical_and_search, read_canonical
from directory_sync.store.seals import SearchSeal

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

RUN, JOB_RUN = "directory_sync_collection_run", "directory_sync_job_run"
PLAN, CHANGE = "directory_sync_plan", "directory_sync_change"
_BATCH = 1_000

log = logging.getLogger(__name__)


def upgrade() -> None:
    op.add_column(CHANGE, sa.Column("search", sa.Text(), server_default="", nullable=False))
    op.add_column(PLAN, sa.Column("search_seal", sa.String(64), nullable=True))
    if not context.is_offline_mode():
        # There is nothing to read while the statements are only written down; what is stored then is not
        # found by a search.
        _fill()


def downgrade() -> None:
    op.drop_column(PLAN, "search_seal")
    op.drop_column(CHANGE, "search")


_PLANS = sa.text(f"SELECT id FROM {PLAN} ORDER BY id")  # noqa: S608 - a constant
_PLAN = sa.text(
    f"SELECT p.complete, j.job, r.definition FROM {PLAN} p "  # noqa: S608 - constants
    f"JOIN {JOB_RUN} j ON j.id = p.job_run_id JOIN {RUN} r ON r.id = j.collection_run_id WHERE p.id = :plan"
)
_CHANGES = sa.text(
    f"SELECT sequence, payload, name FROM {CHANGE} "  # noqa: S608 - constants
    "WHERE plan_id = :plan AND sequence >= :first ORDER BY sequence LIMIT :count"
)
_SEARCH = sa.text(f"UPDATE {CHANGE} SET search = :search WHERE plan_id = :plan AND sequence = :sequence")  # noqa: S608
_SEAL = sa.text(f"UPDATE {PLAN} SET search_seal = :seal WHERE id = :plan")  # noqa: S608 - constants


def _fill() -> None:
    connection = op.get_bind()
    for plan in connection.scalars(_PLANS).all():
        try:
            _fill_plan(connection, plan)
        except (ValueError, LookupError, TypeError, AttributeError):
            # A plan that was altered is refused wherever it is opened; it must not stop the upgrade.
            log.warning("Plan %d cannot be read, so a search does not find its changes.", plan)


def _fill_plan(connection: sa.Connection, plan: int) -> None:
    complete, job, definition = connection.execute(_PLAN, {"plan": plan}).one()
    is_secret = _secrets(json.loads(definition), job)
    seal = SearchSeal()
    for batch in _batches(connection, plan):
        rows = []
        for sequence, payload, name in batch:
            change = read_canonical(payload)._replace(name=name)
            search = canonical_and_search(change, is_secret)[1]
            seal.add(search)
            rows.append({"plan": plan, "sequence": sequence, "search": search})
        connection.execute(_SEARCH, rows)
    if complete:
        connection.execute(_SEAL, {"plan": plan, "seal": seal.hexdigest()})


def _batches(connection: sa.Connection, plan: int) -> Iterator[list[Any]]:
    first = 0
    while batch := list(connection.execute(_CHANGES, {"plan": plan, "first": first, "count": _BATCH})):
        yield batch
        first = batch[-1].sequence + 1


def _secrets(definition: dict[str, Any], name: str) -> IsSecret:
    """Which fields of a job are secret. Read from the definition as it is: today's models may know more."""
    job: dict[str, Any] = next((job for job in definition["jobs"] if job["name"] == name), {})
    marked = {
        field.lower()
        for field, mapping in job.get("fields", {}).items()
        if isinstance(mapping, dict) and (mapping.get("secret") or "generate_password" in mapping)
    }
    return lambda field: field.lower() in marked or is_password(field)
