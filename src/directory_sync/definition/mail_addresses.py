"""Mail addresses that mail can be sent to."""

from __future__ import annotations

import re
from collections.abc import Collection

_LONGEST = 254  # RFC 5321, section 4.5.3.1.3: a path of 256 with its angle brackets
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"(?=.{{1,64}}$){_ATOM}(\.{_ATOM})*")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def is_within(address: str, domains: Collection[str]) -> bool:
    """Whether an address is in one of these domains, given in small letters; in any, if none are."""
    return not domains or address.rpartition("@")[2].casefold() in domains


def checked_address(text: str) -> str | None:
    """A mail address as it goes over the wire (RFC 5321 without quoted names), or None for what is none.

    Nothing that it lets through can end a header or an SMTP command. Domains in other scripts are written as
    in RFC 5890.
    """
    local, _, domain = text.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode() if not domain.isascii() else domain
    except UnicodeError:
        return None
    if (
        not (_LOCAL_PART.fullmatch(local) and _DOMAIN.fullmatch(domain))
        or len(local) + len(domain) >= _LONGEST
    ):
        return None
    return f"{local}@{domain}"
