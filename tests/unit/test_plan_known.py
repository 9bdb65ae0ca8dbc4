"""Removals: a job removes what it has created or matched before, and nothing that another job keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directory_sync.endpoints.change import Action, Mark, MarkKind
from directory_sync.errors import EndpointError
from directory_sync.plan.build import make_plan
from directory_sync.plan.model import EMPTY_SOURCE, Plan, WhyLeftAlone
from directory_sync.plan.past import Findings, Identities, Past, compact, key_identity, name_hash
from tests.scenarios.examples import examples
from tests.scenarios.memory_directory import MemoryDirectory
from tests.scenarios.planning import actions, destination_of, mapping_of, one_job, source_of
from tests.scenarios.reading import read_here

UUIDS = {
    name: f"00000000-0000-0000-0000-0000000000{number:02d}" for number, name in enumerate("abcdefgh", 10)
}
IDENTITIES = {name: compact(uuid.encode()) for name, uuid in UUIDS.items()}


def plan_with(
    past: Past,
    source: MemoryDirectory,
    target: MemoryDirectory,
    fields: Mapping[str, Any] | None = None,
    **job: Any,
) -> Plan:
    """The plan of a job that deletes what is missing, with something on record of it."""
    settings = {"missing_at_source": "delete", "remove": "known", **job}
    definition = one_job(fields, **settings) if fields else one_job(**settings)
    one = definition.jobs[0]
    return make_plan(
        definition, one, source, target, mapping_of(one, source, target), past=past, read_sides=read_here
    )


def directory(names: str) -> MemoryDirectory:
    """A destination with an object of each name, which shows its entryUUID."""
    made = destination_of(**{name.upper(): {"uid": name, "entryUUID": UUIDS[name]} for name in names})
    made.identity_field = "entryUUID"
    return made


def people(names: str) -> MemoryDirectory:
    """A source with a record of each name."""
    return source_of(*({"uid": name, "cn": name.upper()} for name in names))


def knowing(names: str, **past: Any) -> Past:
    """A job that knows these objects."""
    return Past(Identities.of(IDENTITIES[name] for name in names), **past)


def removed(plan: Plan) -> str:
    """Names of the objects that the plan deletes."""
    return "".join(sorted(change.key for change in plan.changes if change.action is Action.DELETE))


def test_only_known_objects_are_removed() -> None:
    """What the job never matched is counted, named and left alone, with the remedy."""
    plan = plan_with(knowing("ab"), people("a"), directory("abcd"))
    assert removed(plan) == "b"
    (item,) = plan.left_alone
    assert (item.why, item.count, item.examples) == (WhyLeftAlone.UNKNOWN, 2, ("cn=C,dc=x", "cn=D,dc=x"))
    assert any("remove: all" in warning and "cn=C,dc=x; cn=D,dc=x" in warning for warning in plan.warnings)


def test_the_authority_removes_all_and_marks_what_it_never_matched() -> None:
    """Under `remove: all` everything that base and filter select goes, and whoever looks at it sees what was
    never matched.
    """
    plan = plan_with(knowing("ab"), people("a"), directory("abc"), remove="all")
    assert {change.key: change.marks for change in plan.changes} == {
        "b": (),
        "c": (Mark(MarkKind.NEVER_MATCHED),),
    }
    assert plan.left_alone == ()


@pytest.mark.parametrize("remove", ["known", "all"])
def test_what_another_job_claims(remove: str) -> None:
    """It is left alone, or, under `remove: all`, removed with the other job's name on it."""
    claimed = {IDENTITIES["b"]: "hr.staff"}
    past = knowing("abc", claimed_by=lambda asked: {i: by for i, by in claimed.items() if i in asked})
    plan = plan_with(past, people("a"), directory("abc"), remove=remove)
    if remove == "all":
        assert {change.key: change.marks for change in plan.changes} == {
            "b": (Mark(MarkKind.CLAIMED_BY, "hr.staff"),),
            "c": (),
        }
    else:
        assert removed(plan) == "c"
        assert [(item.why, item.by, item.count) for item in plan.left_alone] == [
            (WhyLeftAlone.CLAIMED, "hr.staff", 1)
        ]


