"""What differs between two versions of a definition, and whether the new one protects less."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.approval.policy import EffectivePolicy
from directory_sync.approval.strictest import strictest
from directory_sync.collections.changes import MOST, ChangeCode, DefinitionChange, compare
from directory_sync.collections.loosening import is_harsher, is_within, loosened
from directory_sync.definition.export import complete
from directory_sync.definition.models import ApprovalPolicy, Collection, Limit
from directory_sync.plan.limits import allowed
from directory_sync.present.definition_changes import change_lines, stored_change_lines
from directory_sync.printable import printable
from tests.scenarios.definitions import changed, job_changed
from tests.scenarios.definitions.generated import COLLECTIONS

POLICY = {"approvers": {"users": ["bob"]}}


def between(
    old: dict[str, Any] | list[tuple[str, Any]], new: list[tuple[str, Any]]
) -> list[tuple[ChangeCode, str, str, bool]]:
    """What `compare` finds between two variants of the minimal definition's job."""
    before = Collection.model_validate(old if isinstance(old, dict) else job_changed(*old))
    found = compare(before, Collection.model_validate(job_changed(*new)))
    return [(each.code, each.job, each.key, each.weakens) for each in found]


def _ordered(collection: Collection) -> str:
    """Everything that a version says, and the order of its jobs and fields; other mappings have none."""
    data = complete(collection)
    for job in data["jobs"]:
        job["fields"] = [[name, mapping] for name, mapping in job["fields"].items()]
    return json.dumps(data, sort_keys=True)


@given(COLLECTIONS, COLLECTIONS)
def test_no_change_is_found_only_where_both_ask_for_the_same(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    """And a version differs in nothing from itself."""
    old, new = Collection.model_validate(one), Collection.model_validate(other)
    assert (not compare(old, new)) == (_ordered(old) == _ordered(new))
    assert compare(old, old) == ()


@given(COLLECTIONS, st.data())
def test_every_single_edit_is_found(definition: dict[str, Any], data: st.DataObject) -> None:
    """Whatever key of one job or of the collection gets another's value."""
    other = data.draw(COLLECTIONS)
    edited = copy.deepcopy(definition)
    if data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(other)))
        edited[key] = other[key]
    else:
        key = data.draw(st.sampled_from(sorted(other["jobs"][0])))
        edited["jobs"][0] = edited["jobs"][0] | {key: other["jobs"][0][key]}
    old, new = Collection.model_validate(definition), Collection.model_validate(edited)
    assert bool(compare(old, new)) == (_ordered(old) != _ordered(new))


@given(COLLECTIONS, COLLECTIONS)
def test_changes_are_bounded_sorted_and_survive_the_store(one: dict[str, Any], other: dict[str, Any]) -> None:
    """What protects less comes first; each is JSON of a small size and reads back equal; each has words."""
    found = compare(Collection.model_validate(one), Collection.model_validate(other))
    assert [each.weakens for each in found] == sorted((each.weakens for each in found), reverse=True)
    stored = json.loads(json.dumps([each.to_json() for each in found]))
    assert tuple(map(DefinitionChange.from_json, stored)) == found
    assert all(len(json.dumps(each)) < 4_000 for each in stored)
    assert all(line.text == printable(line.text) for line in stored_change_lines(stored))


def test_a_code_of_a_later_version_stands_out() -> None:
    """It may be about anything."""
    assert DefinitionChange.from_json({"code": "brand_new"}) == DefinitionChange(
        ChangeCode.UNKNOWN, weakens=True
    )


def test_thousands_of_changes_are_counted() -> None:
    """A version's row stays small, and the rest does not hide that it holds weakenings."""
    fields = {f"f{number}": {"from": "x", "secret": True} for number in range(2_000)}
    shown = dict.fromkeys(fields, "x")
    old, new = (
        Collection.model_validate(job_changed(("fields", {"id": {"from": "id", "key": True}, **each})))
        for each in (fields, shown)
    )
    found = compare(old, new)
    assert len(found) == MOST + 1
    assert found[-1] == DefinitionChange(ChangeCode.MORE, new=2_000 - MOST, weakens=True)


# -- limits --------------------------------------------------------------------------------------------------

_LIMIT = st.builds(
    Limit,
    percent=st.none() | st.sampled_from([0.0, 0.5, 1.0, 10.0, 100.0]),
    count=st.none() | st.integers(0, 20),
)


@given(_LIMIT, _LIMIT, st.integers(0, 1_000), st.integers(0, 20))
def test_a_limit_that_is_not_marked_never_allows_more(
    old: Limit, new: Limit, base: int, handful: int
) -> None:
    """Whatever it counts against, and whatever a percentage never forbids."""
    if is_within(new, old):
        before, now = (allowed(limit, base, handful=handful) for limit in (old, new))
        assert before is None or (now is not None and now <= before)


