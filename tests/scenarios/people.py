"""Realistic people and groups in any number, the same for the same seed, as values and as LDIF (RFC 2849).

A person is a function of seed and number alone, so a million of them need no memory, and a change to one
changes no other.
"""

from __future__ import annotations

import base64
import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

SUFFIX = "dc=example,dc=org"

_GIVEN_NAMES = (
    "Ana Anaïs Björn Çağla Chloé Giulia Ingrid Ivana James Jean-Luc John José Jürgen Katarzyna Lars Łukasz"
    " Małgorzata María "
    "Mary Maximilian Mohammed Noémie Nguyễn Ömer Pavel Peter Robert Siobhán Søren Sofia Susan Thomas Wei Yuki"
    " Zoë Максим Ольга Ελένη محمد נועה 伟 花子"
).split()
_SURNAMES = (
    "Åström Brown Dvořák Ferreira García Größer Ivanov Johnson Jones Kim Kowalski Lefèvre Li Müller Nakamura"
    " Novák O'Neill "
    "Øberg Öztürk Papadopoulos Popescu Rossi Schäfer Silva Smith Šimůnek Tran van_der_Berg von_Weiß Weber"
    " Williams Иванова Παππάς حسن כהן 王 山田"
).split()
_TITLES = (
    "Analyst",
    "Clerk",
    "Engineer",
    "Geschäftsführer",
    "Manager",
    "Nurse",
    "Researcher",
    "Technician",
    "Verkäuferin",
)
_CITIES = (
    "Berlin",
    "Köln",
    "Kraków",
    "Lyon",
    "München",
    "Oslo",
    "Praha",
    "São Paulo",
    "Wien",
    "Zürich",
    "東京",
)
_REPORTS_PER_MANAGER = 8
_PEOPLE_PER_GROUP = 20
_LARGEST_GROUP = 10_000
_JPEG_START = b"\xff\xd8\xff\xe0"


@dataclass(frozen=True, slots=True)
class Person:
    """One member of staff.

    Attributes:
        manager: uid of the manager; empty at the top.
        photo: 64 to 512 bytes that begin as a JPEG file does; empty for every other person.
    """

    uid: str
    given_name: str
    surname: str
    employee_number: str
    title: str
    department: str
    city: str
    mails: tuple[str, ...]
    phones: tuple[str, ...]
    manager: str
    photo: bytes

    @property
    def name(self) -> str:
        """Given name and surname."""
        return f"{self.given_name} {self.surname}"

    def attributes(self, suffix: str = SUFFIX) -> dict[str, list[bytes]]:
        """The person as attributes of an inetOrgPerson; absent ones are absent."""
        texts: dict[str, tuple[str, ...]] = {
            "objectClass": ("inetOrgPerson",),
            "uid": (self.uid,),
            "cn": (self.name,),
            "sn": (self.surname,),
            "givenName": (self.given_name,),
            "displayName": (f"{self.surname}, {self.given_name}",),
            "employeeNumber": (self.employee_number,),
            "title": (self.title,),
            "departmentNumber": (self.department,),
            "l": (self.city,),
            "mail": self.mails,
            "telephoneNumber": self.phones,
            "manager": (person_dn(self.manager, suffix),) if self.manager else (),
        }
        values = {name: [text.encode() for text in found] for name, found in texts.items() if found}
        return {**values, "jpegPhoto": [self.photo]} if self.photo else values


@dataclass(frozen=True, slots=True)
class Group:
    """A group and its members' uids; never empty."""

    name: str
    description: str
    members: tuple[str, ...]


def person_dn(uid: str, suffix: str = SUFFIX) -> str:
    """Where `ldif` puts a person. Uids hold nothing that needs escaping."""
    return f"uid={uid},ou=People,{suffix}"


