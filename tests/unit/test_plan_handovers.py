"""What frees a name or a value goes first, and exchanges are carried out: whatever a plan does, nothing is
refused on the way.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directory_sync.endpoints.change import Action
from directory_sync.endpoints.contract import FieldRule
from directory_sync.plan.model import Plan
from tests.scenarios.examples import examples
from tests.scenarios.memory_directory import MemoryDirectory, fold
from tests.scenarios.planning import one_job, plan_of
from tests.scenarios.strict_directory import StrictDirectory, carry_out_in_any_order, carry_out_in_parts

CONTAINERS = ("ou=a,dc=x", "ou=b,dc=x")
UNIQUE = ("cn", "mail", "phone")
FIELDS: dict[str, Any] = {
    "uid": {"from": "uid", "key": True},
    "cn": "cn",
    "mail": "mail",
    "phone": "phone",
    "room": "room",
    "manager": {"resolve": "manager", "match": "uid"},
}
DEFINITION = one_job(
    FIELDS,
    missing_at_source="delete",
    destination={"container": {"field": "place"}, "base": "dc=x", "move_existing": True},
)
Person = dict[str, str]
"""Fields of one person: uid, cn, place, and perhaps mail, phone, room, and the uid of a manager."""


def id_of(person: Person) -> str:
    return f"cn={person['cn']},{person['place']}"


def plan_from(before: list[Person], after: list[Person]) -> Plan:
    """What leads from one staff to another."""
    rules = {"manager": FieldRule("manager", reference=True, normalise=fold)}
    destination = MemoryDirectory(name="destination", rules=dict(rules), identity_field="entryUUID")
    for container in CONTAINERS:
        destination.entries[container] = {"ou": [container.encode()]}
        destination.hidden.add(container)
    for person in before:
        held = {name: [value.encode()] for name, value in person.items() if name not in {"place", "manager"}}
        destination.entries[id_of(person)] = {**held, "entryUUID": [f"id {person['uid']}".encode()]}
    source = MemoryDirectory(base="dc=s", name="source", rules=dict(rules))
    for person in after:
        held = {name: [value.encode()] for name, value in person.items() if name != "manager"}
        if "manager" in person:
            held["manager"] = [f"n={person['manager']},dc=s".encode()]
        source.entries[f"n={person['uid']},dc=s"] = held
    return plan_of(DEFINITION, source, destination)


def strict(people: list[Person], unique: tuple[str, ...] = UNIQUE) -> StrictDirectory:
    """The staff in a directory that checks everything."""
    objects = {
        id_of(each): {k: v for k, v in each.items() if k not in {"place", "manager"}} for each in people
    }
    return StrictDirectory(objects, unique, references=("manager",))


def without_references(directory: StrictDirectory) -> dict[str, dict[str, str]]:
    return {
        id: {k: v for k, v in values.items() if k != "manager"} for id, values in directory.objects.items()
    }


def assert_carried_out(before: list[Person], after: list[Person], seed: int = 0, ahead: int = 256) -> Plan:
    plan = plan_from(before, after)
    assert plan.problems == ()
    for run in (
        lambda directory: carry_out_in_any_order(
            directory, list(plan.changes), random.Random(seed), ahead=ahead
        ),
        lambda directory: carry_out_in_parts(directory, list(plan.changes)),
    ):
        directory = strict(before)
        run(directory)
        assert without_references(directory) == without_references(strict(after))
    return plan


@st.composite
def turnovers(draw: st.DrawFn) -> tuple[list[Person], list[Person]]:
    """Staff before and after: few names and values, so that they change hands all the time."""
    count = draw(st.integers(2, 7))
    chance = draw(st.randoms(use_true_random=False))

    def staff(uids: list[int]) -> list[Person]:
        people: list[Person] = [{"uid": f"u{uid}", "place": chance.choice(CONTAINERS)} for uid in uids]
        for name in UNIQUE:
            values = [f"{name}{n}" for n in range(count + 1)]
            chance.shuffle(values)
            for person, value in zip(people, values, strict=False):
                if name == "cn" or chance.random() < 0.8:
                    person[name] = value
        for person in people:
            if chance.random() < 0.7:
                person["room"] = chance.choice(("r1", "r2"))
            if chance.random() < 0.5:
                person["manager"] = chance.choice(people)["uid"]
        return people

    every = list(range(count))
    before = [uid for uid in every if draw(st.integers(0, 9)) < 8]
    after = [uid for uid in every if draw(st.integers(0, 9)) < 8]
    return staff(before), staff(after)


@settings(deadline=None, max_examples=examples(300))
@given(turnovers(), st.integers(0, 1_000_000), st.sampled_from([1, 2, 4, 256]))
def test_whatever_changes_hands(case: tuple[list[Person], list[Person]], seed: int, ahead: int) -> None:
    """No name and no value is there twice at any moment, in whatever sequence a server carries out what is
    underway.
    """
    before, after = case
    assert_carried_out(before, after, seed, ahead)


@settings(deadline=None, max_examples=examples(100))
@given(turnovers())
def test_the_same_turnover_gives_the_same_plan(case: tuple[list[Person], list[Person]]) -> None:
    """Temporary names and what waits for what are part of a plan's digest, so they do not depend on
    chance.
    """
    before, after = case
    assert plan_from(before, after).digest == plan_from(before[::-1], after[::-1]).digest


def person(uid: str, **fields: str) -> Person:
    return {"uid": uid, "cn": uid, "place": CONTAINERS[0], **fields}


def test_the_address_of_a_leaver() -> None:
    """A new person waits for the deletion that frees the address."""
    plan = assert_carried_out([person("old", mail="desk")], [person("new", mail="desk")])
    assert [(change.action, change.after) for change in plan.changes] == [
        (Action.DELETE, ()),
        (Action.CREATE, ("cn=old,ou=a,dc=x",)),
    ]


def test_a_value_that_several_have_waits_for_nobody() -> None:
    """Rooms, departments and titles come and go in numbers: no server lets only one object have such a
    value.
    """
    before = [person(f"u{n}", room="r1") for n in range(4)] + [person(f"v{n}", room="r2") for n in range(4)]
    after = [person(f"u{n}", room="r2") for n in range(4)] + [person(f"v{n}", room="r1") for n in range(4)]
    plan = assert_carried_out(before, after)
    assert all(not change.after and len(change.fields) == 1 for change in plan.changes)


def test_two_who_exchange_their_addresses() -> None:
    """One gives the address up first and gets the other one when everything else is written."""
    before = [person("one", mail="a"), person("two", mail="b")]
    plan = assert_carried_out(before, [person("one", mail="b"), person("two", mail="a")])
    shapes = [[(f.old, f.new, f.late) for f in change.fields] for change in plan.changes]
    assert sorted(map(len, shapes)) == [1, 2]
    (split,) = (shape for shape in shapes if len(shape) == 2)
    assert [late for _, _, late in split] == [False, True]


def test_an_address_that_a_third_has_too_is_not_exchanged() -> None:
    """Where several objects have a value now, no server demands that only one has it: nothing is taken away
    in between.
    """
    before = [person("one", room="a"), person("two", room="b"), person("three", room="a")]
    after = [person("one", room="b"), person("two", room="a"), person("three", room="a")]
    plan = plan_from(before, after)
    assert all(len(change.fields) == 1 and not change.fields[0].late for change in plan.changes)


def test_names_go_round_by_way_of_a_temporary_one() -> None:
    """One of each circle gets a name in between, made of its identity; the others take the names as they
    become free.
    """
    before = [person(f"u{n}", cn=f"n{n}") for n in range(5)]
    after = [person(f"u{n}", cn=f"n{(n + 1) % 3 if n < 3 else 7 - n}") for n in range(5)]
    plan = assert_carried_out(before, after)
    by_way = [change for change in plan.changes if change.via is not None]
    assert len(by_way) == 2
    assert {change.via for change in by_way} == {
        f"cn=exchange-{change.identity.hex()}-0,ou=a,dc=x" for change in by_way if change.identity
    }


def test_a_temporary_name_that_is_taken() -> None:
    """If an object has the temporary name already, another one is made."""
    taken = f"exchange-{b'id one'.hex()}-0"
    before = [person("one", cn="a"), person("two", cn="b"), person("three", cn=taken)]
    plan = assert_carried_out(
        before, [person("one", cn="b"), person("two", cn="a"), person("three", cn=taken)]
    )
    (by_way,) = (change.via for change in plan.changes if change.via is not None)
    assert by_way == f"cn=exchange-{b'id one'.hex()}-1,ou=a,dc=x"


@pytest.mark.parametrize(
    ("filter", "exchanged"), [("(cn=n*)", False), ("(&(uid=*)(!(CN=x)))", False), ("(cn=*)", True)]
)
def test_a_filter_that_asks_for_the_name_forbids_a_temporary_one(filter: str, exchanged: bool) -> None:
    """A run that was killed in between would leave an object that its job does not select any more."""
    source = MemoryDirectory(base="dc=s", name="source")
    destination = MemoryDirectory(name="destination", identity_field="entryUUID")
    for uid, old, new in (("1", "na", "nb"), ("2", "nb", "na")):
        source.entries[f"n={uid},dc=s"] = {"uid": [uid.encode()], "cn": [new.encode()]}
        held = {"uid": [uid.encode()], "cn": [old.encode()], "entryUUID": [f"id {uid}".encode()]}
        destination.entries[f"cn={old},dc=x"] = held
    definition = one_job({"uid": {"from": "uid", "key": True}, "cn": "cn"}, destination={"filter": filter})
    plan = plan_of(definition, source, destination)
    assert (len(plan.changes), len(plan.problems)) == ((2, 0) if exchanged else (0, 2))


def test_without_an_identity_names_are_not_exchanged() -> None:
    """An object that could not be told from the one that has its old name now would be lost: it is refused,
    as an error.
    """
    source = MemoryDirectory(base="dc=s", name="source")
    destination = MemoryDirectory(name="destination")
    for uid, old, new in (("1", "a", "b"), ("2", "b", "a")):
        source.entries[f"n={uid},dc=s"] = {"uid": [uid.encode()], "cn": [new.encode()]}
        destination.entries[f"cn={old},dc=x"] = {"uid": [uid.encode()], "cn": [old.encode()]}
    plan = plan_of(one_job({"uid": {"from": "uid", "key": True}, "cn": "cn"}), source, destination)
    assert len(plan.changes) == 0
    assert [problem.message for problem in plan.problems] == [
        f"it would become cn={name},dc=x, but objects exchange their names in a circle, and none of them can"
        " get another name in between. Rename one of them by hand."
        for name in ("b", "a")
    ]


@pytest.mark.parametrize("size", [2, 3, 500])
def test_large_circles(size: int) -> None:
    """Names, addresses and numbers of many people rotate at once."""
    before = [person(f"u{n}", cn=f"n{n}", mail=f"m{n}", phone=f"p{n}") for n in range(size)]
    after = [
        person(f"u{n}", cn=f"n{(n + 1) % size}", mail=f"m{(n + 2) % size}", phone=f"p{(n - 1) % size}")
        for n in range(size)
    ]
    assert_carried_out(before, after, ahead=64)