@given(_LIMIT, _LIMIT)
def test_two_limits_within_each_other_allow_the_same(old: Limit, new: Limit) -> None:
    """So that `raised` and `lowered` exclude each other."""
    if is_within(new, old) and is_within(old, new):
        for base in (0, 1, 7, 100, 12_345):
            assert allowed(new, base, handful=0) == allowed(old, base, handful=0)


@pytest.mark.parametrize(
    ("old", "new", "code", "weakens"),
    [
        ("5%", "10%", ChangeCode.LIMIT_RAISED, True),
        ("10%", "5%", ChangeCode.LIMIT_LOWERED, False),
        (10, "none", ChangeCode.LIMIT_REMOVED, True),
        (10, ..., ChangeCode.LIMIT_CHANGED, True),  # the default: 5 % may be more
        (..., "none", ChangeCode.LIMIT_REMOVED, True),
        (..., 0, ChangeCode.LIMIT_LOWERED, False),
        (10, "10%", ChangeCode.LIMIT_CHANGED, True),  # cannot be compared
        ("0%", 0, ChangeCode.LIMIT_CHANGED, False),  # the same
    ],
)
def test_limits_of_deletions(old: Any, new: Any, code: ChangeCode, weakens: bool) -> None:
    """Against the default where nothing is said."""
    before, now = ([] if each is ... else [("limits", {"delete": each})] for each in (old, new))
    assert between(before, now) == [(code, "people", "limits.delete", weakens)]


def test_a_limit_of_updates_that_is_taken_out_is_removed() -> None:
    """There is no default for it."""
    found = between([("limits", {"update": 5})], [])
    assert found == [(ChangeCode.LIMIT_REMOVED, "people", "limits.update", True)]


def test_a_shorter_window_protects_less() -> None:
    """Fewer earlier removals count."""
    assert between([], [("limit_window", "1h")]) == [
        (ChangeCode.WINDOW_SHORTENED, "people", "limit_window", True)
    ]
    assert between([("limit_window", "1h")], []) == [
        (ChangeCode.WINDOW_LENGTHENED, "people", "limit_window", False)
    ]


# -- policies ------------------------------------------------------------------------------------------------

_NAMES = st.lists(st.sampled_from(["ann", "bob", "cy"]), unique=True, max_size=3)
_APPROVERS = st.fixed_dictionaries({"users": _NAMES, "roles": _NAMES}).filter(
    lambda named: bool(named["users"] or named["roles"])
)
_POLICY = st.fixed_dictionaries(
    {"approvers": _APPROVERS},
    optional={
        "when": st.sampled_from(["always", "manual", "over_limit"]),
        "changes": st.lists(st.sampled_from(["create", "update", "delete"]), unique=True),
        "fields": st.lists(st.sampled_from(["mail", "sn"]), unique=True),
        "require": st.sampled_from(["any", "all", 1, 2, 3]),
        "self_approval": st.sampled_from(["forbid", "allow", "auto"]),
        "expires": st.sampled_from(["1d", "2d"]),
        "escalation": st.fixed_dictionaries(
            {"after": st.just("1d"), "levels": st.lists(st.just("manager") | _APPROVERS, max_size=2)}
        ),
    },
).map(ApprovalPolicy.model_validate)


@given(_POLICY, _POLICY)
def test_a_policy_that_is_not_marked_asks_for_all_that_the_old_one_asks(
    old: ApprovalPolicy, new: ApprovalPolicy
) -> None:
    """Held against the rule by which two policies of one job are combined: it adds nothing but people."""
    assert loosened(old, old) == ()
    if loosened(old, new):
        return
    own, other = (EffectivePolicy.model_validate(each.model_dump()) for each in (new, old))
    both = strictest(own, other)
    assert both is not None
    assert both.when == new.when
    assert both.self_approval == new.self_approval
    assert both.expires == new.expires
    assert not (new.changes or new.fields) or (
        set(both.changes or ()) == set(new.changes or ()) and set(both.fields or ()) == set(new.fields or ())
    )
    if isinstance(old.require, int) and isinstance(new.require, int):
        assert new.require >= old.require
    assert set(new.approvers.users) <= set(old.approvers.users)
    assert set(new.approvers.roles) <= set(old.approvers.roles)


