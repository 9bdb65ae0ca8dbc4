"""What LDAP results mean for a user: result codes (RFC 4511, appendix A) and servers' own texts as exceptions
and sentences.
"""

from __future__ import annotations

import re
from typing import Any

import ldap

from directory_sync.errors import (
    AuthenticationError,
    EndpointError,
    EndpointUnavailable,
    IncompleteListing,
    MissingObjectError,
    SecurityError,
)

CONNECTION_LOST = (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.TIMEOUT, ldap.UNAVAILABLE)
"""The session is over, or will be at once: nothing is known of operations that were not answered."""

BUSY = (ldap.BUSY, ldap.UNAVAILABLE)
"""The server asks to be asked again later (RFC 4511, section A.2)."""

# Active Directory says why a login failed only in the text (MS-ADTS 3.1.1.3.2.19; the numbers are Win32 error
# codes).
_BIND_REASONS = {
    "525": ("the user does not exist", "Correct the connection's login."),
    "52e": ("user name or password is wrong", "Correct the connection's login or password."),
    "530": ("the user may not log in at this time", "Widen the logon hours, or run the job at another time."),
    "531": ("the user may not log in from this machine", "Allow it in the account's log-on workstations."),
    "532": ("the password has expired", "Set a new password for the account and in the connection."),
    "533": ("the account is disabled", "Enable the account."),
    "701": ("the account has expired", "Extend the account."),
    "773": (
        "the password must be changed first",
        "Set a new password for the account and in the connection.",
    ),
    "775": ("the account is locked", "Unlock the account."),
}
_LOGIN_FORM = "Write the login as a DN, such as cn=sync,dc=example; Active Directory also takes user@domain."
_BIND_DATA = re.compile(r"\bdata ([0-9a-f]{3,4})\b", re.IGNORECASE)
_LIMITS_389 = {"size": "nsSizeLimit", "time": "nsTimeLimit", "administrative": "nsLookThroughLimit"}
_LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f]+")


def details(error: ldap.LDAPError) -> dict[str, Any]:
    """What python-ldap tells of a failed operation: `msgid`, `result`, `desc`, `info`, `matched`, as far as
    it does.
    """
    return error.args[0] if error.args and isinstance(error.args[0], dict) else {}


def matched(error: ldap.LDAPError) -> str:
    """DN of the lowest object that is there above one that is not; empty where the server does not say."""
    return str(details(error).get("matched", ""))


def server_text(error: ldap.LDAPError) -> str:
    """The server's own words as one line, or those of the library where it said nothing."""
    told = details(error)
    info = _LINE_BREAKS.sub(" ", str(told.get("info", ""))).strip()
    name = str(told.get("desc") or type(error).__name__)
    return f"{name} ({info})" if info else name


def bind_error(error: ldap.LDAPError, endpoint: str, login: str) -> EndpointError:
    """Why a login failed."""
    who = f"login {login}" if login else "anonymous session"
    text = server_text(error)
    if isinstance(error, ldap.INVALID_CREDENTIALS):
        found = _BIND_DATA.search(text)
        reason, remedy = _BIND_REASONS.get(found[1].lower() if found else "", _BIND_REASONS["52e"])
        if found is None and "=" not in login:
            # Some servers say so (see below), 389 Directory Server takes it for the name of no one.
            remedy = f"{remedy} {_LOGIN_FORM}"
        return AuthenticationError(
            f"the directory refused the {who}: {reason}.", endpoint=endpoint, remedy=remedy
        )
    if isinstance(error, ldap.STRONG_AUTH_REQUIRED | ldap.CONFIDENTIALITY_REQUIRED):
        return SecurityError(
            f"the directory accepts a login only over an encrypted connection: {text}.",
            endpoint=endpoint,
            remedy="Set security in the connection's extra to ldaps or starttls.",
        )
    if isinstance(error, ldap.INVALID_DN_SYNTAX | ldap.NO_SUCH_OBJECT):
        return AuthenticationError(
            f"the directory does not know the {who}: {text}.",
            endpoint=endpoint,
            remedy=_LOGIN_FORM,
        )
    if isinstance(error, (*CONNECTION_LOST, *BUSY)):
        return unavailable(error, endpoint)
    return AuthenticationError(
        f"the directory refused the {who}: {text}.",
        endpoint=endpoint,
        remedy="Enter a login that may log in." if not login else "Check the account on the server.",
    )


