"""A tab on something that is no run of a collection, or that has not begun yet: what it says, and how long it
looks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Response
from fastapi import Request as HttpRequest

from directory_sync.errors import RequestNotFound
from directory_sync.portal import stopping
from directory_sync.portal.access import Visitor
from directory_sync.portal.views.frame import Frame
from directory_sync.portal.views.rendering import render
from directory_sync.store.run_stops import RunStop
from directory_sync.store.store import Store

MOST_LOOKS = 40
"""So often a tab looks every three seconds whether a run has begun that is not known yet."""

_SOON, _SLOWLY = 3, 10
"""Seconds between two looks until then; and after that, as long as the run goes on in Airflow."""

Looks = Annotated[int, Query(ge=0, le=MOST_LOOKS)]


@dataclass(frozen=True, slots=True)
class NotOurs:
    """A tab on something that is no run of a collection.

    `again`: where to look whether it has become one, every `pause` seconds. `stop`: query of the page that
    keeps a run of a collection from beginning; empty if it is none. `stopped`: that a person has done so.
    """

    title: str
    text: str
    again: str = ""
    pause: int = _SOON
    stop: str = ""
    stopped: RunStop | None = None


def not_begun(
    request: HttpRequest,
    frame: Frame,
    visitor: Visitor,
    store: Store,
    page: NotOurs,
    path: str,
    address: Mapping[str, str],
    looks: int,
) -> Response:
    """What is said of a run that the store does not know.

    A person who has just started one is watching: it is looked for again, soon at first, and slowly as long
    as Airflow says that the run goes on. It may be queued for hours.
    """
    page = _with_stop(page, visitor, store, address)
    if page.stopped is not None:
        return render(request, "not_ours.html", frame, page, part="_not_ours.html")
    if looks < MOST_LOOKS:
        page = replace(page, again=f"{frame.root}{path}?{urlencode({**address, 'looks': looks + 1})}")
    elif _goes_on_in_airflow(visitor, address):
        page = replace(
            page, again=f"{frame.root}{path}?{urlencode({**address, 'looks': MOST_LOOKS})}", pause=_SLOWLY
        )
    return render(request, "not_ours.html", frame, page, part="_not_ours.html")


def _with_stop(page: NotOurs, visitor: Visitor, store: Store, address: Mapping[str, str]) -> NotOurs:
    """The same for a run that Airflow holds queued, which can be kept from beginning."""
    try:
        found = stopping.read_stoppable(store, visitor, address["dag_id"], address["run_id"])
    except RequestNotFound:
        return page
    query = urlencode({"dag_id": found.collection, "run_id": found.run_id})
    may_stop = found.stop is None and not found.ended and not found.why_not
    return replace(page, stop=query if may_stop else "", stopped=found.stop)


def _goes_on_in_airflow(visitor: Visitor, address: Mapping[str, str]) -> bool:
    if not visitor.may_see(address["dag_id"]):
        return False
    run = visitor.rights.run_of(address["dag_id"], address["run_id"])
    return run.identity is not None and not run.over