def test_an_object_without_identity_is_not_removed() -> None:
    """Who may not read entryUUID cannot tell an object from another one of its name."""
    destination = directory("ab")
    for values in destination.entries.values():
        del values["entryUUID"]
    plan = plan_with(knowing("ab"), people("a"), destination)
    assert removed(plan) == ""
    assert [(item.why, item.count) for item in plan.left_alone] == [(WhyLeftAlone.UNIDENTIFIED, 1)]


def test_another_object_of_the_same_name_is_unknown() -> None:
    """Deleted and made again by somebody else: its identity is another one."""
    destination = directory("ab")
    destination.entries["cn=B,dc=x"]["entryUUID"] = [UUIDS["h"].encode()]
    plan = plan_with(knowing("ab"), people("a"), destination)
    assert removed(plan) == ""
    assert [item.why for item in plan.left_alone] == [WhyLeftAlone.UNKNOWN]


def test_a_created_object_is_known_by_its_name_until_it_is_met() -> None:
    """An object that was created and not seen since is removed when its record goes, and known by its
    identity from then on.
    """
    past = Past(created_names=Identities.of([name_hash("cn=B,dc=x")]))
    plan = plan_with(past, people("a"), directory("ab"))
    assert removed(plan) == "b"
    assert IDENTITIES["b"] in plan.findings.matched


def test_a_plan_says_what_the_job_will_know() -> None:
    """Objects that were matched for the first time, and known ones that have no record any more."""
    plan = plan_with(knowing("bd"), people("abc"), directory("abde"))
    assert set(plan.findings.matched) == {IDENTITIES["a"]}
    assert plan.findings.absent is not None
    assert set(plan.findings.absent) == {IDENTITIES["d"]}


def test_ambiguous_matches_make_nothing_known() -> None:
    """Two records with one key stand for an object, but the job has not matched it."""
    source = source_of({"uid": "a", "cn": "A"}, {"uid": "a", "cn": "A2"})
    plan = plan_with(Past(), source, directory("a"))
    assert len(plan.findings.matched) == 0


def test_nothing_is_said_of_absence_where_it_cannot_be_told() -> None:
    """A record without a readable key may stand for any object: no claim ends."""
    plan = plan_with(knowing("ab"), source_of({"cn": "X"}), directory("ab"))
    assert plan.findings.absent is None
    assert removed(plan) == ""


def test_rows_are_known_by_their_key() -> None:
    """Objects of a file have no identity: what tells them apart is their key, without regard to case."""
    destination = destination_of(A={"uid": "a"}, B={"uid": "B"})
    destination.is_file = True
    past = Past(Identities.of([key_identity([b"b"])]))
    assert removed(plan_with(past, people("z"), destination, missing_at_destination="skip")) == "B"


NAMES = st.sets(st.sampled_from("abcdef"))


@given(known=NAMES, there=NAMES, records=NAMES)
@settings(max_examples=examples(40), deadline=None)
def test_removals_are_exactly_the_known_objects_without_a_record(
    known: set[str], there: set[str], records: set[str]
) -> None:
    """Whatever is known, there and in the source: known and there and not in the source goes, nothing
    else.
    """
    plan = plan_with(knowing("".join(known)), people("".join(records)), directory("".join(there)))
    assert set(removed(plan)) == (known & there) - records
    assert sum(item.count for item in plan.left_alone) == len(there - known - records)
    # What the job knows afterwards is what it knew and what it has matched.
    assert set(plan.findings.matched) == {IDENTITIES[name] for name in (there & records) - known}


