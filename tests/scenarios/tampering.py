"""Somebody who may write to the store's database alters a plan that waits there."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from directory_sync.store.store import Store
from directory_sync.store.tables import ChangeRow, PlanRow, RequestRow


def alter_change(store: Store, plan_id: int, old: str, new: str) -> None:
    """Replace a text in the plan's changes."""
    with store._database.write() as connection:
        rows = connection.execute(
            select(ChangeRow.sequence, ChangeRow.payload).where(ChangeRow.plan_id == plan_id)
        ).all()
        found = [(sequence, payload.replace(old, new)) for sequence, payload in rows if old in payload]
        assert found, f"no change of plan {plan_id} holds {old!r}"
        for sequence, payload in found:
            here = (ChangeRow.plan_id == plan_id, ChangeRow.sequence == sequence)
            connection.execute(update(ChangeRow).where(*here).values(payload=payload))


def alter_figures(store: Store, request_id: int, **figures: int) -> None:
    """Have a request show other numbers than its plan has."""
    with store._database.write() as connection:
        here = RequestRow.id == request_id
        now = connection.execute(select(RequestRow.statistics).where(here)).scalar_one()
        connection.execute(update(RequestRow).where(here).values(statistics=now | figures))


def alter_request(store: Store, request_id: int, **columns: Any) -> None:
    """Replace columns of a request."""
    with store._database.write() as connection:
        connection.execute(update(RequestRow).where(RequestRow.id == request_id).values(**columns))


def alter_plan(store: Store, plan_id: int, **header: Any) -> None:
    """Replace parts of a plan's head."""
    with store._database.write() as connection:
        here = PlanRow.id == plan_id
        now = connection.execute(select(PlanRow.header).where(here)).scalar_one()
        connection.execute(update(PlanRow).where(here).values(header=now | header))


def alter_names(store: Store, plan_id: int, name: str) -> None:
    """Have the first change of a plan show another person's name."""
    with store._database.write() as connection:
        first = (ChangeRow.plan_id == plan_id, ChangeRow.sequence == 0)
        connection.execute(update(ChangeRow).where(*first).values(name=name))


def alter_search(store: Store, plan_id: int, text: str) -> None:
    """Have the first change of a plan found by something else."""
    with store._database.write() as connection:
        first = (ChangeRow.plan_id == plan_id, ChangeRow.sequence == 0)
        connection.execute(update(ChangeRow).where(*first).values(search=text))
