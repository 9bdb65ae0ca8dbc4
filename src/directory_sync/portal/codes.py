"""Codes for what the portal finds out of plans and of people; the REST API answers them."""

from __future__ import annotations

from enum import StrEnum


class Integrity(StrEnum):
    """What is known of a stored plan."""

    INTACT = "intact"
    CHECKING = "checking"
    ALTERED = "altered"


class Known(StrEnum):
    """Whether Airflow has a user, or a role or group, of exactly this name."""

    YES = "yes"
    NO = "no"
    NOT_YET = "not_yet"
    """It knows users from their first sign-in on, because they are kept elsewhere (LDAP, OAuth)."""
    UNKNOWN = "unknown"
    """The auth manager does not tell."""


class PreviewStanding(StrEnum):
    """How a preview stands."""

    WAITING = "waiting"
    NO_WORKER = "no_worker"
    """It has waited for a minute."""
    PAUSED = "paused"
    """The internal DAG is switched off."""
    NOT_STARTED = "not_started"
    """Airflow has no run for it, or that has ended before it began."""
    RUNNING = "running"
    LOST = "lost"
    """Its worker is gone."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def goes_on(self) -> bool:
        """Whether there may be more to see without anyone doing anything."""
        return self in (
            PreviewStanding.WAITING,
            PreviewStanding.NO_WORKER,
            PreviewStanding.PAUSED,
            PreviewStanding.RUNNING,
        )