def test_percentages_count_against_what_the_job_knows() -> None:
    """Objects that the job may not remove do not raise what it may."""
    source, destination = people("a"), directory("abcdefgh")
    plan = plan_with(knowing("abc"), source, destination, limits={})
    check = next(check for check in plan.limits if check.kind == "delete+disable+move")
    assert (check.planned, check.base, check.allowed) == (2, 3, 1)
    plan = plan_with(knowing("abc"), source, destination, limits={}, remove="all")
    check = next(check for check in plan.limits if check.kind == "delete+disable+move")
    assert (check.planned, check.base, check.allowed) == (7, 8, 2)


# -- empty sources -------------------------------------------------------------------------------------------


def empty(plan: Plan) -> list[tuple[str, int]]:
    """Field and number of each check of emptiness that stops the plan."""
    return [(check.subject, check.planned) for check in plan.exceeded if check.kind == EMPTY_SOURCE]


@pytest.mark.parametrize("remove", ["known", "all"])
def test_an_empty_source_removes_nothing(remove: str) -> None:
    """No limit lifts that, not even where there is only one object."""
    none = dict.fromkeys(("delete", "clear", "members", "memberships", "move"), "none")
    for names in ("a", "abcd"):
        plan = plan_with(knowing("abcd"), source_of(), directory(names), remove=remove, limits=none)
        assert empty(plan) == [("", len(names))]
    assert empty(plan_with(knowing("abcd"), source_of(), directory(""), remove=remove, limits=none)) == []
    assert (
        empty(plan_with(knowing("abcd"), source_of(), directory("ab"), missing_at_source="skip", limits=none))
        == []
    )


def test_a_source_of_unusable_records_is_not_empty() -> None:
    """Records in error count as records; the objects that they stand for are present."""
    fields = {"uid": {"from": "uid", "key": True}, "cn": {"template": "{{ fail() }}"}}
    plan = plan_with(knowing("ab"), source_of({"uid": "a"}), directory("ab"), fields)
    assert (removed(plan), empty(plan), len(plan.problems)) == ("b", [], 1)


def test_a_field_that_no_record_has_clears_nothing() -> None:
    """Two objects or more that would lose a value of a field of which the source shows none."""
    destination = directory("abc")
    for values in destination.entries.values():
        values["mail"] = [b"x@y"]
    assert empty(plan_with(knowing("abc"), people("ab"), destination)) == [("mail", 2)]
    assert empty(plan_with(knowing("abc"), people("a"), destination)) == []
    one_has_it = source_of(
        {"uid": "a", "cn": "A"}, {"uid": "b", "cn": "B"}, {"uid": "c", "cn": "C", "mail": "x@y"}
    )
    assert empty(plan_with(knowing("abc"), one_has_it, destination)) == []
    kept = {"uid": {"from": "uid", "key": True}, "cn": "cn", "mail": {"from": "mail", "keep_if_empty": True}}
    assert empty(plan_with(knowing("abc"), people("ab"), destination, kept)) == []


# -- source and destination of one server --------------------------------------------------------------------


def one_server(base: str, entries: Mapping[str, Mapping[str, str]]) -> MemoryDirectory:
    """One of two views of the same server."""
    held = {id: {name: [value.encode()] for name, value in values.items()} for id, values in entries.items()}
    return MemoryDirectory(held, base=base, name="server")


SHARED = {
    "cn=b,ou=src,dc=x": {"uid": "b", "cn": "b"},
    "cn=a,ou=dst,dc=x": {"uid": "a", "cn": "a"},
}


@pytest.mark.parametrize(
    ("source", "destination"), [("dc=x", "ou=dst,dc=x"), ("ou=src,dc=x", "dc=x"), ("dc=x", "dc=x")]
)
def test_what_overlaps_is_refused_where_a_job_removes(source: str, destination: str) -> None:
    """Nothing is read: a record of the source could be removed as an object whose record is missing."""
    with pytest.raises(EndpointError, match="overlaps the source"):
        plan_with(Past(), one_server(source, SHARED), one_server(destination, SHARED))


def test_objects_are_not_moved_into_the_source() -> None:
    """They would become records, and be created again."""
    with pytest.raises(EndpointError, match="would become its records"):
        plan_with(
            Past(),
            one_server("ou=src,dc=x", SHARED),
            one_server("ou=dst,dc=x", SHARED),
            missing_at_source={"move": "ou=src,dc=x"},
        )


