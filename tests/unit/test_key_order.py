"""Where a listing ended by its keys is told only where they ascended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.endpoints.change import Action, Change
from directory_sync.endpoints.contract import Record
from directory_sync.endpoints.evidence import Ending, Evidence
from directory_sync.endpoints.key_order import FEWEST, KeyOrder, KeysRead, LastKey
from directory_sync.plan.canonical import canonical, key_in
from directory_sync.plan.model import PlanEvidence
from directory_sync.plan.patterns.model import InCommon, Patterns
from directory_sync.plan.patterns.subject import Subject
from directory_sync.plan.patterns.summing import patterns_of
from tests.scenarios.evidence import evidence_of
from tests.scenarios.memory_directory import MemoryDirectory
from tests.scenarios.planning import FIELDS, destination_of, one_job, plan_of, source_of

BOTH = (KeyOrder.TEXT, KeyOrder.LENGTH)


def last_of(keys: Sequence[str], *, at_once: int = 1000) -> LastKey | None:
    """What is known of the end of a listing of these keys."""
    read = KeysRead()
    for place, key in enumerate(keys, start=1):
        read.noted.append((key.encode(),))
        if place % at_once == 0:
            read.look()
    read.look()
    return read.last(line=len(keys) + 1)


PADDED = [f"p{number:04}" for number in range(20)]
NUMBERS = [f"{number}" for number in range(5, 25)]
NAMES = sorted(f"{chr(letter)}my{'x' * (letter % 5)}" for letter in range(ord("a"), ord("t")))


@pytest.mark.parametrize(
    ("keys", "orders"),
    [
        (PADDED, BOTH),
        ([*PADDED[:5], PADDED[4], *PADDED[5:]], BOTH),
        (list(map(str.upper, PADDED[:10])) + PADDED[10:], BOTH),
        ([f" {key} " for key in PADDED], BOTH),
        (NUMBERS, (KeyOrder.LENGTH,)),
        (sorted(NUMBERS), (KeyOrder.TEXT,)),
        (NAMES, (KeyOrder.TEXT,)),
        (PADDED[: FEWEST - 1], ()),
        (PADDED[::-1], ()),
        ([*PADDED[1:], PADDED[0]], ()),
        ([*PADDED, "pé"], ()),
        ([*PADDED, "q\nr"], ()),
        ([], ()),
    ],
)
@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_in_which_orders_keys_ascend(keys: list[str], orders: tuple[KeyOrder, ...], at_once: int) -> None:
    """As texts, as numbers, or both; where they do not, are too few, or are sorted as some language does,
    nothing is known. How many are looked at together makes no difference.
    """
    last = last_of(keys, at_once=at_once)
    if not orders:
        assert last is None
    else:
        assert last == LastKey(keys[-1].strip().lower(), len(keys), len(keys) + 1, orders)


@pytest.mark.parametrize(
    ("keys", "key", "is_before"),
    [
        (PADDED, "p0020", True),
        (PADDED, "P0020 ", True),
        (PADDED, "p0019", False),
        (PADDED, "P0019", False),
        (PADDED, "p00005", False),
        (PADDED, "p3", False),
        (PADDED, "qé", False),
        (NUMBERS, "25", True),
        (NUMBERS, "100", True),
        (NUMBERS, "9", False),
        (NUMBERS, "4", False),
        (sorted(NUMBERS), "91", True),
        (sorted(NUMBERS), "25", False),
        (NAMES, "zoe", True),
        (NAMES, "al", False),
    ],
)
def test_which_keys_come_after(keys: list[str], key: str, is_before: bool) -> None:
    """Those that do so in every order in which the keys ascended."""
    last = last_of(keys)
    assert last is not None
    assert last.is_before(key) is is_before


KEYS = st.lists(st.sampled_from(["a", "B", "b", "10", "9", "007", " c", "d ", "ä", "x\ny"]), max_size=30)
ANY_KEYS = KEYS | KEYS.map(sorted) | KEYS.map(lambda keys: sorted(keys, key=lambda key: (len(key), key)))


@given(ANY_KEYS | st.just(PADDED) | st.just(NUMBERS), st.integers(1, 12), st.text(max_size=4))
def test_what_is_told_of_the_end_is_true(keys: list[str], at_once: int, key: str) -> None:
    """It is told only if each key is followed by one that is not smaller, and a key comes after the end only
    if it is greater than every key that was read.
    """
    last = last_of(keys, at_once=at_once)
    if last is None:
        return
    forms = [key.strip(" \t").lower() for key in keys]
    by = {KeyOrder.TEXT: lambda form: (0, form), KeyOrder.LENGTH: lambda form: (len(form), form)}
    for order in last.orders:
        assert forms == sorted(forms, key=by[order])
        if last.is_before(key):
            own = by[order](key.strip(" \t").lower())
            assert all(by[order](form) < own for form in forms)
    assert len(keys) >= FEWEST
    assert not any(last.is_before(each) for each in keys)


@given(ANY_KEYS)
def test_what_is_known_is_stored_without_loss(keys: list[str]) -> None:
    """What is stored reads back as the same, and evidence of earlier versions as nothing."""
    evidence = replace(evidence_of(), last=last_of(keys))
    stored = evidence.to_json()
    assert Evidence.from_json(stored).last == evidence.last
    del stored["last"]
    assert Evidence.from_json(stored) == evidence
    assert Evidence.from_json(stored).last is None


@given(st.text(), st.text(), st.none() | st.text())
def test_the_key_of_a_stored_change(key: str, object: str, new_object: str | None) -> None:
    """It is found whatever the change's ids hold."""
    change = Change(Action.MOVE, key, f'{object}","key":"', new_object)
    if any(0xD800 <= ord(letter) < 0xE000 for letter in f"{key}{object}{new_object}"):
        return
    assert key_in(canonical(change)) == key


