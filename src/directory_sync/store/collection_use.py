"""What keeps a saved collection from being deleted or renamed: its runs and requests that are under way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from directory_sync.approval.states import UNDER_WAY
from directory_sync.errors import CollectionInUse
from directory_sync.store.tables import RequestRow

_MOST_NAMED = 20
"""Runs or requests that a refusal names."""


def require_nothing_under_way(connection: Connection, name: str, running: Sequence[str]) -> None:
    """Raise CollectionInUse if a collection has runs that go on, or requests that wait to be decided or
    applied.

    The caller holds back filing (`policy_changes.hold_back_filing`), so that there are no others before the
    transaction ends.

    Args:
        connection: the transaction that deletes or renames the collection.
        name: of the collection.
        running: ids of its runs that have not ended, as Airflow tells.
    """
    query = (
        select(RequestRow.id)
        .where(RequestRow.collection == name, RequestRow.state.in_(UNDER_WAY))
        .order_by(RequestRow.id.desc())
        .limit(_MOST_NAMED + 1)
    )
    requests = connection.scalars(query).all()
    if running or requests:
        raise _in_use(name, running, requests)


def _in_use(name: str, runs: Sequence[str], requests: Sequence[int]) -> CollectionInUse:
    def named(what: str, given: Sequence[Any]) -> str:
        more = " and others" if len(given) > _MOST_NAMED else ""
        return f"{what} {', '.join(map(str, given[:_MOST_NAMED]))}{more}" if given else ""

    under_way = " and ".join(filter(None, (named("run", runs), named("request", requests))))
    remedies = [
        "stop its runs, or switch the collection off and wait until they have ended" if runs else "",
        "decide or cancel its requests; an approved one is applied by its run" if requests else "",
    ]
    return CollectionInUse(
        f"The collection {name} stays as it is, because {under_way} of it"
        f" {'are' if len(runs) + len(requests) > 1 else 'is'} under way. First"
        f" {'; '.join(filter(None, remedies))}.",
        name=name,
        runs=runs[: _MOST_NAMED + 1],
        requests=requests[: _MOST_NAMED + 1],
    )
