"""What `make demo-check` expects, checked with OpenLDAP's tools and the csv module, without a line of the
product's code.
"""

from __future__ import annotations

import base64
import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from demo.directories import Directory

PEOPLE, GROUPS = "ou=People,dc=branch,dc=example", "ou=Groups,dc=branch,dc=example"
_SOURCE = "ou=people,dc=planetexpress,dc=com"
_COPIED = ("cn", "givenName", "sn", "mail", "jpegPhoto", "employeeType")
_COMPUTED = {
    "amy": {"displayName": {b"Amy Kroker"}, "departmentNumber": {b"X9"}, "description": {b"Human, intern"}},
    "fry": {
        "displayName": {b"Philip Fry"},
        "departmentNumber": {b"D1"},
        "telephoneNumber": {b"+1 212 555 0103"},
        "initials": {b"P"},
    },
    "professor": {
        "o": {b"Planet Express"},
        "mail": {b"professor@planetexpress.com", b"hubert@planetexpress.com"},
    },
}
_MEMBERS = {"admin_staff": {"professor", "hermes"}, "ship_crew": {"fry", "leela", "bender"}}
_PHONES = {
    "professor": (
        "Hubert Farnsworth",
        "+1 212 555 0100",
        {"professor@planetexpress.com", "hubert@planetexpress.com"},
    ),
    "hermes": ("Hermes Conrad", "+1 212 555 0101", {"hermes@planetexpress.com"}),
    "leela": ("Leela Turanga", "+1 212 555 0102", {"leela@planetexpress.com"}),
    "fry": ("Philip Fry", "+1 212 555 0103", {"fry@planetexpress.com"}),
    "bender": ("Bender Rodriguez", "+1 212 555 0104", {"bender@planetexpress.com"}),
    "zoidberg": ("John Zoidberg", "+1 212 555 0105", {"zoidberg@planetexpress.com"}),
}
SOURCE_CHANGES = """\
dn: cn=Philip J. Fry,ou=people,dc=planetexpress,dc=com
changetype: modify
delete: employeeType
employeeType: Delivery boy
-
add: employeeType
employeeType: Captain's friend
employeeType: Hero
-
add: mail
mail: orange-joe@planetexpress.com
-

dn: cn=Amy Wong+sn=Kroker,ou=people,dc=planetexpress,dc=com
changetype: delete

dn: cn=ship_crew,ou=people,dc=planetexpress,dc=com
changetype: modify
add: member
member: cn=John A. Zoidberg,ou=people,dc=planetexpress,dc=com
-
"""
"""What happens at Planet Express before the third run: one person changes, one leaves, one joins a group."""


class Checks:
    """Counts what is as it should be, and says what is not."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self.passed = 0
        self.failed = 0

    def equal(self, what: str, found: object, expected: object) -> None:
        """Count one comparison."""
        if found == expected:
            self.passed += 1
        else:
            self.failed += 1
            self._tell(f"FAILED {what}\n    expected: {expected!r:.2000}\n    found:    {found!r:.2000}")

    def people(self, source: Directory, destination: Directory, uids: set[str]) -> None:
        """The people at the branch office are exactly these, with the values they have at Planet Express."""
        there = {
            _text(one, "uid"): one
            for one in parse(source.search(_SOURCE, "(objectClass=inetOrgPerson)")).values()
        }
        here = {
            _text(one, "uid"): one
            for one in parse(destination.search(PEOPLE, "(objectClass=inetOrgPerson)")).values()
        }
        self.equal("the people at the branch office", set(here), uids)
        for uid in sorted(uids & set(here)):
            for name in _COPIED:
                self.equal(
                    f"{name} of {uid}", set(here[uid].get(name, ())), set(there.get(uid, {}).get(name, ()))
                )
        for uid, attributes in _COMPUTED.items():
            for name, values in attributes.items() if uid in here else ():
                self.equal(f"{name} of {uid}", set(here[uid].get(name, ())), values)
        self.equal(
            "the names of their entries",
            set(parse(destination.search(PEOPLE, "(uid=*)"))),
            {f"uid={uid},{PEOPLE}" for uid in uids},
        )

    def groups(self, destination: Directory, also: Mapping[str, set[str]]) -> None:
        """The groups have the members they should, by their new names; `also` gives members beside the first
        ones.
        """
        found = parse(destination.search(GROUPS, "(objectClass=groupOfNames)"))
        expected = {
            f"cn={group},{GROUPS}": {
                f"uid={uid},{PEOPLE}".encode() for uid in members | also.get(group, set())
            }
            for group, members in _MEMBERS.items()
        }
        self.equal(
            "the groups and their members",
            {dn: set(one.get("member", ())) for dn, one in found.items()},
            expected,
        )

    def phone_list(self, file: Path, also: Mapping[str, set[str]]) -> None:
        """The phone list holds who has a telephone; `also` gives mail addresses beside the first ones."""
        rows = (
            list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines())) if file.exists() else []
        )
        found = {row["user"]: (row["name"], row["phone"], set(row["mail"].split(" "))) for row in rows}
        expected = {
            uid: (name, phone, mails | also.get(uid, set())) for uid, (name, phone, mails) in _PHONES.items()
        }
        self.equal("the phone list", found, expected)
        self.equal("the number of rows in the phone list", len(rows), len(expected))

    def mail_directory(self, source: Directory, file: Path) -> None:
        """The file of the saved collection holds everyone's mail addresses."""
        people = parse(source.search(_SOURCE, "(&(objectClass=inetOrgPerson)(mail=*))")).values()
        rows = (
            list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines())) if file.exists() else []
        )
        self.equal(
            "the mail directory",
            {row["user"]: set(row["mail"].encode().split(b" ")) for row in rows},
            {_text(one, "uid"): set(one["mail"]) for one in people},
        )

    def statistics(
        self, what: str, results: Mapping[str, Mapping[str, Any]], expected: Mapping[str, Mapping[str, int]]
    ) -> None:
        """Each job did exactly that; figures that are not named are 0, apart from how much was read and left
        alone.
        """
        for job, figures in expected.items():
            summary = results.get(job, {})
            counted = {
                name: number
                for name, number in summary.get("statistics", {}).items()
                if name not in {"read", "unchanged"} and number
            }
            self.equal(f"{what}: {job}", (summary.get("state"), counted), ("success", dict(figures)))


def parse(ldif: str) -> dict[str, dict[str, list[bytes]]]:
    """DN → attributes of what `ldapsearch -LLL -o ldif-wrap=no` printed (RFC 2849 without the parts it never
    writes).
    """
    entries: dict[str, dict[str, list[bytes]]] = {}
    for block in ldif.strip().split("\n\n"):
        attributes: dict[str, list[bytes]] = {}
        for line in block.splitlines():
            name, _, rest = line.partition(":")
            value = base64.b64decode(rest[1:]) if rest.startswith(":") else rest.strip(" ").encode()
            attributes.setdefault(name, []).append(value)
        if "dn" in attributes:
            entries[attributes.pop("dn")[0].decode()] = attributes
    return entries


def _text(attributes: Mapping[str, list[bytes]], name: str) -> str:
    return attributes[name][0].decode() if name in attributes else ""
