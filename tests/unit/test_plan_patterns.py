"""A plan's changes are summed up in at most 50 lines, in which nothing gets lost."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from directory_sync.endpoints.change import Action, Change, FieldChange, Mark, MarkKind
from directory_sync.plan.patterns import counting as plan_counting
from directory_sync.plan.patterns.counting import Counting
from directory_sync.plan.patterns.model import (
    MOST_LINES,
    OTHER,
    SHARED_BY,
    FieldKind,
    InCommon,
    PatternLine,
    Patterns,
)
from directory_sync.plan.patterns.shapes import HASHES, taken_apart
from directory_sync.plan.patterns.subject import Subject
from directory_sync.plan.patterns.summing import patterns_of

SUBJECT = Subject(frozenset({"uid"}), lambda field: field.lower() == "userpassword")
MOVING = replace(SUBJECT, departed="OU=Gone, dc=x")


def update(number: int, *fields: FieldChange, name: str | None = None) -> Change:
    return Change(Action.UPDATE, f"p{number}", f"uid=p{number},ou=people,dc=x", fields=fields, name=name)


def replaced(field: str, old: str, new: str) -> FieldChange:
    return FieldChange(field, (old.encode(),), (new.encode(),))


def only_field(field: FieldChange, *, times: int = 1) -> tuple[FieldKind, bytes | None, bytes | None]:
    """What the one line of so many equal changes says of their field."""
    (line,) = patterns_of([update(number, field) for number in range(times)], SUBJECT).lines
    (found,) = line.fields
    return found.kind, found.old or found.affix, found.new


def summary(patterns: Patterns) -> list[object]:
    """Everything but examples and where the changes stand."""
    lines = [replace(line, number=0, examples=()) for line in patterns.lines]
    other = patterns.other and (patterns.other.count, patterns.other.patterns)
    return [*lines, other]


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ((), ("a",), FieldKind.SET),
        (("a",), (), FieldKind.CLEARED),
        (("4711",), ("4711-N",), FieldKind.SUFFIX_ADDED),
        (("4711-N",), ("4711",), FieldKind.SUFFIX_REMOVED),
        (("4711",), ("D4711",), FieldKind.PREFIX_ADDED),
        (("D4711",), ("4711",), FieldKind.PREFIX_REMOVED),
        (("Groß",), ("GROSS",), FieldKind.SPELLING),
        (("Änne  Maier",), ("änne maier ",), FieldKind.SPELLING),
        (("+49 40 1",), ("+49401",), FieldKind.SPELLING),
        (("a",), ("a ",), FieldKind.SPELLING),
        (("fry",), ("leela",), FieldKind.REPLACED),
        (("",), ("leela",), FieldKind.REPLACED),
        (("a", "b"), ("b", "c", "d"), FieldKind.VALUES),
    ],
)
def test_what_happens_to_a_field(old: Sequence[str], new: Sequence[str], kind: FieldKind) -> None:
    """A field's values before and after tell what happens to it, whatever few objects share."""
    field = FieldChange("title", tuple(map(str.encode, old)), tuple(map(str.encode, new)))
    assert only_field(field)[0] is kind


def test_values_that_come_and_go_are_added_up() -> None:
    """Of several values a line says how many come and how many go, in all of its objects."""
    changes = [update(1, FieldChange("member", (b"a",), (b"b", b"c"), partial=True))]
    changes.append(update(2, FieldChange("member", (b"a", b"b"), (b"c",))))
    (line,) = patterns_of(changes, SUBJECT).lines
    assert (line.count, line.fields[0].added, line.fields[0].removed) == (2, 3, 3)


@pytest.mark.parametrize(("times", "shared"), [(4, False), (5, True)])
def test_a_pair_is_what_five_objects_share(times: int, shared: bool) -> None:
    """An old and a new value are named once five objects share them."""
    pair = (FieldKind.PAIR, b"Hamburg", b"Berlin") if shared else (FieldKind.REPLACED, None, None)
    assert only_field(replaced("l", "Hamburg", "Berlin"), times=times) == pair