def person(number: int, seed: int = 1) -> Person:
    """The person with this number, counted from 0."""
    uid, given_name, surname = _names(number, seed)
    chance = random.Random(seed * 1_000_003 + number)
    address = uid.rstrip("0123456789") or "staff"
    return Person(
        uid=uid,
        given_name=given_name,
        surname=surname,
        employee_number=str(100_000 + number),
        title=chance.choice(_TITLES),
        department=f"D{int(chance.paretovariate(1.2)) % 300:03}",
        city=chance.choice(_CITIES),
        mails=(
            f"{uid}@example.org",
            *(f"{address}.{alias}{number}@example.org" for alias in range(chance.choice((0, 0, 1, 2)))),
        ),
        phones=tuple(f"+49 30 {chance.randrange(10**7):07}" for _ in range(chance.choice((0, 1, 1, 2)))),
        manager=_names((number - 1) // _REPORTS_PER_MANAGER, seed)[0] if number else "",
        photo=_JPEG_START + chance.randbytes(chance.randrange(60, 509)) if number % 2 else b"",
    )


def people(count: int, seed: int = 1) -> Iterator[Person]:
    """Yield that many people; managers come before those who report to them."""
    return (person(number, seed) for number in range(count))


def groups(people_count: int, seed: int = 1) -> Iterator[Group]:
    """Yield groups of so many people: most have a handful of members, a few have thousands."""
    for number in range(max(1, people_count // _PEOPLE_PER_GROUP)):
        chance = random.Random(-(seed * 1_000_003 + number + 1))
        size = min(people_count, _LARGEST_GROUP, int(3 * chance.paretovariate(0.9)))
        members = sorted(chance.sample(range(people_count), size))
        yield Group(
            name=f"group{number:05}",
            description=f"{chance.choice(_TITLES)}, {chance.choice(_CITIES)}",
            members=tuple(_names(member, seed)[0] for member in members),
        )


def ldif(count: int, *, suffix: str = SUFFIX, seed: int = 1, with_groups: bool = True) -> Iterator[str]:
    """Yield an LDIF file entry by entry, in an order that `slapadd` takes: suffix, ou=People, ou=Groups,
    people, groups.
    """
    yield from containers(suffix)
    for one in people(count, seed):
        yield entry(person_dn(one.uid, suffix), one.attributes(suffix))
    for group in groups(count, seed) if with_groups else ():
        yield entry(
            f"cn={group.name},ou=Groups,{suffix}",
            {
                "objectClass": [b"groupOfNames"],
                "cn": [group.name.encode()],
                "description": [group.description.encode()],
                "member": [person_dn(uid, suffix).encode() for uid in group.members],
            },
        )


def containers(suffix: str = SUFFIX) -> Iterator[str]:
    """Yield the entries that people and groups live in, as LDIF; the suffix begins with `dc=`."""
    component = suffix.split(",", 1)[0].removeprefix("dc=").encode()
    yield entry(suffix, {"objectClass": [b"dcObject", b"organization"], "dc": [component], "o": [component]})
    for name in ("People", "Groups"):
        yield entry(f"ou={name},{suffix}", {"objectClass": [b"organizationalUnit"], "ou": [name.encode()]})


def entry(dn: str, attributes: dict[str, list[bytes]]) -> str:
    """One LDIF entry with the empty line after it; lines are not folded."""
    lines = [
        _line("dn", dn.encode()),
        *(_line(name, value) for name, values in attributes.items() for value in values),
    ]
    return "\n".join(lines) + "\n\n"


def _line(name: str, value: bytes) -> str:
    safe = (
        value and value[:1] not in b" :<" and value[-1:] != b" " and all(32 <= byte < 127 for byte in value)
    )
    return f"{name}: {value.decode()}" if safe else f"{name}:: {base64.b64encode(value).decode()}"


@lru_cache(maxsize=200_000)
def _names(number: int, seed: int) -> tuple[str, str, str]:
    chance = random.Random(f"{seed}/{number}")
    given_name, surname = chance.choice(_GIVEN_NAMES), chance.choice(_SURNAMES).replace("_", " ")
    letters = _ascii(given_name)[:1] + _ascii(surname)[:7]
    return f"{letters or 'u'}{number}", given_name, surname


def _ascii(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name).lower()
    return "".join(letter for letter in decomposed if "a" <= letter <= "z")
