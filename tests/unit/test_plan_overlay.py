"""Previews on top of each other: a later job sees what the earlier ones plan, as if it had happened."""

from __future__ import annotations

from typing import Any

from directory_sync.plan.overlay import PlannedEffects, overlaid_destination
from tests.scenarios.memory_directory import MemoryDirectory
from tests.scenarios.planning import destination_of, one_job, plan_of, source_of


def effects_of(plan: Any, destination: MemoryDirectory) -> PlannedEffects:
    effects = PlannedEffects()
    effects.add(plan.changes, destination)
    return effects


def listed(destination: Any) -> dict[str, bytes]:
    return {record.id: record.values["uid"][0] for batch in destination.read(["uid"]) for record in batch}


def test_a_later_job_sees_an_object_whose_old_name_a_new_one_gets() -> None:
    """The renamed object is still there, beside the one that takes its name."""
    source = source_of({"uid": "a", "cn": "B"}, {"uid": "new", "cn": "A"})
    destination = destination_of(A={"uid": "a"})
    plan = plan_of(one_job(), source, destination)
    seen = overlaid_destination(destination, effects_of(plan, destination))
    assert listed(seen) == {"cn=B,dc=x": b"a", "cn=A,dc=x": b"new"}
    assert dict(seen.index("uid", None)) == {"cn=B,dc=x": [b"a"], "cn=A,dc=x": [b"new"]}
    assert {record.id for record in seen.find("uid", [b"a"], ["uid"])} == {"cn=B,dc=x"}


def test_a_later_job_finds_members_by_a_value_that_an_earlier_one_gives() -> None:
    """An object that gets its match field by an update is found by it, and no longer by the old value."""
    source = source_of({"uid": "a", "cn": "A", "mail": "new@x"}, {"uid": "b", "cn": "B", "mail": "b@x"})
    destination = destination_of(A={"uid": "a"}, B={"uid": "b", "mail": "old@x"})
    effects = effects_of(plan_of(one_job(), source, destination), destination)
    seen = overlaid_destination(destination, effects)
    assert dict(seen.index("mail", None)) == {"cn=A,dc=x": [b"new@x"], "cn=B,dc=x": [b"b@x"]}
    assert [record.id for record in seen.find("mail", [b"b@x"], ["mail"])] == ["cn=B,dc=x"]
    assert list(seen.find("mail", [b"old@x"], ["mail"])) == []


def test_what_an_earlier_job_renames_and_a_later_one_deletes_is_gone() -> None:
    """Under its old name and under its new one."""
    destination = destination_of(A={"uid": "a"})
    renaming = plan_of(one_job(), source_of({"uid": "a", "cn": "B"}), destination)
    effects = effects_of(renaming, destination)
    seen = overlaid_destination(destination, effects)
    deleting = plan_of(one_job(missing_at_source="delete"), source_of(), seen)
    assert [change.object for change in deleting.changes] == ["cn=B,dc=x"]
    effects.add(deleting.changes, destination)
    assert (seen.exists("cn=A,dc=x"), seen.exists("cn=B,dc=x")) == (False, False)
    assert listed(seen) == {}


def test_a_later_job_sees_objects_that_exchange_their_names() -> None:
    """Each name leads to the other object, also for what a later job changes or deletes."""
    destination = destination_of(
        A={"uid": "a", "entryUUID": "1", "mail": "a@x"}, B={"uid": "b", "entryUUID": "2", "mail": "b@x"}
    )
    destination.identity_field = "entryUUID"
    source = source_of({"uid": "a", "cn": "B", "mail": "a@x"}, {"uid": "b", "cn": "A", "mail": "b@x"})
    exchange = plan_of(one_job(), source, destination)
    assert len(exchange.changes) == 2
    assert sum(change.via is not None for change in exchange.changes) == 1
    effects = effects_of(exchange, destination)
    seen = overlaid_destination(destination, effects)
    assert listed(seen) == {"cn=B,dc=x": b"a", "cn=A,dc=x": b"b"}
    assert seen.exists("cn=A,dc=x")
    only_b = plan_of(
        one_job(missing_at_source="delete"), source_of({"uid": "b", "cn": "A", "mail": "new@x"}), seen
    )
    effects.add(only_b.changes, destination)
    assert listed(seen) == {"cn=A,dc=x": b"b"}
    assert [record.values["mail"] for batch in seen.read(["mail"]) for record in batch] == [[b"new@x"]]