def unavailable(error: ldap.LDAPError, endpoint: str) -> EndpointUnavailable:
    """The server does not answer, or asks to come back later."""
    if isinstance(error, BUSY):
        return EndpointUnavailable(
            f"the directory is busy: {server_text(error)}.", endpoint=endpoint, remedy="Try again later."
        )
    if isinstance(error, ldap.TIMEOUT):
        return EndpointUnavailable(
            "the directory did not answer in time.",
            endpoint=endpoint,
            remedy="Try again later, or raise timeout in the connection's extra.",
        )
    return EndpointUnavailable(
        f"the connection was lost or could not be made: {server_text(error)}.",
        endpoint=endpoint,
        remedy="See that the server runs and that the network lets us through.",
    )


def search_error(error: ldap.LDAPError, *, endpoint: str, base: str, login: str) -> EndpointError:
    """Why a listing failed or was cut short."""
    text = server_text(error)
    place = f"{base or 'the root'}"
    who = f"login {login}" if login else "anonymous sessions"
    if isinstance(error, ldap.NO_SUCH_OBJECT):
        matched = str(details(error).get("matched") or "")
        nearest = f" The nearest that is there: {matched}." if matched else ""
        return MissingObjectError(
            f"the container {place} does not exist, or {who} may not see it.{nearest}",
            endpoint=endpoint,
            remedy="Correct the container in the definition, create it, or grant read access.",
        )
    if isinstance(error, ldap.INVALID_DN_SYNTAX):
        return MissingObjectError(
            f"{place} is not a DN: {text}.", endpoint=endpoint, remedy="Correct it in the definition."
        )
    if isinstance(error, ldap.REFERRAL | ldap.PARTIAL_RESULTS):
        return IncompleteListing(
            f"{place} is held by another server: {text}. Referrals are not followed.",
            endpoint=endpoint,
            remedy="Make a connection to the server that holds it.",
        )
    if isinstance(error, ldap.SIZELIMIT_EXCEEDED | ldap.ADMINLIMIT_EXCEEDED | ldap.TIMELIMIT_EXCEEDED):
        kind = {ldap.SIZELIMIT_EXCEEDED: "size", ldap.TIMELIMIT_EXCEEDED: "time"}.get(
            type(error), "administrative"
        )
        return IncompleteListing(
            f"the server cut the listing of {place} short: its {kind} limit for {who} is reached ({text}).",
            endpoint=endpoint,
            remedy=f"Raise the server's {kind} limit for this login (OpenLDAP: its setting limits; Active"
            f" Directory: the query policy; 389 Directory Server: {_LIMITS_389[kind]} of the login's entry),"
            " or narrow container and filter.",
        )
    if isinstance(error, ldap.INSUFFICIENT_ACCESS):
        return AuthenticationError(
            f"{who} may not read {place}: {text}.",
            endpoint=endpoint,
            remedy="Grant read access, or use another login.",
        )
    if isinstance(error, ldap.STRONG_AUTH_REQUIRED | ldap.CONFIDENTIALITY_REQUIRED):
        return SecurityError(
            f"the directory wants an encrypted connection: {text}.",
            endpoint=endpoint,
            remedy="Set security to ldaps or starttls.",
        )
    if isinstance(error, ldap.OPERATIONS_ERROR) and not login:
        return AuthenticationError(
            f"the directory shows nothing to anonymous sessions: {text}.",
            endpoint=endpoint,
            remedy="Enter a login in the connection.",
        )
    if isinstance(error, CONNECTION_LOST):
        what = (
            "did not send the next page in time"
            if isinstance(error, ldap.TIMEOUT)
            else "broke the connection"
        )
        return IncompleteListing(
            f"the server {what} while {place} was listed: {text}.",
            endpoint=endpoint,
            remedy=(
                "Run the job again; if it stays so, raise timeout or lower page_size in the connection's"
                " extra."
            ),
            transient=True,
        )
    if isinstance(error, ldap.FILTER_ERROR):
        return EndpointError(
            f"the filter for {place} is not valid: {text}.",
            endpoint=endpoint,
            remedy="Correct it in the definition.",
        )
    return IncompleteListing(
        f"the listing of {place} failed: {text}.",
        endpoint=endpoint,
        remedy="Look at the server's log, then run the job again.",
        transient=isinstance(error, BUSY),
    )
