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
