"""Taking up a plan that an earlier attempt left: what failed then counts now."""

from __future__ import annotations

from directory_sync.apply.apply import apply_plan
from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from tests.scenarios.memory import MemoryDestination, MemoryImages, MemoryOutcomes


def change(name: str, *named: str, action: Action = Action.CREATE, late: str = "", **more: str) -> Change:
    fields = [FieldChange("cn", (), (name.encode(),))]
    if named:
        fields.append(FieldChange("member", (), tuple(each.encode() for each in named)))
    if late:
        fields.append(FieldChange("member", (), (late.encode(),), late=True, partial=True))
    return Change(action, name, f"cn={name}", fields=tuple(fields), after=named, **more)


def test_changes_that_need_what_failed_before_are_given_up() -> None:
    """A group must not get the name of an object that does not exist, also when that failed in an earlier
    attempt.
    """
    changes = (
        change("failed"),
        change("needs", "cn=failed"),
        change("needs that", "cn=needs"),
        change("circle", late="cn=failed"),
        change("exists"),
        change("names it", "cn=exists"),
        change("old", action=Action.UPDATE, new_object="cn=new"),
        change("names the renamed", "cn=new"),
        change("free"),
        change("takes what it gives up")._replace(after=("cn=failed",)),
    )
    store = MemoryOutcomes()
    store.record_outcomes(
        1,
        [
            Outcome(0, Result.FAILED, "refused"),
            Outcome(4, Result.CONFLICT, "exists"),
            Outcome(6, Result.CONFLICT, "changed"),
        ],
    )
    destination = MemoryDestination()
    result = apply_plan(
        changes,
        destination,
        plan_id=1,
        store=store,
        images=MemoryImages(),
        secrets=(),
        check=lambda: None,
        resumed=True,
    )
    # The last one only waits for room that was to be made for it, and may find it all the same.
    assert destination.sent == [5, 8, 9]
    assert {sequence for sequence, outcome in store.recorded.items() if outcome.result is Result.FAILED} == {
        0,
        1,
        2,
        3,
        7,
    }
    assert "cn=failed, which it needs" in store.recorded[1].message
    assert (result.left, result.error) == (0, None)