def test_a_policy_that_is_removed_or_loosened_stands_out_for_every_job_it_counted_for() -> None:
    """Also one that jobs inherit; a job that has its own is not among them."""
    old = changed(("approval", POLICY))
    second = {**copy.deepcopy(old["jobs"][0]), "name": "own", "approval": POLICY}
    old["jobs"].append(second)
    new = {key: value for key, value in old.items() if key != "approval"}
    found = compare(Collection.model_validate(old), Collection.model_validate(new))
    assert [(each.code, each.job, each.weakens) for each in found] == [
        (ChangeCode.POLICY_REMOVED, "people", True)
    ]
    [line] = change_lines(found)
    assert (str(line), line.weakens) == ("people: approval policy removed", True)


@pytest.mark.parametrize(
    ("policy", "parts"),
    [
        ({"approvers": {"users": ["bob", "eve"]}}, ("approvers",)),
        ({**POLICY, "when": "manual"}, ("when",)),
        ({**POLICY, "changes": ["delete"]}, ("changes",)),
        ({**POLICY, "self_approval": "auto"}, ("self_approval",)),
        ({**POLICY, "escalation": {"after": "1d", "levels": ["manager"]}}, ("escalation",)),
    ],
)
def test_what_makes_a_policy_looser_is_named(policy: dict[str, Any], parts: tuple[str, ...]) -> None:
    """By the keys of the definition."""
    old, new = (ApprovalPolicy.model_validate(each) for each in (POLICY, policy))
    assert loosened(old, new) == parts
    assert loosened(new, old) == ()


def test_a_job_that_comes_back_by_another_name_without_its_policy_stands_out() -> None:
    """It is no edit of the old one, so nothing would say that a policy is gone."""
    old = job_changed(("approval", POLICY))
    new = changed(("jobs.0.name", "persons"))
    found = compare(Collection.model_validate(old), Collection.model_validate(new))
    assert [(each.code, each.job, each.weakens) for each in found] == [
        (ChangeCode.JOB_ADDED, "persons", True),
        (ChangeCode.JOB_REMOVED, "people", False),
    ]
    assert str(change_lines(found)[0]).startswith("persons: job added without an approval policy: ")


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ({"approval": POLICY}, {"approval": {**POLICY, "self_approval": "allow"}}, ("approval",)),
        ({"approval": POLICY}, {"approval": {"approvers": {"users": ["eve"]}}}, ("approval",)),
        ({"approval": POLICY}, {"approval": {**POLICY, "expires": "1d"}}, ()),
        ({"limits": {"delete": 3}}, {"limits": {"delete": 4}}, ("limits",)),
        ({}, {"limits": {"clear": "none"}}, ("limits",)),
        ({"limits": {"delete": 3}}, {"limits": {"delete": 2}}, ()),
        ({"limit_window": "2d"}, {"limit_window": "1d"}, ("limits",)),
        ({"approval": POLICY, "limits": {"update": 1}}, {"approval": {**POLICY, "when": "manual"}}, None),
    ],
)
def test_a_job_that_comes_back_by_another_name_and_is_protected_less_stands_out(
    before: dict[str, Any], after: dict[str, Any], parts: tuple[str, ...] | None
) -> None:
    """Its policy or its limits are looser than those of the job that is gone."""
    old = job_changed(*before.items())
    new = job_changed(("name", "persons"), *after.items())
    found = compare(Collection.model_validate(old), Collection.model_validate(new))[0]
    expected = ("approval", "limits") if parts is None else parts
    assert (found.code, found.parts, found.weakens) == (ChangeCode.JOB_ADDED, expected, bool(expected))
    assert DefinitionChange.from_json(found.to_json()) == found
    assert ("looser" in str(change_lines([found])[0])) == bool(expected)


def test_a_job_that_is_added_to_others_is_not_measured_by_their_limits() -> None:
    """It deals with other objects; only a policy that all others have is looked for."""
    old = job_changed(("limits", {"delete": 3}))
    new = copy.deepcopy(old)
    new["jobs"].append({**job_changed()["jobs"][0], "name": "second"})
    [found] = compare(Collection.model_validate(old), Collection.model_validate(new))
    assert (found.code, found.parts, found.weakens) == (ChangeCode.JOB_ADDED, (), False)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (("approval", POLICY), ("approval", {**POLICY, "when": "manual"}),
         "approval policy loosened: when (always → manual)"),
        (("fields.cn", "cn"), ("fields.cn", {"join": ["sn", "givenName"], "new_only": True}),
         "field cn: cn → join: sn, givenName, new_only: true"),
        (("limits", {"delete": 5}), ("limits", {"delete": ["10%", 50]}),
         "limit on deletions changed: 5 → 10%, 50"),
        (("description", "x" * 2_000), ("description", ""), "description: 2,002 characters → none"),
        (("remove", "known"), ("remove", "all"), "objects that may be removed: known → all"),
        (("missing_at_source", "skip"), ("missing_at_source", {"disable": "now", "delete": "30d"}),
         "records missing at the source: skip → disable: now, delete: 30d"),
    ],
)  # fmt: skip
def test_changes_in_words(old: tuple[str, Any], new: tuple[str, Any], text: str) -> None:
    """Values as people write them, without what is the default."""
    found = compare(*(Collection.model_validate(job_changed(each)) for each in (old, new)))
    assert [line.text for line in change_lines(found)] == [text]


