"""Random directories: what the source holds, what the destination holds before, and what the rules say that
it must hold after.

Nothing here comes from the code that plans and applies: `expected` is written down from the rules alone, as
plain dicts.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ldap.dn import escape_dn_chars

SOURCE, DESTINATION = "dc=source", "dc=destination"
Entry = dict[str, list[str]]
Entries = dict[str, Entry]
"""DN → attribute → values."""

UNITS = ("a", "b", "left")
_PERSON = ["inetOrgPerson", "organizationalPerson", "person", "top"]
_NAMES = (
    "Ana",
    "Björn",
    "Łukasz",
    "O'Neill",
    "Größer",
    "王",
    "Smith, John",
    "A+B",
    'Q"uote',
    "#hash",
    "a=b",
    "back\\slash",
    "<x>;",
)
_TITLES = (None, "Clerk", "Engineer", "Geschäftsführer", " padded", "x" * 300)


@dataclass(frozen=True)
class Person:
    """A member of staff.

    Attributes:
        name: unique, and the naming attribute.
        leader: uid of another person.
        unit: one of `UNITS`; counts only where containers are computed.
    """

    uid: str
    name: str
    surname: str
    title: str | None
    mails: tuple[str, ...]
    notes: tuple[str, ...]
    leader: str | None
    unit: str


@dataclass(frozen=True)
class Shape:
    """What kind of collection it is.

    Attributes:
        computed: new people go to a container that their department names, and existing ones follow it.
        missing: what becomes of people who are missing at the source: `delete` or `move`.
    """

    computed: bool
    missing: str

    @property
    def name(self) -> str:
        """Of the collection."""
        return f"chaos_{'computed' if self.computed else 'fixed'}_{self.missing}"


SHAPES = tuple(Shape(computed, missing) for computed in (False, True) for missing in ("delete", "move"))


@dataclass(frozen=True)
class Case:
    """One pair of directories.

    Attributes:
        source, before, expected: entries; `before` and `expected` of the destination.
        stays: uids of people who are there before and after: each must remain the same object.
    """

    shape: Shape
    source: Entries
    before: Entries
    expected: Entries
    stays: frozenset[str] = field(default_factory=frozenset)


def random_case(choose: random.Random, shape: Shape, *, size: int) -> Case:
    """Directories of about `size` people, with every kind of change between them."""
    before = {person.uid: person for person in _staff(choose, range(size))}
    leaves = set(choose.sample(sorted(before), choose.randint(0, size // 4)))
    after = {uid: _changed(choose, person) for uid, person in before.items() if uid not in leaves}
    _rename(choose, before, after)
    # Whoever is named before keeps the name: whether references follow a rename is the server's business, and
    # slapd's do not.
    known = {
        uid: now for uid, now in after.items() if (now.name, now.unit) == (before[uid].name, before[uid].unit)
    }
    before = {uid: replace(person, leader=_someone(choose, known)) for uid, person in before.items()}
    after |= {
        person.uid: person
        for person in _staff(choose, range(size, size + choose.randint(size // 8, size // 2)))
    }
    after = {
        uid: replace(person, leader=_leader(choose, person, before, after)) for uid, person in after.items()
    }
    guests = {
        f"cn=Guest {number},ou=people,{DESTINATION}": {
            "objectClass": _PERSON,
            "cn": [f"Guest {number}"],
            "sn": ["Guest"],
            "uid": [f"guest{number}"],
        }
        for number in range(4)
    }
    groups_before = _groups(choose, range(6), before, extra=guests)
    groups_after = {name: groups_before[name] for name in groups_before if choose.random() < 0.2}
    groups_after = {
        name: (note, kept)
        for name, (note, members) in groups_after.items()
        if (kept := [m for m in members if m in after])
    }
    groups_after |= _groups(
        choose, [number for number in range(9) if f"Group {number}" not in groups_after], after
    )

    def at(suffix: str, *, managed: bool) -> _Place:
        return _Place(suffix, shape, managed)

    there = at(DESTINATION, managed=True)
    left: Entries = {}
    if shape.missing == "move":
        for uid in leaves:
            dn, entry = there.person(before[uid], before)
            left[f"{dn.removesuffix(there.container(before[uid]))}ou=left,ou=people,{DESTINATION}"] = entry
    return Case(
        shape,
        source=at(SOURCE, managed=False).entries(after, groups_after),
        before=there.entries(before, groups_before) | guests,
        expected=there.entries(after, groups_after) | guests | left,
        stays=frozenset(before) - leaves | (leaves if shape.missing == "move" else frozenset()),
    )


def _staff(choose: random.Random, numbers: Iterable[int]) -> list[Person]:
    return [
        Person(
            f"p{number}",
            f"{choose.choice(_NAMES)} {number}",
            choose.choice(("Staff", "王山田")),
            choose.choice(_TITLES),
            _mails(choose, number),
            _notes(choose),
            None,
            choose.choice("ab"),
        )
        for number in numbers
    ]


def _mails(choose: random.Random, number: int) -> tuple[str, ...]:
    return tuple(
        f"p{number}@{host}.example" for host in choose.sample(("one", "two", "three"), choose.randint(0, 3))
    )


def _notes(choose: random.Random) -> tuple[str, ...]:
    return tuple(choose.sample(("first", "second", "dritter – “x”", "a\nb"), choose.randint(0, 2)))


def _changed(choose: random.Random, person: Person) -> Person:
    if choose.random() < 0.4:
        return person
    number = int(person.uid.removeprefix("p"))
    return replace(
        person,
        title=choose.choice(_TITLES),
        mails=_mails(choose, number),
        notes=_notes(choose),
        unit=choose.choice("ab"),
        name=f"{choose.choice(_NAMES)} new {number}" if choose.random() < 0.3 else person.name,
    )


def _rename(choose: random.Random, before: Mapping[str, Person], after: dict[str, Person]) -> None:
    """Let some take the names that others give up: chains, never circles, which no order of changes could
    carry out.
    """
    free = [
        person.name
        for uid, person in sorted(before.items())
        if uid not in after or after[uid].name != person.name
    ]
    choose.shuffle(free)
    chained = sorted(uid for uid in after if after[uid].name == before[uid].name)
    for uid in choose.sample(chained, len(chained) // 5):
        if free:
            name = free.pop(choose.randrange(len(free)))
            free.append(after[uid].name)
            after[uid] = replace(after[uid], name=name)


def _someone(choose: random.Random, people: Mapping[str, Person]) -> str | None:
    return choose.choice(sorted(people)) if people and choose.random() < 0.5 else None


def _leader(
    choose: random.Random, person: Person, before: Mapping[str, Person], after: Mapping[str, Person]
) -> str | None:
    was = before[person.uid].leader if person.uid in before else None
    return was if was in after and choose.random() < 0.6 else _someone(choose, after)


_Groups = dict[str, tuple[str, list[str]]]
"""Name → (description, uids of members; a DN for who has none)."""


def _groups(
    choose: random.Random, numbers: Sequence[int], people: Mapping[str, Person], extra: Iterable[str] = ()
) -> _Groups:
    everybody = [*sorted(people), *extra]
    return {
        f"Group {number}": (
            f"note {choose.randint(0, 3)}",
            choose.sample(everybody, choose.randint(1, len(everybody) // 3)),
        )
        for number in numbers
        if choose.random() < 0.8
    }


@dataclass(frozen=True)
class _Place:
    """How people and groups look in one of the two directories."""

    suffix: str
    shape: Shape
    managed: bool

    def container(self, person: Person) -> str:
        inner = f"ou={person.unit}," if self.shape.computed and self.managed else ""
        return f"{inner}ou=people,{self.suffix}"

    def dn(self, person: Person) -> str:
        return f"cn={escape_dn_chars(person.name)},{self.container(person)}"

    def person(self, person: Person, people: Mapping[str, Person]) -> tuple[str, Entry]:
        values: dict[str, list[str]] = {
            "objectClass": _PERSON,
            "uid": [person.uid],
            "cn": [person.name],
            "sn": [person.surname],
            "title": [person.title] if person.title else [],
            "mail": list(person.mails),
            "description": list(person.notes),
            "manager": [] if person.leader is None else [self.dn(people[person.leader])],
        }
        values |= {"employeeType": ["managed"]} if self.managed else {"departmentNumber": [person.unit]}
        return self.dn(person), {name: held for name, held in values.items() if held}

    def group(
        self, name: str, note: str, members: Iterable[str], people: Mapping[str, Person]
    ) -> tuple[str, Entry]:
        entry = {
            "objectClass": ["groupOfNames", "top"],
            "cn": [name],
            "description": [note],
            "member": [self.dn(people[uid]) if uid in people else uid for uid in members],
        }
        return f"cn={name},ou=groups,{self.suffix}", entry | (
            {"businessCategory": ["managed"]} if self.managed else {}
        )

    def entries(self, people: Mapping[str, Person], groups: _Groups) -> Entries:
        found = dict(self.person(person, people) for person in people.values())
        return found | dict(
            self.group(name, note, members, people) for name, (note, members) in groups.items()
        )


def skeleton(suffix: str) -> Entries:
    """The containers of a directory, parents first; `suffix` itself is not among them."""
    entries: Entries = {
        f"ou={unit},{suffix}": {"objectClass": ["organizationalUnit"], "ou": [unit]}
        for unit in ("people", "groups")
    }
    if suffix == DESTINATION:
        entries |= {
            f"ou={unit},ou=people,{suffix}": {"objectClass": ["organizationalUnit"], "ou": [unit]}
            for unit in UNITS
        }
    return entries


def definition(shape: Shape) -> dict[str, Any]:
    """The collection: people, then groups; without limits."""
    people, left = f"ou=people,{DESTINATION}", f"ou=left,ou=people,{DESTINATION}"
    place: dict[str, Any] = {"container": people}
    if shape.computed:
        place = {
            "container": {"template": "ou={{ departmentNumber }}," + people},
            "base": people,
            "move_existing": True,
        }
    return {
        "name": shape.name,
        "limits": dict.fromkeys(("delete", "move", "clear", "members", "memberships"), "none"),
        "jobs": [
            {
                "name": "people",
                "source": {
                    "connection": "source",
                    "container": f"ou=people,{SOURCE}",
                    "filter": "(objectClass=inetOrgPerson)",
                },
                "destination": {
                    "connection": "destination",
                    **place,
                    "filter": "(&(objectClass=inetOrgPerson)(employeeType=managed))",
                },
                "object": "inetOrgPerson",
                "missing_at_source": "delete" if shape.missing == "delete" else {"move": left},
                "remove": "all",
                "retries": 0,
                "fields": {
                    "uid": {"from": "uid", "key": True},
                    **{name: name for name in ("cn", "sn", "title", "mail", "description")},
                    "manager": {"resolve": "manager", "match": "uid"},
                    "employeeType": {"static": "managed"},
                },
            },
            {
                "name": "groups",
                "source": {
                    "connection": "source",
                    "container": f"ou=groups,{SOURCE}",
                    "filter": "(objectClass=groupOfNames)",
                },
                "destination": {
                    "connection": "destination",
                    "container": f"ou=groups,{DESTINATION}",
                    "filter": "(&(objectClass=groupOfNames)(businessCategory=managed))",
                },
                "object": "group",
                "missing_at_source": "delete",
                "remove": "all",
                "retries": 0,
                "fields": {
                    "cn": {"from": "cn", "key": True},
                    "description": "description",
                    "member": {"members": "member", "match": "uid"},
                    "businessCategory": {"static": "managed"},
                },
            },
        ],
    }
