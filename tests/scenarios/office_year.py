"""A year of an office: people come, go, change units and names, groups and superiors change. Source,
destination, and the end.

`expected` is written down from the rules alone and shares no code with what plans and applies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from directory_sync.definition.models import Collection

SOURCE, DESTINATION = "dc=source", "dc=destination"
Entries = dict[str, Mapping[str, list[str]]]
PERSON = ["inetOrgPerson", "organizationalPerson", "person", "top"]
UNITS = ("sales", "tech")


@dataclass(frozen=True)
class Person:
    """One of the staff. `number` stays, everything else may change."""

    number: int
    uid: str
    unit: str
    title: str | None = "Clerk"
    mail: str | None = None
    superior: int | None = None

    def dn(self, suffix: str) -> str:
        """The person's name below a suffix."""
        return f"uid={self.uid},ou={self.unit},ou=people,{suffix}"


@dataclass(frozen=True)
class State:
    """Staff and groups at one time. Groups have people by number and other groups by name as members."""

    people: Mapping[int, Person]
    groups: Mapping[str, tuple[Sequence[int], Sequence[str]]] = field(default_factory=dict)

    def entries(self, suffix: str, *, managed: bool) -> Entries:
        """What a directory holds."""
        found: Entries = {}
        for person in self.people.values():
            values = {
                "objectClass": PERSON,
                "employeeNumber": [str(person.number)],
                "uid": [person.uid],
                "cn": [f"Person {person.number}"],
                "sn": ["Staff"],
                "title": [person.title] if person.title else [],
                "mail": [person.mail] if person.mail else [],
                "manager": [self.people[person.superior].dn(suffix)] if person.superior is not None else [],
                "ou": [person.unit],
                "employeeType": ["managed"] if managed else [],
            }
            found[person.dn(suffix)] = {name: held for name, held in values.items() if held}
        for name, (people, groups) in self.groups.items():
            members = [self.people[number].dn(suffix) for number in people]
            members += [f"cn={group},ou=groups,{suffix}" for group in groups]
            found[f"cn={name},ou=groups,{suffix}"] = {
                "objectClass": ["groupOfNames", "top"],
                "cn": [name],
                "member": members,
                **({"businessCategory": ["managed"]} if managed else {}),
            }
        return found


def _before() -> State:
    people = {}
    for number in range(1, 61):
        superior = number - number % 10  # 10 is that of 11 to 19
        people[number] = Person(
            number,
            f"p{number}",
            UNITS[number % 2],
            mail=f"p{number}@x.example",
            superior=superior if superior not in {0, number} else None,
        )
    groups = {
        "all": (range(1, 61), ()),
        "left": (range(1, 11), ()),
        "mixed": (range(5, 25), ()),
        "outer": ([30], ["mixed", "dissolved"]),
        "dissolved": (range(1, 31), ()),
        "renewed": (range(11, 14), ()),
    }
    return State(people, groups)


def _after(before: State) -> State:
    people = dict(before.people)
    for number in range(1, 11):  # leavers; 10 was the superior of 11 to 19
        del people[number]
    for number in range(11, 20):
        people[number] = replace(people[number], superior=20)
    for number in range(21, 26):  # other units
        each = people[number]
        people[number] = replace(each, unit=UNITS[(number + 1) % 2], title="Head")
    for number in range(26, 31):  # other names
        people[number] = replace(people[number], uid=f"new{number}", title=None)
    for number in range(31, 34):  # a chain: each takes the name that the next one of the same unit gives up
        people[number] = replace(people[number], uid=f"p{number + 2}")
    people[34] = replace(people[34], uid="p34new")
    people[35] = replace(people[35], uid="p35new")
    for number in range(36, 39):  # addresses of leavers
        people[number] = replace(people[number], mail=f"p{number - 35}@x.example")
    people[40] = replace(people[40], superior=50)
    for number in range(61, 71):  # new people, some with names and addresses of leavers
        uid = f"p{number - 60}" if number < 64 else f"p{number}"
        mail = f"p{number - 57}@x.example" if number < 66 else f"p{number}@x.example"
        superior = number + 1 if number < 70 else 61  # a circle
        people[number] = Person(number, uid, UNITS[number % 2], mail=mail, superior=superior)
    groups = {
        "all": (sorted(people), ()),
        "mixed": ([*range(15, 25), *range(26, 30), 61, 62], ()),
        "outer": ([31, 70], ["mixed", "fresh"]),
        "renewed": (range(61, 64), ()),
        "fresh": (range(20, 40), ()),
    }
    return State(people, groups)


