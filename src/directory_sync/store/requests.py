"""Requests for approval: everything that the store can be asked about them.

Each change is one short transaction that locks the request, so that everything that happens to one request
happens one after another, and each change leaves an event. Who may do what is not decided here: callers hand
that in.
"""

from __future__ import annotations

from directory_sync.store.request_applying import RequestApplying
from directory_sync.store.request_decisions import RequestDecisions
from directory_sync.store.request_filing import RequestFiling
from directory_sync.store.request_lists import RequestLists
from directory_sync.store.request_mail import RequestMail
from directory_sync.store.request_precedents import RequestPrecedents
from directory_sync.store.request_upkeep import RequestUpkeep


class Requests(
    RequestFiling,
    RequestPrecedents,
    RequestDecisions,
    RequestApplying,
    RequestLists,
    RequestMail,
    RequestUpkeep,
):
    """Queries about requests; a part of `Store`."""
