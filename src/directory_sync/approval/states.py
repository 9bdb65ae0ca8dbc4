"""The states of a request and the ways between them, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class RequestState(StrEnum):
    """What has become of a request."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    STALE = "stale"
    APPLIED = "applied"

    @property
    def label(self) -> str:
        """For people."""
        return LABELS[self]

    @property
    def final(self) -> bool:
        """Whether nothing follows any more."""
        return not TRANSITIONS[self]

    def may_become(self, state: RequestState) -> bool:
        """Whether a request may go from this state to that one."""
        return state in TRANSITIONS[self]


TRANSITIONS: Mapping[RequestState, frozenset[RequestState]] = MappingProxyType(
    {
        RequestState.PENDING: frozenset(
            {
                RequestState.APPROVED,
                RequestState.DENIED,
                RequestState.EXPIRED,
                RequestState.CANCELLED,
                RequestState.STALE,
            }
        ),
        # What was approved but never carried out must not be carried out after a newer plan, nor when it was withdrawn.
        RequestState.APPROVED: frozenset({RequestState.APPLIED, RequestState.CANCELLED, RequestState.STALE}),
        RequestState.DENIED: frozenset(),
        RequestState.EXPIRED: frozenset(),
        RequestState.CANCELLED: frozenset(),
        RequestState.STALE: frozenset(),
        RequestState.APPLIED: frozenset(),
    }
)
"""State → the states that may follow. Nothing leads back to pending, and only an approved request can be applied."""

LABELS: Mapping[RequestState, str] = MappingProxyType(
    {
        RequestState.PENDING: "Waiting for approval",
        RequestState.APPROVED: "Approved",
        RequestState.DENIED: "Denied",
        RequestState.EXPIRED: "Expired",
        RequestState.CANCELLED: "Cancelled",
        RequestState.STALE: "Stale: replaced by a newer plan",
        RequestState.APPLIED: "Applied",
    }
)
"""State → how pages and mails call it."""