BEFORE = _before()
AFTER = _after(BEFORE)


def _top(suffix: str) -> Entries:
    dc = suffix.removeprefix("dc=")
    entries: Entries = {suffix: {"objectClass": ["dcObject", "organization"], "dc": [dc], "o": [dc]}}
    for unit in ("people", "groups"):
        entries[f"ou={unit},{suffix}"] = {"objectClass": ["organizationalUnit"], "ou": [unit]}
    for unit in UNITS:
        entries[f"ou={unit},ou=people,{suffix}"] = {"objectClass": ["organizationalUnit"], "ou": [unit]}
    return entries


def _extra(overlays: Sequence[str]) -> Entries:
    """What is there beside, and stays: a password policy, a rule that computes members, an object for empty
    groups.
    """
    extra: Entries = {}
    if "ppolicy" in overlays:
        extra[f"cn=policy,{DESTINATION}"] = {
            "objectClass": ["device", "pwdPolicy"],
            "cn": ["policy"],
            "pwdAttribute": ["userPassword"],
            "pwdMinLength": ["8"],
            "pwdCheckQuality": ["1"],
        }
    if "dynlist" in overlays:
        extra[f"cn=clerks,ou=groups,{DESTINATION}"] = {
            "objectClass": ["groupOfURLs"],
            "cn": ["clerks"],
            "memberURL": [f"ldap:///ou=people,{DESTINATION}??sub?(title=Clerk)"],
        }
    return extra


def source(state: State = AFTER) -> Entries:
    """What the source holds."""
    return _top(SOURCE) | state.entries(SOURCE, managed=False)


def destination(overlays: Sequence[str]) -> Entries:
    """What the destination holds before."""
    entries = _top(DESTINATION) | _extra(overlays) | BEFORE.entries(DESTINATION, managed=True)
    if "ppolicy" in overlays:
        for dn in [person.dn(DESTINATION) for person in BEFORE.people.values()]:
            entries[dn] = {**entries[dn], "userPassword": ["a long pass phrase"]}
    return entries


def expected(overlays: Sequence[str]) -> Entries:
    """What the destination must hold in the end."""
    return _top(DESTINATION) | _extra(overlays) | AFTER.entries(DESTINATION, managed=True)


def collection(remove: str = "all") -> Collection:
    """The jobs: people, then groups; without limits."""

    def job(name: str, kind: str, classes: str, managed: str, **destination: Any) -> dict[str, Any]:
        return {
            "name": name,
            "source": {
                "connection": "source",
                "container": f"ou={name},{SOURCE}",
                "filter": f"(objectClass={classes})",
            },
            "destination": {
                "connection": "destination",
                "base": f"ou={name},{DESTINATION}",
                "filter": f"(&(objectClass={classes})({managed}=managed))",
                **destination,
            },
            "object": kind,
            "missing_at_source": "delete",
            "remove": remove,
        }

    managed = {"static": "managed"}
    people = {
        "employeeNumber": {"from": "employeeNumber", "key": True},
        "uid": "uid",
        "cn": "cn",
        "sn": "sn",
        "title": "title",
        "mail": "mail",
        "ou": "ou",
        "manager": {"resolve": "manager", "match": "employeeNumber"},
    }
    groups = {"cn": {"from": "cn", "key": True}, "member": {"members": "member", "match": "cn"}}
    by_unit = {"template": f"ou={{{{ ou }}}},ou=people,{DESTINATION}"}
    return Collection.model_validate(
        {
            "name": "office",
            "limits": dict.fromkeys(("delete", "move", "clear", "members", "memberships"), "none"),
            "jobs": [
                {
                    **job(
                        "people",
                        "inetOrgPerson",
                        "inetOrgPerson",
                        "employeeType",
                        container=by_unit,
                        move_existing=True,
                    ),
                    "rdn": "uid",
                    "fields": {**people, "employeeType": managed},
                },
                {
                    **job(
                        "groups",
                        "group",
                        "groupOfNames",
                        "businessCategory",
                        container=f"ou=groups,{DESTINATION}",
                    ),
                    "fields": {**groups, "businessCategory": managed},
                },
            ],
        }
    )