def test_a_record_of_the_source_is_no_match() -> None:
    """Two branches of one directory: the record itself is not its object, so it gets one."""
    branch = {"container": "ou=dst,dc=x"}
    plan = plan_with(
        Past(), one_server("ou=src,dc=x", SHARED), one_server("ou=dst,dc=x", SHARED), destination=branch
    )
    assert [(change.action, change.object) for change in plan.changes] == [
        (Action.CREATE, "cn=b,ou=dst,dc=x")
    ]
    reused = {**branch, "unmanaged_match": "reuse"}
    plan = plan_with(
        Past(), one_server("ou=src,dc=x", SHARED), one_server("ou=dst,dc=x", SHARED), destination=reused
    )
    assert [(change.action, change.object) for change in plan.changes] == [
        (Action.CREATE, "cn=b,ou=dst,dc=x")
    ]


def test_records_of_an_overlapping_source_are_never_written() -> None:
    """Where nothing is removed the two may overlap, but what was read is left as it is."""
    plan = plan_with(
        Past(),
        one_server("dc=x", SHARED),
        one_server("dc=x", SHARED),
        {"uid": {"from": "uid", "key": True}, "cn": "cn", "mail": {"static": "x@y"}},
        missing_at_source="skip",
        missing_at_destination="skip",
    )
    assert len(plan.changes) == 0


# -- on record -----------------------------------------------------------------------------------------------


@given(st.sets(st.binary(min_size=16, max_size=16)), st.none() | st.sets(st.binary(min_size=16, max_size=16)))
def test_findings_are_stored_without_loss(matched: set[bytes], absent: set[bytes] | None) -> None:
    """`unpack` reads what `pack` wrote, and nothing where a version wrote nothing."""
    findings = Findings(Identities.of(matched), None if absent is None else Identities.of(absent))
    assert Findings.unpack(findings.pack()) == findings
    assert Findings.unpack(None) == Findings()


@given(
    st.sets(st.binary(min_size=16, max_size=16)),
    st.sets(st.binary(min_size=16, max_size=16)),
    st.sets(st.binary(min_size=16, max_size=16)),
)
def test_sets_change_as_sets_do(before: set[bytes], added: set[bytes], removed: set[bytes]) -> None:
    """What is removed is gone, also if it is added in the same step; equal sets are equal bytes."""
    after = Identities.of(before).changed(added=added, removed=removed)
    assert set(after) == (before | added) - removed
    assert after.data == Identities.of((before | added) - removed).data
    assert all(identity in after for identity in after)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"2b8c6a8e-0000-1000-8000-00000000000a", b"2B8C6A8E-0000-1000-8000-00000000000A"),
        (b"0123456789abcdef",) * 2,
    ],
)
def test_an_identity_is_told_by_its_value(one: bytes, other: bytes) -> None:
    """The same UUID in another spelling is the same identity."""
    assert compact(one) == compact(other)
    assert len(compact(one)) == 16
    assert compact(b"abc") != compact(b"abd")


@pytest.mark.parametrize(("remove", "told"), [("known", "a"), ("known", ""), ("all", "")])
def test_objects_with_one_key_and_no_record_are_told(remove: str, told: str) -> None:
    """It cannot be told which of them is whose: all of them stay, and a warning says so, if one of them would
    go otherwise.
    """
    target = directory("abc")
    target.entries["cn=B,dc=x"]["uid"] = [b"A"]
    plan = plan_with(knowing(f"{told}c"), people("c"), target, remove=remove)
    assert not plan.changes
    warnings = [text for text in plan.warnings if "a key that another object" in text]
    assert len(warnings) == (1 if told or remove == "all" else 0)
    assert all("2 objects" in text and "cn=A,dc=x; cn=B,dc=x" in text for text in warnings)


# -- keys that are gone --------------------------------------------------------------------------------------


