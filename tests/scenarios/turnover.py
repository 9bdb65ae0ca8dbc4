"""A year's turnover of staff and groups: a source, a destination that is behind, and what it must be in the
end.

`expected` is written down from the rules alone and shares no code with what plans and applies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ldap.dn import escape_dn_chars

from directory_sync.definition.models import Collection

SOURCE, DESTINATION = "dc=source", "dc=destination"
Entry = Mapping[str, list[str]]
Entries = dict[str, Entry]
PERSON = ["inetOrgPerson", "organizationalPerson", "person", "top"]


@dataclass(frozen=True)
class Person:
    """A member of staff; `leader` is the number of another."""

    number: int
    name: str
    title: str | None
    mails: tuple[str, ...]
    leader: int | None = None

    def dn(self, suffix: str) -> str:
        """The person's name below a suffix."""
        return f"cn={escape_dn_chars(self.name)},ou=people,{suffix}"

    def entry(self, suffix: str, leaders: Mapping[int, Person], *, managed: bool) -> tuple[str, Entry]:
        """DN and attributes."""
        values = {
            "objectClass": PERSON,
            "uid": [f"p{self.number}"],
            "cn": [self.name],
            "sn": ["Staff"],
            "title": [self.title] if self.title else [],
            "mail": list(self.mails),
            "manager": [] if self.leader is None else [leaders[self.leader].dn(suffix)],
            "employeeType": ["managed"] if managed else [],
        }
        return self.dn(suffix), {name: held for name, held in values.items() if held}


LEAVERS, STAYERS, JOINERS = range(60), range(60, 160), range(160, 240)


def _before(number: int) -> Person:
    return Person(number, f"Person {number}", "Clerk", (f"p{number}@old.example", f"p{number}@x.example"))


def _after(number: int) -> Person:
    name, mails = f"Person {number}", (f"p{number}@old.example", f"p{number}@x.example")
    title: str | None = "Clerk"
    leader: int | None = None
    if number in range(60, 70):
        title = None
    elif number in range(70, 100):
        title, mails = "Head", (f"p{number}@x.example", f"p{number}@new.example")
    elif number in range(100, 109):
        name = f"Person {number + 1}"  # a chain: each takes the name that the next one gives up
    elif number in range(109, 120):
        name = f"Person {number - 109}"  # names of leavers
    elif number in range(120, 140):
        name = f"Renamed, {number}"
    elif number in range(140, 160):
        leader = 60 + number % 20
    elif number in range(160, 170):
        name = f"Person {number - 40}"  # names that others gave up
    elif number in range(170, 180):
        name = f"Person {number - 150}"  # names of leavers
    if number >= 180:
        leader = number + 1 if number < 239 else 180  # a circle of new objects
    return Person(number, name, title, mails, leader)


BEFORE = {number: _before(number) for number in (*LEAVERS, *STAYERS)}
AFTER = {number: _after(number) for number in (*STAYERS, *JOINERS)}
GROUPS_BEFORE = {number: (range(number * 7, number * 7 + 40), ()) for number in range(12)}
GROUPS_AFTER = {
    number: (range(60 + number * 9, 90 + number * 9), (number + 1,) if number % 3 and number < 13 else ())
    for number in range(2, 14)
}


def _group(
    number: int, people: Any, groups: Any, staff: Mapping[int, Person], suffix: str, *, managed: bool
) -> tuple[str, Entry]:
    members = [staff[each].dn(suffix) for each in people]
    members += [f"cn=Group {each},ou=groups,{suffix}" for each in groups]
    values = {"objectClass": ["groupOfNames", "top"], "cn": [f"Group {number}"], "member": members}
    return f"cn=Group {number},ou=groups,{suffix}", {
        **values,
        **({"businessCategory": ["managed"]} if managed else {}),
    }


def _units(suffix: str) -> Entries:
    dc = suffix.removeprefix("dc=")
    entries: Entries = {suffix: {"objectClass": ["dcObject", "organization"], "dc": [dc], "o": [dc]}}
    for unit in ("people", "groups"):
        entries[f"ou={unit},{suffix}"] = {"objectClass": ["organizationalUnit"], "ou": [unit]}
    return entries


def source() -> Entries:
    """What the source holds."""
    people = (person.entry(SOURCE, AFTER, managed=False) for person in AFTER.values())
    groups = (_group(number, *held, AFTER, SOURCE, managed=False) for number, held in GROUPS_AFTER.items())
    return _units(SOURCE) | dict(people) | dict(groups)


UNMANAGED: Entries = {
    f"cn=Guest {number},ou=people,{DESTINATION}": {
        "objectClass": PERSON,
        "cn": [f"Guest {number}"],
        "sn": ["Guest"],
        "uid": [f"guest{number}"],
    }
    for number in range(5)
}


def destination() -> Entries:
    """What the destination holds before."""
    people = (person.entry(DESTINATION, BEFORE, managed=True) for person in BEFORE.values())
    groups = (
        _group(number, *held, BEFORE, DESTINATION, managed=True) for number, held in GROUPS_BEFORE.items()
    )
    return _units(DESTINATION) | dict(people) | dict(groups) | UNMANAGED


def expected() -> Entries:
    """What the destination must hold in the end."""
    people = (person.entry(DESTINATION, AFTER, managed=True) for person in AFTER.values())
    groups = (
        _group(number, *held, AFTER, DESTINATION, managed=True) for number, held in GROUPS_AFTER.items()
    )
    return _units(DESTINATION) | dict(people) | dict(groups) | UNMANAGED


def collection() -> Collection:
    """The jobs: people, then groups; without limits."""

    def job(name: str, object: str, classes: str, managed: str, fields: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": name,
            "source": {
                "connection": "source",
                "container": f"ou={name},{SOURCE}",
                "filter": f"(objectClass={classes})",
            },
            "destination": {
                "connection": "destination",
                "container": f"ou={name},{DESTINATION}",
                "filter": f"(&(objectClass={classes})({managed}=managed))",
            },
            "object": object,
            "missing_at_source": "delete",
            "remove": "all",
            "fields": {**fields, managed: {"static": "managed"}},
        }

    people = {
        "uid": {"from": "uid", "key": True},
        "cn": "cn",
        "sn": "sn",
        "title": "title",
        "mail": "mail",
        "manager": {"resolve": "manager", "match": "uid"},
    }
    groups = {"cn": {"from": "cn", "key": True}, "member": {"members": "member", "match": "cn"}}
    kinds = ("delete", "move", "clear", "members", "memberships")
    return Collection.model_validate(
        {
            "name": "turnover",
            "limits": dict.fromkeys(kinds, "none"),
            "jobs": [
                job("people", "inetOrgPerson", "inetOrgPerson", "employeeType", people),
                job("groups", "group", "groupOfNames", "businessCategory", groups),
            ],
        }
    )
