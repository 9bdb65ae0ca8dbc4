"""Patterns of changes in words."""

from __future__ import annotations

import pytest

from directory_sync.definition.models import Job
from directory_sync.endpoints.change import Action, Change, FieldChange, Mark, MarkKind
from directory_sync.plan.patterns.model import (
    Common,
    FieldKind,
    FieldPattern,
    InCommon,
    PatternLine,
    Patterns,
)
from directory_sync.plan.patterns.subject import Subject
from directory_sync.plan.patterns.summing import patterns_of
from directory_sync.present.patterns import (
    common_text,
    counted_text,
    examples_text,
    line_text,
    pattern_lines,
)
from tests.scenarios.plans import collection

JOB: Job = collection().job("people")
SUBJECT = Subject.of(JOB)


def line(*fields: FieldPattern, action: Action = Action.UPDATE) -> PatternLine:
    return PatternLine(0, action, fields, 1, ())


@pytest.mark.parametrize(
    ("field", "text", "without"),
    [
        (
            FieldPattern("l", FieldKind.PAIR, b"Hamburg", b"Berlin"),
            "l: Hamburg → Berlin",
            "l: one value becomes another",
        ),
        (FieldPattern("mail", FieldKind.REPLACED), "mail replaced", "mail replaced"),
        (FieldPattern("l", FieldKind.SET), "l set", "l set"),
        (FieldPattern("l", FieldKind.CLEARED), "l cleared", "l cleared"),
        (FieldPattern("l", FieldKind.SPELLING), "l: spelling only", "l: spelling only"),
        (
            FieldPattern("no", FieldKind.SUFFIX_ADDED, affix=b"-N"),
            "no: suffix -N added",
            "no: suffix added",
        ),
        (FieldPattern("no", FieldKind.PREFIX_REMOVED), "no: prefix removed", "no: prefix removed"),
        (
            FieldPattern("member", FieldKind.VALUES, added=1, removed=2000),
            "member: 1 value added, 2,000 removed",
            "member: 1 value added, 2,000 removed",
        ),
        (FieldPattern("photo", FieldKind.PAIR, b"\xff" * 3, b""), "photo: <3 bytes> → “”", None),
    ],
)
def test_what_happens_to_a_field(field: FieldPattern, text: str, without: str | None) -> None:
    """Each kind has its words; in mail without values."""
    assert line_text(line(field)) == text
    assert without is None or line_text(line(field), with_values=False) == without


def test_what_happens_to_an_object() -> None:
    """Kinds of change, containers, marks and many fields."""
    created = [FieldPattern(name, FieldKind.SET) for name in ("cn", "sn")]
    assert line_text(line(*created, action=Action.CREATE)) == "created with cn, sn"
    many = [FieldPattern(f"f{n}", FieldKind.REPLACED) for n in range(9)]
    assert line_text(line(*many)).endswith("f5 replaced; 3 more fields")
    assert line_text(line()) == "several fields changed"
    moved = PatternLine(0, Action.MOVE, (), 2, (), removal=True, moved_to="ou=x", marks=tuple(MarkKind))
    assert line_text(moved) == "moved to ou=x; never matched before; claimed by another job"
    assert line_text(moved, with_values=False).startswith("moved; ")


def test_lines_of_a_plan() -> None:
    """Text, number, what removals have in common, and whom for example: by name, else by key."""
    changes = [
        Change(
            Action.UPDATE, f"k{n}", f"cn={n},dc=x", fields=(FieldChange("l", (b"A",), (b"B",)),), name=name
        )
        for n, name in enumerate(("Fry", "Leela", None, "Amy", "Zoidberg"))
    ]
    marks = (Mark(MarkKind.NEVER_MATCHED),)
    gone = [Change(Action.DELETE, f"g{n}", f"cn={n},ou=temp,dc=x", marks=marks) for n in range(3)]
    patterns = patterns_of([*changes, *gone], SUBJECT)
    assert pattern_lines(patterns, JOB, most=10) == [
        "deleted; never matched before, 3 people; all in ou=temp,dc=x (g0, g1, g2)",
        "l: A → B, 5 people (Fry, Leela, k2, …)",
    ]
    assert pattern_lines(patterns, JOB, most=1, with_values=False) == [
        "deleted; never matched before, 3 people",
        "… and 1 more line",
    ]
    assert examples_text(patterns.lines[0]) == "g0, g1, g2"
    assert common_text(patterns.lines[0].common[0], 3) == "all in ou=temp,dc=x"


@pytest.mark.parametrize(
    ("common", "text"),
    [
        (
            Common(InCommon.PLACE, "hr.csv", 4480, 4480, line=8039, number=8038),
            "all after line 8,039 of the file, its last record",
        ),
        (
            Common(InCommon.PLACE, "hr.csv", 4440, 4480, line=8039, number=8038),
            "4,440 of 4,480 after line 8,039 of the file, its last record",
        ),
        (
            Common(InCommon.PLACE, "ou=people,dc=x", 2, 2, number=8038),
            "all after record 8,038 of the source, its last",
        ),
    ],
)
def test_where_in_the_source_removals_would_stand(common: Common, text: str) -> None:
    """A line of a file, or the number of a record; mail says so too, for no value is in it."""
    assert common_text(common, common.of) == text
    gone = PatternLine(0, Action.DELETE, (), common.of, (), removal=True, common=(common,))
    (told,) = pattern_lines(Patterns((gone,)), JOB, most=10, with_values=False)
    assert told == f"deleted, {counted_text(common.of, JOB)}; {text}"


@pytest.mark.parametrize(
    ("count", "of", "told"),
    [(200, 200, "all"), (4480, 200, "200 of 200 looked at"), (210, 205, "200 of 205")],
)
def test_an_even_choice_is_not_all(count: int, of: int, told: str) -> None:
    """Where not all objects of a line were looked at, no text says that all have something."""
    common = Common(InCommon.CONTAINER, "ou=temp", 200, of)
    assert common_text(common, count).startswith(told)
    assert common_text(common, count).endswith(" in ou=temp")
    assert common_text(common, count).startswith("all") is (count == 200)


def test_objects_are_called_by_their_kind() -> None:
    """People, groups, rows."""
    group, row = (JOB.model_copy(update={"object": kind}) for kind in ("group", "row"))
    assert counted_text(1, JOB) == "1 person"
    assert counted_text(4480, JOB) == "4,480 people"
    assert (counted_text(2, group), counted_text(1, row), counted_text(2, None)) == (
        "2 groups",
        "1 row",
        "2 objects",
    )
