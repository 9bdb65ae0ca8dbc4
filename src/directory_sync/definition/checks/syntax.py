"""Texts with a grammar of their own: DNs, filters, Jinja2 templates, mail addresses, time zones, encodings.

Each function says what is wrong and what would be right, or None. The libraries behind them are loaded when
first needed.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

from directory_sync.definition import filters
from directory_sync.definition.passwords import is_password
from directory_sync.definition.problems import suggest
from directory_sync.dn import MAX_DN, comparable

Wrong = tuple[str, str] | None

_MAIL = re.compile(r"[^@\s,;<>\"()\\\x00-\x1f]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")


def dn_wrong(text: str) -> Wrong:
    """Check a DN."""
    if len(text) <= MAX_DN and comparable(text):
        return None
    return (
        "is not a DN",
        (
            "write it as in OU=People,DC=corp,DC=example, with \\ before a comma, plus sign or quote inside a"
            " name"
        ),
    )


@lru_cache(maxsize=1024)
def filter_wrong(text: str, *, columns: bool = False) -> Wrong:
    """Check an LDAP filter (RFC 4515), and that it compares no password: the number of objects that it
    selects would tell it, character by character.

    `columns`: it is about columns, whose names need not be those of attributes.
    """
    try:
        parsed = filters.parse(text, columns=columns)
    except filters.FilterError as error:
        return f"is not an LDAP filter: {error}", "write it as in (&(objectClass=person)(mail=*))"
    for name in filters.compared(parsed):
        if name is None:
            return (
                "compares attributes of any name, so the number of objects would tell a password",
                "name the attribute, as in (ou:dn:=Sales)",
            )
        if is_password(name):
            return (
                f"compares {name}, so the number of objects would tell a password",
                f"take that part out; ({name}=*) may ask whether there is one",
            )
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