def test_one_suffix_on_many_values_is_one_line() -> None:
    """What a suffix does to many values is not torn apart by the values, though five objects share each."""
    changes = [update(n, replaced("departmentNumber", f"{n % 40}", f"{n % 40}-N")) for n in range(400)]
    changes += [update(n, replaced("departmentNumber", "7", "7-X")) for n in range(6)]
    lines = patterns_of(changes, SUBJECT).lines
    assert [(line.count, line.fields[0].kind, line.fields[0].affix) for line in lines] == [
        (6, FieldKind.PAIR, None),
        (400, FieldKind.SUFFIX_ADDED, b"-N"),
    ]


def test_secret_values_are_neither_told_nor_compared() -> None:
    """Of a secret field a line says set, cleared or replaced: not even that two objects have the same."""
    fields = [
        FieldChange("userPassword", (b"one",), (b"onetwo",)),
        FieldChange("userPassword", (b"ONE",), (b"one",)),
        FieldChange("userPassword", (b"a", b"b"), (b"c",)),
        FieldChange("userPassword", (b"a",), (b"c",), partial=True),
        *[FieldChange("userPassword", (b"one",), (b"two",)) for _ in range(6)],
    ]
    patterns = patterns_of([update(number, field) for number, field in enumerate(fields)], SUBJECT)
    (line,) = patterns.lines
    assert [each.to_json() for each in line.fields] == [{"field": "userPassword", "kind": "replaced"}]
    gone = [
        Change(Action.DELETE, f"{n}", f"uid={n}", fields=(FieldChange("userPassword", (b"same",), ()),))
        for n in range(9)
    ]
    assert "same" not in str(patterns_of(gone, SUBJECT).to_json())


def test_the_order_of_lines() -> None:
    """Removals come first, then what replaces a name, then few of very many, then the many."""
    mail = [update(n, replaced("mail", f"{n}@a", f"{n * 7}@b")) for n in range(3_988)]
    names = [update(n, replaced("sn", f"x{n}", f"y{n * 3}")) for n in range(30)]
    few = [update(n, replaced("title", f"x{n}", f"y{n * 3}")) for n in range(20)]
    shared = [update(n, replaced("cn", "Herr", "Frau")) for n in range(500)]
    moved = [Change(Action.MOVE, f"{n}", f"uid={n},dc=x", f"uid={n},ou=H,dc=x") for n in range(300)]
    gone = [Change(Action.DELETE, f"{n}", f"uid={n},ou=people,dc=x") for n in range(3)]
    changes = [*mail, *names, *few, *shared, *moved, *gone]
    random.Random(4).shuffle(changes)
    lines = patterns_of(changes, SUBJECT).lines
    assert [line.count for line in lines] == [3, 30, 3_988, 20, 500, 300]
    assert [line.removal for line in lines] == [True, *[False] * 5]
    assert [line.identifying for line in lines] == [False, True, True, False, False, False]
    assert lines[5].moved_to == "ou=H,dc=x"


def test_a_move_of_what_has_no_record_is_a_removal() -> None:
    """The job's definition says where objects go whose record is missing; spelling does not matter."""
    there = Change(Action.MOVE, "a", "uid=a,dc=x", "uid=a,ou=gone,dc=x")
    assert [line.removal for line in patterns_of([there], MOVING).lines] == [True]
    assert [line.removal for line in patterns_of([there], SUBJECT).lines] == [False]
    marked = there._replace(marks=(Mark(MarkKind.NEVER_MATCHED),))
    (line,) = patterns_of([marked], SUBJECT).lines
    assert (line.removal, line.marks) == (True, (MarkKind.NEVER_MATCHED,))


