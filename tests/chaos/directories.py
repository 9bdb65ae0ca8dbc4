"""The two directories: filled anew for each case, read past every proxy, and compared as plain dicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ldap
import ldap.dn
from ldap.ldapobject import SimpleLDAPObject

from tests.chaos.model import DESTINATION, SOURCE, Entries, skeleton
from tests.scenarios import directories
from tests.scenarios.slapd import Slapd

_REFERENCES = {"member", "manager"}
Content = dict[str, dict[str, list[str]]]
"""Normalised DN → attribute → sorted values."""


def new_server(suffix: str) -> Slapd:
    """A running slapd with nothing but the top of its tree."""
    slapd = Slapd(suffix)
    slapd.load(directories.tree(suffix))
    slapd.start()
    return slapd


def refill(slapd: Slapd, entries: Entries) -> None:
    """Let a directory hold its containers and these entries, and nothing else."""
    admin = directories.administrator(slapd)
    directories.delete_below(admin, slapd.suffix, top=False)
    for dn, values in skeleton(slapd.suffix).items():
        _add(admin, {dn: values})
    _add(admin, entries)
    admin.unbind_s()


def _add(admin: SimpleLDAPObject, entries: Entries) -> None:
    """Add entries all at once, which slapd does in any order: none may be below another."""
    messages = [
        admin.add_ext(dn, [(name, [value.encode() for value in held]) for name, held in values.items()])
        for dn, values in entries.items()
    ]
    for message in messages:
        admin.result4(message)


def form(dn: str) -> str:
    """All spellings of a DN in one form."""
    return str(ldap.dn.dn2str(ldap.dn.str2dn(dn))).lower()


def comparable(entries: Mapping[str, Mapping[str, Any]]) -> Content:
    """Entries by normalised DN, with sorted values."""
    return {
        form(dn): {
            name: sorted(form(v) if name in _REFERENCES else v for v in held) for name, held in values.items()
        }
        for dn, values in entries.items()
    }


def look(slapd: Slapd) -> tuple[Content, dict[str, str]]:
    """What a directory holds beside its containers, and the entryUUID of each person by uid; twice the same
    uid is an error.
    """
    admin = directories.administrator(slapd)
    found = admin.search_s(slapd.suffix, ldap.SCOPE_SUBTREE, attrlist=["*", "entryUUID"])
    admin.unbind_s()
    entries = {dn: {k: [v.decode() for v in held] for k, held in values.items()} for dn, values in found}
    containers = {form(dn) for dn in skeleton(slapd.suffix)} | {slapd.suffix}
    identities: dict[str, str] = {}
    for dn, values in entries.items():
        identity = values.pop("entryUUID")[0]
        for uid in values.get("uid", ()):
            assert uid not in identities, f"{uid} is there twice, once as {dn}"
            identities[uid] = identity
    return {dn: values for dn, values in comparable(entries).items() if dn not in containers}, identities


def differences(found: Content, expected: Content) -> list[str]:
    """What is not as it should be, a line each."""
    lines = [f"missing: {dn}" for dn in expected.keys() - found.keys()]
    lines += [f"too much: {dn}" for dn in found.keys() - expected.keys()]
    for dn in expected.keys() & found.keys():
        for name in expected[dn].keys() | found[dn].keys():
            is_, should = found[dn].get(name, []), expected[dn].get(name, [])
            if is_ != should:
                lines.append(f"{dn}: {name} is {is_}, should be {should}")
    return sorted(lines)


def servers() -> tuple[Slapd, Slapd]:
    """Source and destination."""
    return new_server(SOURCE), new_server(DESTINATION)
