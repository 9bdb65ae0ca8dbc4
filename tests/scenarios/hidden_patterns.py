"""Plans in which harmless changes hide one wrong pattern, of any size: what an approver has a minute for."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from directory_sync.endpoints.change import Action, Change, FieldChange

_CITIES = ("Hamburg", "Berlin", "Bremen", "Kiel")
_NAMES = ("Wong", "Turanga", "Conrad", "Kroker", "Brannigan", "Rodriguez", "Farnsworth", "Nibbler")


def _person(number: int) -> tuple[str, str, str]:
    """Key, DN and name of a person."""
    key = f"p{number:06}"
    return key, f"uid={key},ou=people,dc=branch", f"{_NAMES[number % 8]} {number}"


def _edit(number: int, *fields: FieldChange) -> Change:
    key, dn, name = _person(number)
    return Change(Action.UPDATE, key, dn, fields=fields, name=name)


def _field(name: str, old: str, new: str) -> FieldChange:
    return FieldChange(name, (old.encode(),), (new.encode(),))


def harmless(numbers: Sequence[int]) -> list[Change]:
    """What a reorganisation does to people: a suffix, moves of town, spelling, new titles."""
    made = []
    for number in numbers:
        match number % 10:
            case 0 | 1 | 2 | 3 | 4 | 5:
                change = _edit(number, _field("departmentNumber", f"{number % 97}", f"{number % 97}-EU"))
            case 6 | 7:
                town = number // 10 % 3
                change = _edit(number, _field("l", _CITIES[town], _CITIES[town + 1]))
            case 8:
                change = _edit(number, _field("title", f"engineer {number % 5}", f"Engineer {number % 5}"))
            case _:
                change = _edit(number, _field("telephoneNumber", f"+49 40 {number}", f"+49 30 {number * 7}"))
        made.append(change)
    return made


def _few(size: int) -> int:
    return 2 if size < 100 else 30


def new_surnames(size: int) -> list[Change]:
    """30 people get another surname among edits that are meant; two among six."""
    few = _few(size)
    wrong = [_edit(n, _field("sn", _NAMES[n % 8], f"Zoidberg-{n}")) for n in range(few)]
    return wrong + harmless(range(few, size))


def truncated_source(size: int) -> list[Change]:
    """The last part of the source was cut off, so those who stood there go."""
    gone = max(2, size // 10)
    wrong = [Change(Action.DELETE, *_person(n)[:2], name=_person(n)[2]) for n in range(size, size + gone)]
    return harmless(range(size - gone)) + wrong


def shifted_mapping(size: int) -> list[Change]:
    """From one row on, each person has the mail address of the one before."""
    shifted = max(2, size // 4)
    addresses = [f"{_NAMES[n % 8]}.{n}@corp.example".lower() for n in range(shifted + 1)]
    wrong = [_edit(n, _field("mail", addresses[n + 1], addresses[n])) for n in range(shifted)]
    return wrong + harmless(range(shifted, size))


HIDDEN: Mapping[str, Callable[[int], list[Change]]] = {
    "surnames": new_surnames,
    "truncated": truncated_source,
    "shifted": shifted_mapping,
}


def hidden_in(name: str, size: int) -> list[Change]:
    """One of them, in an order that tells nothing."""
    made = HIDDEN[name](size)
    random.Random(7).shuffle(made)
    return made