def test_what_removals_have_in_common() -> None:
    """A line of removals says in which container the objects are, and which value most of them share; not
    what every object of the job has.
    """
    fields = (FieldChange("l", (b"Berlin",), ()), FieldChange("o", (b"Planet Express",), ()))
    gone = [
        Change(Action.DELETE, f"{n}", f"uid={n},ou=temp,dc=x", fields=fields if n else fields[1:])
        for n in range(10)
    ]
    (line,) = patterns_of(gone, replace(SUBJECT, fixed=frozenset({"o"}))).lines
    told = [(each.kind, each.subject, each.value, each.count, each.of) for each in line.common]
    assert told == [
        (InCommon.CONTAINER, "ou=temp,dc=x", None, 10, 10),
        (InCommon.VALUE, "l", b"Berlin", 9, 10),
    ]


def test_examples_are_named_as_people_call_them() -> None:
    """Three objects of a line are named: what people call them, the key and the id."""
    changes = [update(n, replaced("title", f"x{n}", f"y{n * 3}"), name=f"Person {n}") for n in range(5)]
    (line,) = patterns_of(changes, SUBJECT).lines
    told = [(each.sequence, each.name, each.key, each.object) for each in line.examples]
    assert told == [(n, f"Person {n}", f"p{n}", f"uid=p{n},ou=people,dc=x") for n in range(3)]


TEXTS = st.sampled_from(["", "a", "A", "a ", "ab", "ba", "<b>", "\x1b[2J", "Straße", "STRASSE", "x" * 400])
VALUES = st.lists(TEXTS.map(str.encode) | st.binary(max_size=3), max_size=3, unique=True).map(tuple)
FIELDS = st.lists(
    st.builds(
        FieldChange,
        st.sampled_from(["sn", "mail", "title", "userPassword", "member", "l;lang-de", "\u202eevil"]),
        VALUES,
        VALUES,
        st.just(value=False),
        st.just(value=False),
        st.booleans(),
    ),
    max_size=4,
    unique_by=lambda field: field.field,
).map(tuple)
IDS = st.sampled_from(["uid=a,ou=p,dc=x", "uid=b,ou=p,dc=x", "UID=A,ou=q,dc=x", "no dn", "", 'cn=a\\,b,"'])
MARKS = st.lists(
    st.sampled_from([Mark(MarkKind.NEVER_MATCHED), Mark(MarkKind.CLAIMED_BY, "a.b")]), max_size=2, unique=True
).map(tuple)
CHANGES = st.builds(
    Change,
    action=st.sampled_from(Action),
    key=TEXTS,
    object=IDS,
    new_object=st.none() | IDS,
    fields=FIELDS,
    marks=MARKS,
    name=st.none() | TEXTS,
    identity=st.none(),
    after=st.just(()),
    via=st.none(),
)
SOME = st.lists(st.tuples(CHANGES, st.integers(1, 7)), max_size=25)
"""Changes, and how many of each."""
DIFFERENT = st.sets(st.integers(0, 3**5 - 1), max_size=120)
"""Each stands for a change of five fields, with another shape."""


