"""Texts with a grammar of their own: DNs, filters, Jinja2 templates, mail addresses, time zones, encodings.

Each function says what is wrong and what would be right, or None. The libraries behind them are loaded when
first needed.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

from directory_sync.definition import filters
from directory_sync.definition.problems import suggest

Wrong = tuple[str, str] | None
Dn = tuple[frozenset[tuple[str, str]], ...]

MAX_DN = 8_000
"""Characters of a DN."""

_MAIL = re.compile(r"[^@\s,;<>\"()\\\x00-\x1f]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")
_PLAIN_RDN = r"[A-Za-z][A-Za-z0-9-]*=[A-Za-z0-9]([A-Za-z0-9 ._-]*[A-Za-z0-9._-])?"
_PLAIN_DN = re.compile(f"{_PLAIN_RDN}(,{_PLAIN_RDN})*")
"""Without anything that would have to be escaped, and without blanks around signs: nearly every DN of a
definition.
"""


@lru_cache(maxsize=1024)
def read_dn(text: str) -> Dn | None:
    """A DN (RFC 4514) in a form in which spelling does not matter; None if it is none."""
    if len(text) > MAX_DN:
        return None
    if _PLAIN_DN.fullmatch(text):
        # Importing python-ldap takes longer than all else that a task needs to find its definition.
        pairs = (rdn.partition("=") for rdn in text.split(","))
        return tuple(
            frozenset({(name.lower(), " ".join(value.split()).casefold())}) for name, _, value in pairs
        )
    return _read_any_dn(text)


def _read_any_dn(text: str) -> Dn | None:
    import ldap
    import ldap.dn

    try:
        parsed = ldap.dn.str2dn(text)
    except (ldap.LDAPError, ValueError, UnicodeError):
        return None
    return tuple(
        frozenset((name.lower(), " ".join(value.split()).casefold()) for name, value, _ in rdn)
        for rdn in parsed
    )


def dn_wrong(text: str) -> Wrong:
    """Check a DN."""
    if read_dn(text):
        return None
    return (
        "is not a DN",
        (
            "write it as in OU=People,DC=corp,DC=example, with \\ before a comma, plus sign or quote inside a"
            " name"
        ),
    )


def inside(dn: Dn, container: Dn) -> bool:
    """Whether an object is the container or below it."""
    return dn[len(dn) - len(container) :] == container if len(dn) >= len(container) else False


@lru_cache(maxsize=1024)
def filter_wrong(text: str, *, columns: bool = False) -> Wrong:
    """Check an LDAP filter (RFC 4515); `columns`: it is about columns, whose names need not be those of
    attributes.
    """
    try:
        filters.parse(text, columns=columns)
    except filters.FilterError as error:
        return f"is not an LDAP filter: {error}", "write it as in (&(objectClass=person)(mail=*))"
    return None


@lru_cache(maxsize=1024)
def template_wrong(text: str, *, names: bool = False) -> Wrong:
    """Check a Jinja2 template; `names`: it gives a DN. It is compiled just as a run does it, and not run."""
    from directory_sync.definition.expressions.templating import ExpressionError, compile_template

    try:
        compile_template(text, names=names)
    except ExpressionError as error:
        remedy = error.remedy.rstrip(".")
        return f"cannot be used as a template: {error.message}", remedy[0].lower() + remedy[1:]
    return None


def template_fields(text: str) -> tuple[str, ...]:
    """The source fields that a template reads; none of one that cannot be used."""
    from directory_sync.definition.expressions.templating import ExpressionError, compile_template

    try:
        return compile_template(text).fields
    except ExpressionError:
        return ()


def mail_wrong(text: str) -> Wrong:
    """Check a mail address: one, without a display name."""
    if _MAIL.fullmatch(text):
        return None
    return "is not a mail address", "write one address per item, as in it-operations@corp.example"


def timezone_wrong(name: str) -> Wrong:
    """Check the name of a time zone against the IANA database."""
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        near = suggest(name, available_timezones())
        return "is not a known time zone", near or "write an IANA name as in Europe/Berlin"
    return None


def encoding_wrong(name: str) -> Wrong:
    """Check the name of a character encoding."""
    try:
        "".encode(codecs.lookup(name).name)
    except (LookupError, ValueError):
        return "is not a known character encoding", "write utf-8, cp1252 or latin-1, for example"
    return None


def attribute_wrong(name: str) -> Wrong:
    """Check an attribute name (RFC 4512, section 2.5)."""
    if filters.is_attribute(name):
        return None
    return f"{name} is not an attribute name", "names have letters, digits and -, and options after ;"
