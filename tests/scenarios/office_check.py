"""Whether a directory holds what the year of an office (`office_year`) must end with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

import ldap
from ldap.controls.simple import ManageDSAITControl
from ldap.ldapobject import SimpleLDAPObject

from tests.scenarios import office_year


class Server(Protocol):
    """A server, of whatever kind."""

    suffix: str

    def administrator(self) -> SimpleLDAPObject:
        """A plain session that may do everything."""


def content(server: Server, *operational: str) -> dict[str, dict[str, list[bytes]]]:
    """Everything that is stored in a server, comparable."""
    admin = server.administrator()
    controls = [ManageDSAITControl(True)]
    found = admin.search_ext_s(
        server.suffix, ldap.SCOPE_SUBTREE, attrlist=["*", *operational], serverctrls=controls
    )
    admin.unbind_s()
    return {dn.lower(): {name: sorted(held) for name, held in values.items()} for dn, values in found}


def assert_in_order(
    server: Server, overlays: Sequence[str], *, own_classes: Collection[str] = (), nested: bool = False
) -> None:
    """The server holds what the rules say, and each person's `memberOf` names exactly the groups that name
    the person.

    Args:
        server: what is checked.
        overlays: which are at work.
        own_classes: object classes that the server adds by itself.
        nested: `memberOf` also names the groups that those groups are in.
    """
    found = content(server, "memberOf")
    wanted = office_year.expected(overlays)
    assert sorted(found) == sorted(dn.lower() for dn in wanted)
    for dn, values in wanted.items():
        held = {
            name: value
            for name, value in found[dn.lower()].items()
            if name not in {"memberOf", "userPassword"}
        }
        added = {name.encode() for name in own_classes} - {name.encode() for name in values["objectClass"]}
        held["objectClass"] = [value for value in held["objectClass"] if value not in added]
        assert held == {
            name: sorted(value.encode() for value in each)
            for name, each in values.items()
            if name != "userPassword"
        }, dn
    if "memberof" in overlays:
        members = {dn: folded(values.get("member", ())) for dn, values in found.items()}
        for dn, entry in found.items():
            groups = {group for group, held in members.items() if dn in held}
            while nested and (more := {group for group, held in members.items() if held & groups} - groups):
                groups |= more
            assert folded(entry.get("memberOf", ())) == groups, dn


def folded(names: Iterable[bytes]) -> set[str]:
    """DNs, comparable."""
    return {name.decode().lower() for name in names}