def made(some: list[tuple[Change, int]], different: set[int] = frozenset()) -> list[Change]:  # type: ignore[assignment]
    found = [change for change, times in some for _ in range(times)]
    for number in sorted(different):
        kinds = [number // 3**place % 3 for place in range(5)]
        texts = (("", ""), ("a", "b"), ("a", "A"))
        fields = [replaced(f"f{n}", *texts[kind]) for n, kind in enumerate(kinds) if kind]
        found.append(update(number, *fields))
    return found


@given(SOME, DIFFERENT, st.sampled_from([3, 20, 5_000]))
def test_nothing_gets_lost(some: list[tuple[Change, int]], different: set[int], most_shapes: int) -> None:
    """Counts add up to the number of changes, each change has its line, there are at most 50, and no removal
    is without a line.
    """
    changes = made(some, different)
    patterns = patterns_of(changes, MOVING, most_shapes=most_shapes)
    counts = Counter(patterns.places)
    assert patterns.total == len(changes) == len(patterns.places)
    assert len(patterns.lines) <= MOST_LINES
    assert [counts[line.number] for line in patterns.lines] == [line.count for line in patterns.lines]
    assert counts[OTHER] == (patterns.other.count if patterns.other else 0)
    for change, number in zip(changes, patterns.places, strict=True):
        if number == OTHER:
            assert change.action not in (Action.DELETE, Action.DISABLE)
            assert not change.marks or change.action is Action.CREATE
        else:
            assert patterns.lines[number].action is change.action
    for line in patterns.lines:
        assert [patterns.places[each.sequence] for each in line.examples] == [line.number] * min(
            3, line.count
        )


@given(SOME, DIFFERENT, st.sampled_from([3, 20, 5_000]), st.randoms(use_true_random=False))
def test_the_order_of_changes_does_not_matter(
    some: list[tuple[Change, int]], different: set[int], most_shapes: int, chance: random.Random
) -> None:
    """The same changes in another order give the same lines; only the examples differ."""
    changes = made(some, different)
    shuffled = changes[:]
    chance.shuffle(shuffled)
    one, other = (patterns_of(each, MOVING, most_shapes=most_shapes) for each in (changes, shuffled))
    assert summary(one) == summary(other)


def plainly(before: bytes, after: bytes) -> FieldKind:
    """What happens to the one value of a field, as the rules say it."""
    if len(before) == len(after) and before.lower() == after.lower():
        return FieldKind.SPELLING
    if before and after and len(before) != len(after):
        short, long = sorted((before, after), key=len)
        added = long is after
        suffix = FieldKind.SUFFIX_ADDED if added else FieldKind.SUFFIX_REMOVED
        prefix = FieldKind.PREFIX_ADDED if added else FieldKind.PREFIX_REMOVED
        for kind, rest, fits in (
            (suffix, long[len(short) :], long.startswith(short)),
            (prefix, long[: len(long) - len(short)], long.endswith(short)),
        ):
            if fits:
                return FieldKind.SPELLING if rest.isspace() else kind
    texts = []
    for value in (before, after):
        try:
            texts.append("".join(value.decode().casefold().split()))
        except UnicodeDecodeError:
            return FieldKind.REPLACED
    spelled = b" " in before + after or not before.isascii()
    return FieldKind.SPELLING if spelled and texts[0] == texts[1] else FieldKind.REPLACED


PARTS = st.sampled_from(["", "a", "A", " ", "\t", "ß", "SS", "é", "1", "-N"])
SHORT = st.lists(PARTS, max_size=4).map("".join).map(str.encode) | st.binary(max_size=2)


@given(SHORT, SHORT)
def test_what_happens_to_a_value_is_what_the_rules_say(before: bytes, after: bytes) -> None:
    """However it is found out."""
    (line,) = patterns_of([update(1, FieldChange("title", (before,), (after,)))], SUBJECT).lines
    assert line.fields[0].kind is plainly(before, after)


SUFFIXES = st.lists(
    st.sampled_from([("a", "ab"), ("b", "bb"), ("c", "cb"), ("c", "cd"), ("a", "b"), ("a", "A")]), max_size=60
)
"""Old and new values, of which many objects share the pair, the suffix, or both."""


@given(SOME, DIFFERENT, SUFFIXES, st.sampled_from([3, 20, 5_000]))
def test_groups_are_what_plain_counting_comes_to(
    some: list[tuple[Change, int]], different: set[int], pairs: list[tuple[str, str]], most_shapes: int
) -> None:
    """Each change is in the group of its shape and of what it shares with at least four others."""
    changes = [*made(some, different), *(update(n, replaced("l", *pair)) for n, pair in enumerate(pairs))]
    counting = Counting(MOVING, most_shapes=most_shapes)
    noted: list[tuple[tuple[int, ...], list[int], list[int]]] = []
    for change in changes:
        marks = [(mark.kind.value, mark.subject) for mark in change.marks]
        given = (change.action.value, change.object, change.new_object, change.fields, marks)
        counting.add(*given)
        hashes: list[int] = []
        numbers: list[int] = []
        noted.append((counting.shapes.of(*given, hashes, numbers), hashes, numbers))
    counted = counting.finish()
    met = Counter(each for _, hashes, _ in noted for each in hashes)
    level = counting._level
    expected: dict[tuple[int, ...], list[int]] = {}
    places: list[tuple[int, ...]] = []
    for shape, hashes, numbers in noted:
        own = [each if met[each] >= SHARED_BY else 0 for each in hashes]
        place = 0
        for kind in (taken_apart(number)[1] for number in shape[1:]):
            pair, affix = place, place + 1
            if HASHES.get(kind) == 2:
                wider = met[hashes[affix]] > met[hashes[pair]] and own[affix]
                own[pair], own[affix] = (
                    (0, own[affix]) if wider else (own[pair], 0 if own[pair] else own[affix])
                )
            place += HASHES.get(kind, 0)
        key = (*counting.shapes.coarser(shape, level), *(() if level else (-1, *own)))
        places.append(key)
        sums = expected.setdefault(key, [0] * (1 if level else 1 + len(numbers)))
        sums[0] += 1
        if not level:
            sums[1:] = [one + more for one, more in zip(sums[1:], numbers, strict=True)]
    found = [(*group.shape, *(() if level else (-1, *group.shared))) for group in counted.groups]
    assert [found[each] for each in counted.assigned] == places
    told = {key: [group.count, *group.sums] for key, group in zip(found, counted.groups, strict=True)}
    assert len(found) == len(told)
    assert told == expected


@given(SOME)
def test_patterns_are_stored_without_loss(some: list[tuple[Change, int]]) -> None:
    """What is stored reads back as the same patterns."""
    patterns = patterns_of(made(some), MOVING)
    assert Patterns.from_json(patterns.to_json(), patterns.places) == patterns


@given(SOME)
def test_no_secret_is_in_patterns(some: list[tuple[Change, int]]) -> None:
    """The values of a secret field make no difference to the patterns."""
    changes = made(some)
    others = [
        change._replace(
            fields=tuple(
                field._replace(
                    old=tuple(b"other %d" % n for n, _ in enumerate(field.old)),
                    new=tuple(b"new %d" % n for n, _ in enumerate(field.new)),
                )
                if field.field == "userPassword"
                else field
                for field in change.fields
            )
        )
        for change in changes
    ]
    assert patterns_of(changes, MOVING) == patterns_of(others, MOVING)


class Generated:
    """Very many changes that are made when they are asked for."""

    def __init__(self, count: int, size: int) -> None:
        self._count, self._size = count, size

    def __iter__(self) -> Iterator[Change]:
        filler = "x" * self._size
        for n in range(self._count):
            yield update(
                n,
                replaced(f"field{n % 7}", f"{filler}{n}", f"{n}{filler}"),
                replaced("mail", f"{n}@a", f"{n}@b"),
            )


@pytest.mark.parametrize("count", [2_000, 40_000])
def test_the_state_does_not_grow_with_the_changes(count: int) -> None:
    """While changes pass, what is kept in memory is the same for few and for many, and holds no value."""
    counting = Counting(SUBJECT)
    most = 0
    for change in Generated(count, 200):
        counting.add(change.action.value, change.object, None, change.fields)
        most = max(most, len(counting._changes) + len(counting._hashes) + len(counting._values))
    assert most < 5 * (1 << 14)
    assert len(counting._known) == 7
    assert len(counting._buckets) == 1 << 20


@given(st.lists(st.sampled_from([0, 1, 4, 5, 6, 7, 100, 254, 255]), max_size=60), st.integers(0, 40))
@example([5, 5, 6], 2)
@example([4, 5, 6], 2)
@example([255, 254], 1)
@example([255, 255], 1)
def test_so_many_have_to_share_a_value(buckets: list[int], most: int) -> None:
    """Five; in plans with more shared values than are told apart, as few as leave no more of them."""
    counting = Counting(SUBJECT)
    counting._buckets[: len(buckets)] = bytes(buckets)
    counting._hashed = 1_000_000
    with patch.object(plan_counting, "_MOST_SHARED", most):
        found = counting._enough()
    enough = (n for n in range(SHARED_BY, 256) if n == 255 or sum(met >= n for met in buckets) <= most)
    assert found == next(enough)


def test_more_shapes_than_are_told_apart() -> None:
    """Where a plan has very many shapes, they become coarser, and the state stays small."""
    counting = Counting(SUBJECT, most_shapes=100)
    for n in range(5_000):
        fields = [replaced(f"f{bit}", f"{n}", f"{n}x{bit}") for bit in range(13) if n & 1 << bit]
        counting.add("update", f"uid={n}", None, fields)
    assert len(counting._known) <= 300
    assert sum(group.count for group in counting.finish().groups) == 5_000


def hidden(line: PatternLine) -> bool:
    return any(field.field == "sn" for field in line.fields)


@pytest.mark.parametrize("count", [6, 500, 5_000, 100_000])
def test_new_surnames_among_harmless_edits_are_seen(count: int) -> None:
    """Some people with a new surname among very many harmless edits are among the first five lines."""
    wrong = min(30, max(1, count // 100))
    cities = ["Hamburg", "Berlin", "Bremen", "Kiel", "Köln", "Bonn"]
    chance = random.Random(count)

    def changes() -> Iterator[Change]:
        for n in range(count - wrong):
            fields = [replaced("departmentNumber", f"{n % 900}", f"{n % 900}-N")]
            if n % 3 == 0:
                fields.append(replaced("l", *chance.sample(cities, 2)))
            if n % 50 == 0:
                fields.append(replaced("telephoneNumber", f"{n}", f"+49 {n * 3}"))
            if n % 500 == 0:
                fields.append(replaced(f"extensionAttribute{n % 15}", f"{n}", f"new {n * 3}"))
            yield update(n, *fields)
        for n in range(wrong):
            yield update(count + n, replaced("sn", f"Name {n}", f"Other {n * 7}"))

    edits = list(changes())
    chance.shuffle(edits)
    lines = patterns_of(edits, SUBJECT).lines
    assert any(hidden(line) and line.count == wrong for line in lines[:5])


@pytest.mark.parametrize("count", [6, 500, 5_000])
def test_a_mapping_that_is_shifted_by_a_row_is_seen(count: int) -> None:
    """Where each person gets the values of the next one, the first five lines say so."""
    people = [
        (f"Given {n % 300}", f"Name {n % 1000}", f"{n}@x", ["Hamburg", "Berlin", "Kiel"][n % 7 % 3])
        for n in range(count + 1)
    ]
    names = ("givenName", "sn", "mail", "l")
    changes = []
    for n in range(count):
        pairs = zip(names, people[n], people[n + 1], strict=True)
        fields = [replaced(field, old, new) for field, old, new in pairs if old != new]
        changes.append(update(n, *fields))
    first = patterns_of(changes, SUBJECT).lines[:5]
    assert all(line.identifying for line in first)
    assert any({"sn", "mail"} <= {field.field for field in line.fields} for line in first)


@pytest.mark.parametrize("count", [6, 500, 5_000])
def test_what_a_truncated_source_removes_is_seen(count: int) -> None:
    """Removals among very many edits are the first line."""
    wrong = max(2, count // 200)
    changes = [update(n, replaced("mail", f"{n}@a", f"{n * 3}@b")) for n in range(count - wrong)]
    changes += [Change(Action.DELETE, f"z{n}", f"uid=z{n},ou=people,dc=x") for n in range(wrong)]
    line = patterns_of(changes, SUBJECT).lines[0]
    assert (line.removal, line.count) == (True, wrong)