# -- plans ---------------------------------------------------------------------------------------------------


def last_in(source: MemoryDirectory, fields: dict[str, Any] = FIELDS) -> LastKey | None:
    """What a plan knows of the end of its source."""
    plan = plan_of(one_job(fields, missing_at_source="delete"), source, destination_of())
    assert plan.evidence is not None
    assert plan.evidence.destination.last is None
    return plan.evidence.source.last


def test_a_plan_keeps_where_its_source_ended() -> None:
    """By the key that the job makes of the records, be it computed."""
    source = source_of(*[{"uid": key, "cn": key.upper(), "n": key[1:]} for key in PADDED])
    assert last_in(source) == LastKey("p0019", 20, 0, BOTH)
    computed = {"uid": {"template": "x{{ n }}", "key": True}, "cn": "cn"}
    assert last_in(source, computed) == LastKey("x0019", 20, 0, BOTH)
    falling = {"uid": {"template": "x{{ 9999 - n | int }}", "key": True}, "cn": "cn"}
    assert last_in(source, falling) is None


def test_of_several_keys_nothing_is_known() -> None:
    """They may be sorted by any of them first."""
    fields = {"uid": {"from": "uid", "key": True}, "cn": {"from": "cn", "key": True}}
    assert last_in(source_of(*[{"uid": key, "cn": key} for key in PADDED]), fields) is None


class SetAside(MemoryDirectory):
    """A source whose last record cannot be used."""

    def read(self, fields: Any) -> Any:
        listing = Ending(super().read(fields))
        *whole, last = (record for batch in listing for record in batch)
        yield [*whole, Record(last.id, last.values, "Wrong.", line=25)]
        return listing.said


@pytest.mark.parametrize(
    ("last", "known"),
    [("p0020", LastKey("p0020", 21, 25, BOTH)), ("p0000", None), (["p0021", "p0022"], None)],
)
def test_a_record_that_cannot_be_used_was_read_too(last: Any, known: LastKey | None) -> None:
    """Its key takes part; where it has none, or several, nothing is known."""
    source = source_of(*[{"uid": key} for key in [*PADDED, last]])
    assert last_in(SetAside(source.entries, base="dc=s", name="source")) == known


# -- patterns ------------------------------------------------------------------------------------------------


def summed_up(gone: Sequence[str], last: LastKey | None, *, action: Action = Action.DELETE) -> Patterns:
    """The patterns of a plan that removes the objects of these keys."""
    changes = [Change(action, key, f"uid={key},ou=people,dc=x") for key in gone]
    evidence = replace(evidence_of(), last=last)
    job = one_job(missing_at_source="delete").jobs[0]
    return patterns_of(changes, Subject.of(job, PlanEvidence(evidence, evidence_of())))


def places(patterns: Patterns) -> list[tuple[int, int, int, int]]:
    (line,) = patterns.lines
    return [
        (each.count, each.of, each.line, each.number) for each in line.common if each.kind is InCommon.PLACE
    ]


LAST = LastKey("p8038", 8038, 8039, BOTH)


@pytest.mark.parametrize(
    ("gone", "last", "told"),
    [
        ([f"p{n}" for n in range(8039, 8069)], LAST, [(30, 30, 8039, 8038)]),
        ([f"p{n}" for n in range(8039, 8068)] + ["p0001"], LAST, [(29, 30, 8039, 8038)]),
        ([f"p{n}" for n in range(8039, 8059)] + [f"p{n}" for n in range(1000, 1010)], LAST, []),
        ([f"p{n}" for n in range(1000, 1030)], LAST, []),
        (["p8039"], LAST, []),
        ([f"p{n}" for n in range(8039, 8069)], None, []),
        ([f"{n}" for n in range(10_000, 10_009)], LastKey("9999", 9999, 0, BOTH[1:]), [(9, 9, 0, 9999)]),
        ([f"{n}" for n in range(10_000, 10_009)], LastKey("9999", 9999, 0, BOTH), []),
    ],
)
def test_removals_after_the_end_of_the_source(
    gone: list[str], last: LastKey | None, told: list[tuple[int, int, int, int]]
) -> None:
    """A line says so if at least four of five of its objects have a key after the last one."""
    patterns = summed_up(gone, last)
    assert places(patterns) == told
    assert Patterns.from_json(patterns.to_json(), patterns.places) == patterns


def test_all_objects_of_a_line_are_looked_at() -> None:
    """Not an even choice of them: *all* means all."""
    gone = [f"p{n}" for n in range(8039, 9039)]
    assert places(summed_up(gone, LAST)) == [(1000, 1000, 8039, 8038)]
    gone[777] = "p0777"
    assert places(summed_up(gone, LAST)) == [(999, 1000, 8039, 8038)]


def test_updates_have_no_place() -> None:
    """Their records were read."""
    assert places(summed_up(["p8040", "p8041"], LAST, action=Action.UPDATE)) == []


@given(st.lists(st.integers(8000, 8080), min_size=2, max_size=60), st.randoms(use_true_random=False))
def test_a_place_is_never_told_of_others(numbers: list[int], chance: Any) -> None:
    """What a line says of the place is what counting the keys comes to, in whatever order the changes are."""
    gone = [f"p{number}" for number in numbers]
    chance.shuffle(gone)
    after = sum(number > 8038 for number in numbers)
    told = [(after, len(numbers), 8039, 8038)] if after >= max(2, 0.8 * len(numbers)) else []
    assert places(summed_up(gone, LAST)) == told