def keyless(names: str, *, without: str) -> MemoryDirectory:
    """A destination of which some objects show no key."""
    target = directory(names)
    for name in without:
        del target.entries[f"cn={name.upper()},dc=x"]["uid"]
    return target


@pytest.mark.parametrize("remove", ["all", "known"])
def test_a_known_object_without_its_key_is_not_made_again(remove: str) -> None:
    """The login may not read the key any more, or somebody has cleared it: it may be any record's."""
    source = source_of({"uid": "a", "cn": "Renamed"}, {"uid": "b", "cn": "new B"}, {"uid": "z", "cn": "Z"})
    plan = plan_with(knowing("ab"), source, keyless("ab", without="a"), remove=remove)
    assert actions(plan) == [("update", "b")]
    assert [(problem.key, "cn=A,dc=x" in problem.message) for problem in plan.problems] == [
        ("a", True),
        ("z", True),
    ]


def test_other_objects_without_a_key_keep_nothing_from_being_created() -> None:
    """The job never matched them, or their records were gone before their keys: they are no one's."""
    past = knowing("ab", absent=Identities.of([IDENTITIES["b"]]))
    plan = plan_with(past, people("az"), keyless("abc", without="bc"))
    assert actions(plan) == [("create", "z")]
    assert not plan.problems


def without_identity(target: MemoryDirectory, names: str) -> MemoryDirectory:
    """The same, whose login may not read what tells these objects apart."""
    for name in names:
        del target.entries[f"cn={name.upper()},dc=x"]["entryUUID"]
    return target


@pytest.mark.parametrize("remove", ["all", "known"])
def test_an_object_that_shows_neither_key_nor_identity_is_not_made_again(remove: str) -> None:
    """It may be the known one that was not seen, which then still has its record: no claim ends."""
    source = source_of({"uid": "a", "cn": "Renamed"}, {"uid": "b", "cn": "new B"}, {"uid": "z", "cn": "Z"})
    target = without_identity(keyless("abc", without="ac"), "ac")
    plan = plan_with(knowing("ab"), source, target, remove=remove)
    assert actions(plan) == [("update", "b")]
    assert [problem.key for problem in plan.problems] == ["a", "z"]
    assert "2 objects, such as cn=A,dc=x, have neither" in plan.problems[0].message
    assert plan.findings.absent == Identities()


def test_an_object_without_key_and_identity_is_no_known_one_if_those_were_all_seen() -> None:
    """Or if their records were gone before."""
    for past in (knowing("a"), knowing("ab", absent=Identities.of([IDENTITIES["b"]]))):
        plan = plan_with(past, people("az"), without_identity(keyless("ac", without="c"), "c"))
        assert actions(plan) == [("create", "z")]
        assert not plan.problems


def test_who_may_not_read_identities_ends_no_claim() -> None:
    """First the identities cannot be read, then the keys: no one is made again in either run."""
    past = knowing("abd", absent=Identities.of([IDENTITIES["d"]]))
    plan = plan_with(past, people("ab"), without_identity(directory("ab"), "ab"))
    assert plan.findings.absent == past.absent
    plan = plan_with(knowing("ab"), source_of({"uid": "a", "cn": "Renamed"}), keyless("ab", without="ab"))
    assert actions(plan) == []


@pytest.mark.parametrize("is_file", [False, True])
def test_a_destination_that_has_lost_everything_is_told(is_file: bool) -> None:
    """Its folder is not mounted, or the login may read nothing: everyone would be made again."""
    target = directory("")
    target.is_file = is_file
    past = Past(Identities.of(key_identity([name.encode()]) for name in "ab")) if is_file else knowing("ab")
    (warning,) = plan_with(past, people("abc"), target).warnings
    assert "knows 2 objects there: every record is created again" in warning
    for other in (Past(), Past(past.known, absent=past.known)):
        assert not plan_with(other, people("abc"), target).warnings


