"""The states of a request, and how people are told of them.

A pending request may become anything but applied; an approved one applied, or cancelled or stale as long as
no one has begun to carry it out; all other states stay. The store sees to that, under the request's lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class RequestState(StrEnum):
    """The state of a request."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    STALE = "stale"
    APPLIED = "applied"


ENDED = (
    RequestState.DENIED,
    RequestState.EXPIRED,
    RequestState.CANCELLED,
    RequestState.STALE,
    RequestState.APPLIED,
)
"""States in which nothing more happens to a request."""

UNDER_WAY = (RequestState.PENDING, RequestState.APPROVED)
"""All others: it waits for a decision, or to be applied."""

LABELS: Mapping[RequestState, str] = MappingProxyType(
    {
        RequestState.PENDING: "Waiting for approval",
        RequestState.APPROVED: "Approved",
        RequestState.DENIED: "Denied",
        RequestState.EXPIRED: "Expired",
        RequestState.CANCELLED: "Cancelled",
        RequestState.STALE: "Stale: out of date",
        RequestState.APPLIED: "Applied",
    }
)
"""State → how pages and mails call it."""