# -- the rest ------------------------------------------------------------------------------------------------

MOVE = {"move": "OU=Left,DC=lab"}
IN_ORDER: tuple[Any, ...] = ("skip", "disable", {"disable": "now", "delete": "30d"}, "delete")


def test_missing_records_lose_more_in_this_order() -> None:
    """Each step is harsher than those before it and no harsher than itself."""
    values = [
        Collection.model_validate(job_changed(("missing_at_source", each))).jobs[0].missing_at_source
        for each in IN_ORDER
    ]
    for i, old in enumerate(values):
        for j, new in enumerate(values):
            assert is_harsher(new, old) == (j > i), (old, new)
    [moved] = [Collection.model_validate(job_changed(("missing_at_source", MOVE))).jobs[0].missing_at_source]
    assert is_harsher(moved, values[0])
    assert not is_harsher(values[0], moved)
    assert is_harsher(values[3], moved)


@pytest.mark.parametrize(
    ("new", "found"),
    [
        (("remove", "all"), (ChangeCode.REMOVE_CHANGED, "remove", True)),
        (("missing_at_source", "delete"), (ChangeCode.MISSING_CHANGED, "missing_at_source", True)),
        (("source.filter", "(sn=x)"), (ChangeCode.FILTER_CHANGED, "source.filter", False)),
        (("source.connection", "other"), (ChangeCode.CONNECTION_CHANGED, "source.connection", False)),
        (("destination.base", "DC=lab"), (ChangeCode.PLACE_CHANGED, "destination.base", False)),
        (("destination.unmanaged_match", "reuse"),
         (ChangeCode.SETTING_CHANGED, "destination.unmanaged_match", True)),
        (("destination.move_existing", True),
         (ChangeCode.SETTING_CHANGED, "destination.move_existing", True)),
        (("object", "contact"), (ChangeCode.OBJECT_CHANGED, "object", False)),
        (("enabled", False), (ChangeCode.JOB_DISABLED, "", False)),
        (("fields.cn", "displayName"), (ChangeCode.FIELD_CHANGED, "cn", False)),
        (("fields.sn", "sn"), (ChangeCode.FIELD_ADDED, "sn", False)),
        (("fields.cn", ...), (ChangeCode.FIELD_REMOVED, "cn", False)),
        (("retries", 3), (ChangeCode.SETTING_CHANGED, "retries", False)),
        (("approval", POLICY), (ChangeCode.POLICY_ADDED, "approval", False)),
        (("approval", "none"), (ChangeCode.SETTING_CHANGED, "approval", False)),
    ],
)  # fmt: skip
def test_changes_of_one_job(new: tuple[str, Any], found: tuple[ChangeCode, str, bool]) -> None:
    """Each key by the code that says what it is about."""
    code, key, weakens = found
    assert between([], [new]) == [(code, "people", key, weakens)]


def test_changes_of_the_collection() -> None:
    """Schedule and owners have codes of their own; jobs are told by name, and so is their order."""
    other = {**copy.deepcopy(changed()["jobs"][0]), "name": "groups"}
    old = changed(("schedule", "@daily"), ("owners", ["ida"]))
    old["jobs"].append(other)
    new = changed(("timezone", "Europe/Berlin"), ("owners", ["olga"]), ("title", "x"))
    new["jobs"].insert(0, other)
    found = compare(Collection.model_validate(old), Collection.model_validate(new))
    assert [(each.code, each.key) for each in found] == [
        (ChangeCode.SETTING_CHANGED, "title"),
        (ChangeCode.OWNERS_CHANGED, "owners"),
        (ChangeCode.SCHEDULE_CHANGED, "schedule"),
        (ChangeCode.SCHEDULE_CHANGED, "timezone"),
        (ChangeCode.JOBS_REORDERED, ""),
    ]
    assert [str(line) for line in change_lines(found)] == [
        "title: none → x",
        "owners: ida → olga",
        "schedule: @daily → none",
        "timezone: UTC → Europe/Berlin",
        "order of jobs: people, groups → groups, people",
    ]