def test_that_all_known_objects_are_lost_is_told_next_to_unknown_ones() -> None:
    """Another folder is mounted in the place of theirs. One that is left, or may be one of them, is no
    reason.
    """
    warning, *_ = plan_with(knowing("ab"), people("ab"), directory("cd")).warnings
    assert "holds nothing of that, though this job knows 2 objects there: every record without" in warning
    for target in (directory("ac"), without_identity(directory("cd"), "c")):
        told = plan_with(knowing("ab"), people("ab"), target).warnings
        assert not [each for each in told if "created again" in each]


# -- what cannot be read -------------------------------------------------------------------------------------


class _Spoilt(MemoryDirectory):
    """A destination some of whose objects cannot be read."""

    spoilt: frozenset[str] = frozenset()

    def _record(self, *arguments: Any) -> Any:
        record = super()._record(*arguments)
        return record._replace(problem="it is broken.") if record.id in self.spoilt else record


def spoilt(target: MemoryDirectory, *names: str) -> MemoryDirectory:
    """The same, of which these objects cannot be read."""
    target.__class__ = _Spoilt
    target.spoilt = frozenset(f"cn={name},dc=x" for name in names)  # type: ignore[attr-defined]
    return target


@pytest.mark.parametrize("remove", ["all", "known"])
@pytest.mark.parametrize("is_file", [False, True])
def test_an_object_that_cannot_be_read_is_neither_matched_nor_removed_nor_made_again(
    remove: str, is_file: bool
) -> None:
    """It has a record or not, and the job knows it or not: it is left alone, and both are told."""
    target = spoilt(directory("abcd"), "A", "B")
    target.is_file = is_file
    plan = plan_with(knowing("abc"), people("acz"), target, remove=remove)
    assert [(change.action, change.key) for change in plan.changes if change.key in "ab"] == []
    assert Action.CREATE in {change.action for change in plan.changes if change.key == "z"}
    ((key, why),) = [(problem.key, problem.message) for problem in plan.problems]
    assert (key, why) == ("a", "its object cannot be read, so nothing is done for it: it is broken.")
    assert any(
        text.startswith("2 objects at the destination cannot be read and are left alone. One is cn=A,dc=x:")
        for text in plan.warnings
    )
    gone = plan.findings.absent
    assert gone is not None
    # An entry of a file is known by its key.
    assert is_file or not {IDENTITIES["a"], IDENTITIES["b"]} & gone.members


def test_one_key_of_two_objects_one_of_them_unreadable() -> None:
    """Which of the two the record stands for, nobody can tell."""
    target = destination_of(A={"uid": "a"}, B={"uid": "a"}, C={"uid": "c"}, D={"uid": "c"})
    plan = plan_with(Past(), people("a"), spoilt(target, "B", "D"), remove="all")
    assert not list(plan.changes)
    assert [problem.key for problem in plan.problems] == ["a"]


@pytest.mark.parametrize("match", ["reuse", "refuse"])
def test_an_unmanaged_object_that_cannot_be_read_is_not_reused(match: str) -> None:
    """Nothing is created next to it either."""
    target = spoilt(directory("a"), "A")
    target.hidden.add("cn=A,dc=x")
    destination = {"unmanaged_match": match}
    plan = plan_with(Past(), people("a"), target, destination=destination)
    assert not list(plan.changes)
    assert [problem.message for problem in plan.problems] == [
        "cn=A,dc=x has this key, and cannot be read: it is broken."
    ]


def test_what_shares_only_the_first_key_with_a_record_has_none() -> None:
    """It is found while objects elsewhere are looked for, and is somebody else."""
    target = destination_of(B={"uid": "a", "sn": "y", "entryUUID": UUIDS["a"]})
    target.identity_field = "entryUUID"
    target.hidden.add("cn=B,dc=x")
    fields = {"uid": {"from": "uid", "key": True}, "sn": {"from": "cn", "key": True}, "cn": "uid"}
    plan = plan_with(Past(), people("a"), target, fields)
    assert actions(plan) == [("create", "a + A")]
    assert not plan.findings.held.members
