from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.apply import outcome_log
from directory_sync.apply.apply import LOGGED_SINGLY, ApplyResult, apply_plan
from directory_sync.apply.failure_rule import FailureCount, FailureRule
from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from directory_sync.endpoints.contract import Destination, Image
from directory_sync.errors import (
    AlreadyDecided,
    DirectorySyncError,
    EndpointError,
    EndpointUnavailable,
    IncompleteListing,
    LeaseLost,
    QueryError,
    SecurityError,
    StoreError,
)
from directory_sync.plan.model import Statistics
from directory_sync.store.before_images import BeforeImage
from tests.scenarios.memory import WINDOW, MemoryDestination, MemoryImages, MemoryOutcomes
from tests.scenarios.plans import creations


def run(
    changes: Sequence[Change],
    destination: MemoryDestination,
    store: MemoryOutcomes | None = None,
    *,
    check: Callable[[], None] = lambda: None,
    resumed: bool = False,
    images: MemoryImages | None = None,
    secrets: Sequence[str] = (),
    **options: Any,
) -> ApplyResult:
    """Apply changes in memory."""
    return apply_plan(
        changes,
        cast(Destination, destination),
        plan_id=1,
        store=store if store is not None else MemoryOutcomes(),
        images=images if images is not None else MemoryImages(),
        secrets=secrets,
        check=check,
        resumed=resumed,
        **options,
    )


def on_count(number: int, error: BaseException) -> Callable[..., None]:
    """Something that raises when it is called for the given time, from 0."""
    calls = iter(range(10**9))

    def call(*_: object) -> None:
        if next(calls) == number:
            raise error

    return call


ALL_KINDS = (
    Change(Action.CREATE, "a", "a", fields=(FieldChange("cn", (), (b"a",)),)),
    Change(Action.UPDATE, "b", "b", fields=(FieldChange("cn", (b"b",), (b"B",)),)),
    Change(Action.MOVE, "c", "c", new_object="c2"),
    Change(Action.DISABLE, "d", "d", fields=(FieldChange("locked", (), (b"1",)),)),
    Change(Action.DELETE, "e", "e", fields=(FieldChange("cn", (b"e",), ()),)),
    Change(Action.UPDATE, "f", "f", fields=(FieldChange("cn", (b"seen",), (b"F",)),)),
    Change(Action.UPDATE, "g", "g", fields=(FieldChange("cn", (b"g",), (b"G",)),)),
)


def all_kinds() -> MemoryDestination:
    """A destination at which each kind of change is done once, one is a conflict and one is refused."""
    destination = MemoryDestination({name: {"cn": (name.encode(),)} for name in "bcdefg"})
    destination.refuse = lambda _, change: "no access" if change.key == "g" else None
    return destination


def test_every_kind_of_change_is_counted() -> None:
    """What is done counts by its kind; a conflict and a failure are counted as such, and the others go on."""
    destination, store = all_kinds(), MemoryOutcomes()
    result = run(ALL_KINDS, destination, store)
    assert result.error is None
    assert result.statistics == Statistics(
        created=1, updated=1, moved=1, disabled=1, deleted=1, conflicts=1, errors=1
    )
    assert (result.conflicts, result.failures, result.left, result.total) == (1, 1, 0, 7)
    assert result.outcomes == {
        5: Outcome(5, Result.CONFLICT, "it is not as it was seen"),
        6: Outcome(6, Result.FAILED, "no access"),
    }
    assert store.recorded.keys() == set(range(7))
    assert destination.objects["c2"] == {"cn": (b"c",)}
    assert "e" not in destination.objects


def test_what_was_not_there_to_be_kept_is_not_removed() -> None:
    """No image of it could be taken, and when its turn comes it is there: it stays. What is gone is done."""
    destination, images = all_kinds(), MemoryImages()
    read = destination.images

    class Late(MemoryDestination):
        def images(self, ids: Any) -> Any:
            return (image for image in read(ids) if image.id not in "cde")

    late = Late(destination.objects)
    del late.objects["d"]
    gone = Change(Action.DELETE, "x", "x")
    result = run((*ALL_KINDS[2:5], gone), late, images=images)
    assert {place: outcome.result for place, outcome in result.outcomes.items()} == {
        0: Result.FAILED,
        1: Result.CONFLICT,
        2: Result.FAILED,
        3: Result.FOUND_DONE,
    }
    assert "is there now, so this could not be undone" in result.outcomes[0].message
    assert (late.objects.keys() >= {"c", "e"}, images.kept) == (True, {})


def test_an_empty_plan_is_done() -> None:
    """Nothing to do is no error, and is reported as progress once."""
    seen: list[tuple[int, int]] = []
    result = run((), MemoryDestination(), progress=lambda done, total: seen.append((done, total)))
    assert (result.error, result.left, result.statistics) == (None, 0, Statistics())
    assert seen == [(0, 0)]


def test_outcomes_are_recorded_in_batches() -> None:
    """Never more than a batch is unrecorded, and the rest is recorded at the end."""
    store = MemoryOutcomes()
    run(creations(1203), MemoryDestination(), store)
    assert sum(store.batches) == 1203
    assert max(store.batches) <= outcome_log.BATCH_SIZE
    assert len(store.batches) < 100


def test_a_slow_destination_is_recorded_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """When answers are slow a batch does not wait until it is full."""
    monkeypatch.setattr(outcome_log, "BATCH_SECONDS", 0.0)
    store = MemoryOutcomes()
    run(creations(5), MemoryDestination(), store)
    assert store.batches == [1, 1, 1, 1, 1]


def test_progress_is_shown_seldom_and_at_the_end() -> None:
    """Thousands of fast changes give a handful of calls; the last one is complete."""
    seen: list[tuple[int, int]] = []
    run(creations(2000), MemoryDestination(), progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (2000, 2000)
    assert len(seen) < 200
    assert seen == sorted(seen)


def test_what_is_recorded_is_not_done_again() -> None:
    """A resumed plan skips what has an outcome, whatever it is, counts it from the record, and looks at the
    others first.
    """
    destination, store = all_kinds(), MemoryOutcomes()
    for outcome in (
        Outcome(0, Result.DONE),
        Outcome(1, Result.FAILED, "busy"),
        Outcome(2, Result.CONFLICT, "was moved"),
    ):
        store.recorded[outcome.sequence] = outcome
    result = run(ALL_KINDS, destination, store, resumed=True)
    assert destination.sent == [3, 4, 5, 6]
    assert destination.looked_at == [3, 4, 5, 6]
    assert result.statistics == Statistics(created=1, disabled=1, deleted=1, conflicts=2, errors=2)
    assert result.outcomes[1].message == "busy"
    assert result.left == 0


def test_what_was_done_but_not_recorded_is_found() -> None:
    """A change that was carried out just before the kill counts as done, and is not sent again."""
    destination, store = MemoryDestination(), MemoryOutcomes()
    run(creations(3), destination)
    result = run(creations(5), destination, store, resumed=True)
    assert destination.sent == [0, 1, 2, 3, 4]
    assert result.statistics == Statistics(created=5)
    assert {sequence: outcome.result for sequence, outcome in result.outcomes.items()} == dict.fromkeys(
        range(3), Result.FOUND_DONE
    )
    assert store.recorded.keys() == set(range(5))


def test_a_first_attempt_looks_at_nothing() -> None:
    """Without an earlier attempt no change is looked at before it is sent."""
    destination, store = MemoryDestination(), MemoryOutcomes()
    run(creations(3), destination, store)
    assert destination.looked_at == []


@given(
    count=st.integers(0, 30),
    stops=st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=4),
)
def test_stopping_anywhere_and_going_on_ends_in_the_same_state(
    count: int, stops: list[tuple[int, bool]]
) -> None:
    """However often a plan is interrupted, with or without its last outcomes recorded: nothing is lost and
    nothing done twice.
    """
    changes = creations(count)
    expected = MemoryDestination()
    run(changes, expected)
    destination, store = MemoryDestination(), MemoryOutcomes()
    for attempt, (place, record_lost) in enumerate(stops):
        known = dict(store.recorded)
        destination.after_answers = on_count(place, EndpointUnavailable("gone"))
        run(changes, destination, store, resumed=attempt > 0)
        if record_lost:
            store.recorded = known
    destination.after_answers = lambda count: None
    result = run(changes, destination, store, resumed=bool(stops))
    assert result.error is None
    assert result.statistics == Statistics(created=count)
    assert destination.objects == expected.objects
    assert sorted(destination.sent) == list(range(count)), "each is sent once"


def test_an_unreachable_destination_keeps_what_was_answered() -> None:
    """When the destination gives up, outcomes until then are recorded; the error says how many are left and
    what happens next.
    """
    destination, store = MemoryDestination(), MemoryOutcomes()
    cause = EndpointUnavailable("Connection refused.", endpoint=destination.label, remedy="See that it runs.")
    destination.after_answers = on_count(7, cause)
    result = run(creations(1000), destination, store)
    assert type(result.error) is EndpointUnavailable
    assert result.error.__cause__ is cause
    assert str(result.error) == (
        "connection office (ldap://127.0.0.1:389): Connection refused. 7 of 1,000 changes have been answered,"
        " 993 are left. See that it runs. A retry of this run goes on with the same plan."
    )
    assert (result.statistics.created, result.left) == (7, 993)
    assert store.recorded.keys() == set(range(7))


def test_a_permanent_error_of_the_endpoint_keeps_its_kind() -> None:
    """TLS that fails on reconnecting must not become something that is tried again."""
    destination = MemoryDestination()
    destination.after_answers = on_count(
        0, SecurityError("certificate has expired", endpoint="x", remedy="Renew it.")
    )
    error = run(creations(9), destination).error
    assert type(error) is SecurityError
    assert not error.transient
    assert error.remedy == "Renew it."


@pytest.mark.parametrize(
    "error",
    [
        IncompleteListing("The listing broke off.", endpoint="file a", remedy="Read again.", transient=True),
        AlreadyDecided("Too late.", by="bob", state="approved"),
        QueryError({"limit": "must be a number"}),
    ],
)
def test_an_error_that_says_more_keeps_its_facts(error: DirectorySyncError) -> None:
    """Whatever its class takes to be made; what can be done about it stays last."""
    more = error.extended("3 are left.", remedy="Run again.")
    assert type(more) is type(error)
    assert more.transient is error.transient
    assert more.__cause__ is error
    texts = ("message", "remedy")
    assert {k: v for k, v in vars(more).items() if k not in texts} == {
        k: v for k, v in vars(error).items() if k not in texts
    }
    assert str(more) == str(error).replace(" Read again.", "") + (
        " 3 are left. Read again. Run again." if "Read again" in str(error) else " 3 are left. Run again."
    )


def test_a_lost_lease_stops_at_once() -> None:
    """After the lease is lost not one more change is sent; what was answered is recorded."""
    destination, store = MemoryDestination(), MemoryOutcomes()
    result = run(creations(100), destination, store, check=on_count(10, LeaseLost("The lease is lost.")))
    assert type(result.error) is LeaseLost
    assert "The lease is lost. 7 of 100 changes have been answered, 93 are left." in str(result.error)
    assert destination.sent == list(range(10))
    assert store.recorded.keys() == set(range(10 - WINDOW + 1))


def test_a_store_that_fails_stops_the_writing() -> None:
    """What cannot be recorded may not be written: nothing is sent after a batch failed, and the error says
    what is unknown.
    """
    destination, store = MemoryDestination(), MemoryOutcomes()
    store.broken = True
    result = run(creations(2000), destination, store)
    assert type(result.error) is StoreError
    assert (
        "500 outcomes could not be recorded, so nothing more was written; 500 of 2,000 changes have been"
        " answered" in str(result.error)
    )
    assert len(destination.sent) <= outcome_log.BATCH_SIZE + WINDOW
    assert destination.closed
    store.broken = False
    again = run(creations(2000), destination, store, resumed=True)
    assert again.error is None
    assert sorted(destination.sent) == list(range(2000))
    assert store.recorded.keys() == set(range(2000))


def test_a_store_that_cannot_be_read_stops_before_the_first_write() -> None:
    """A resumed plan whose record cannot be read is not touched."""

    class Unreadable(MemoryOutcomes):
        def outcomes(self, plan_id: int) -> dict[int, Outcome]:
            raise StoreError(f"plan {plan_id}: no answer.")

    destination = MemoryDestination()
    result = run(creations(3), destination, Unreadable(), resumed=True)
    assert type(result.error) is StoreError
    assert destination.sent == []
    assert result.left == 3


def test_a_record_that_fails_at_the_very_end_is_an_error() -> None:
    """Everything was written, but the last outcomes were not recorded: that is not success."""
    store = MemoryOutcomes()
    store.broken = True
    result = run(creations(3), MemoryDestination(), store)
    assert type(result.error) is StoreError
    assert "3 outcomes could not be recorded" in str(result.error)
    assert result.statistics.created == 3


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(143), RuntimeError("a defect")], ids=["int", "term", "defect"]
)
def test_an_interruption_is_recorded_and_passed_on(error: BaseException) -> None:
    """Ctrl-C, SIGTERM and defects end it, with what was answered recorded."""
    destination, store = MemoryDestination(), MemoryOutcomes()
    destination.after_answers = on_count(5, error)
    with pytest.raises(type(error)):
        run(creations(100), destination, store)
    assert store.recorded.keys() == set(range(5))


def test_an_interruption_is_not_hidden_by_a_failing_store(caplog: pytest.LogCaptureFixture) -> None:
    """Ctrl-C stays Ctrl-C; that outcomes are missing is in the log."""
    destination, store = MemoryDestination(), MemoryOutcomes()
    store.broken = True
    destination.after_answers = on_count(5, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run(creations(100), destination, store)
    assert "5 outcomes could not be recorded" in caplog.text


def test_too_many_failures_stop_the_job() -> None:
    """When most changes fail, what is under way is answered and recorded, and the rest is not attempted."""
    destination, store = MemoryDestination(), MemoryOutcomes()
    destination.refuse = lambda _, change: f"no access to {change.key}"
    result = run(creations(1000), destination, store)
    assert type(result.error) is EndpointError
    assert "20 of the last 20 changes failed, so the rest was not attempted" in str(result.error)
    assert "no access to person 22" in str(result.error)
    assert not result.error.transient
    assert result.failures == len(destination.sent) == 20 + WINDOW - 1
    assert result.left == 1000 - result.failures
    assert len(store.recorded) == result.failures


def test_many_failures_among_many_more_do_not_stop_it() -> None:
    """A third of all changes failing is reported, not a reason to leave out the others."""
    destination = MemoryDestination()
    destination.refuse = lambda sequence, _: "no access" if sequence % 3 == 0 else None
    result = run(creations(900), destination)
    assert (result.error, result.failures, result.left) == (None, 300, 0)


def test_a_plan_whose_last_changes_fail_is_finished() -> None:
    """Where nothing is left to attempt, failures are record errors and no stop."""
    destination = MemoryDestination()
    destination.refuse = lambda _, change: "no access"
    result = run(creations(20), destination)
    assert (result.error, result.failures, result.left) == (None, 20, 0)


def test_conflicts_are_no_reason_to_stop() -> None:
    """However many objects somebody else has changed, the others are still done."""
    destination = MemoryDestination({change.object: {} for change in creations(500)})
    result = run(creations(600), destination)
    assert (result.error, result.conflicts, result.statistics.created) == (None, 500, 100)


def test_a_destination_that_says_nothing_is_an_error() -> None:
    """Changes without an outcome are never taken for done."""

    class Silent(MemoryDestination):
        def write(self, changes: Any, **options: Any) -> Any:
            answers = super().write(changes, **options)
            return (outcome for outcome in answers if outcome.sequence != 2)

    result = run(creations(5), Silent())
    assert type(result.error) is EndpointError
    assert "did not say the result of some changes. 4 of 5 changes have been answered, 1 are left." in str(
        result.error
    )
    assert result.left == 1


def test_trouble_is_logged_with_its_place_and_a_closing_tally(caplog: pytest.LogCaptureFixture) -> None:
    """Each conflict and failure names action, object, key and reason; the last line counts everything and
    gives the time.
    """
    with caplog.at_level(logging.INFO):
        run(ALL_KINDS, all_kinds())
    *_, conflict, failure, tally = caplog.messages
    assert conflict == (
        "An object is not as it was when the plan was made. action=update object='f' key='f' reason='it is"
        " not as it was seen'"
    )
    assert failure == "An object could not be changed. action=update object='g' key='g' reason='no access'"
    assert tally.startswith(
        "Applied the plan. plan=1 created=1 updated=1 moved=1 disabled=1 deleted=1 conflicts=1 errors=1"
        " left=0 seconds="
    )


def test_the_log_is_not_flooded(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of conflicts give some lines and a word on where the others are; hostile ids cannot forge
    lines.
    """
    objects = tuple(
        Change(Action.UPDATE, f"{number}\nforged", f"cn={number}\nforged") for number in range(500)
    )
    with caplog.at_level(logging.WARNING):
        run(objects, MemoryDestination())
    assert len(caplog.records) == LOGGED_SINGLY + 1
    assert "report" in caplog.messages[LOGGED_SINGLY]
    assert not any("\n" in message for message in caplog.messages)


@given(
    st.lists(st.booleans(), max_size=300),
    st.integers(1, 30),
    st.sampled_from([0.0, 0.25, 0.5, 0.9]),
    st.integers(1, 60),
)
def test_the_failure_rule_looks_at_the_latest_changes(
    failures: list[bool], minimum: int, share: float, window: int
) -> None:
    """It stops at the first moment at which, of the last `window`, at least `minimum` and more than `share`
    failed.
    """
    count = FailureCount(FailureRule(minimum, share, window))
    expected = False
    for number, failed in enumerate(failures, start=1):
        latest = failures[max(0, number - window) : number]
        expected = expected or (sum(latest) >= minimum and sum(latest) > share * len(latest))
        count.add(failed=failed)
        assert count.exceeded is expected


# -- before-images -------------------------------------------------------------------------------------------


def objects_of(changes: Sequence[Change]) -> dict[str, dict[str, tuple[bytes, ...]]]:
    """What the changes have seen, and more."""
    return {
        change.object: {
            "mail": (b"kept",),
            "userPassword": (b"hidden",),
            **{field.field: field.old for field in change.fields if field.old},
        }
        for change in changes
        if change.action is not Action.CREATE
    }


def test_what_is_removed_is_kept_as_it_was() -> None:
    """Deleted, disabled and moved objects with all their fields; secrets are left out, and named."""
    images = MemoryImages()
    run(ALL_KINDS, MemoryDestination(objects_of(ALL_KINDS)), images=images)
    assert sorted(images.kept) == [2, 3, 4]
    image = images.kept[4]
    assert (image.object, image.values, image.left_out) == (
        "e",
        {"mail": (b"kept",), "cn": (b"e",)},
        ("userPassword",),
    )


def test_what_cannot_be_kept_is_not_written() -> None:
    """The store fails: nothing of the removals is sent, and the run says why; what was sent before counts."""
    changes = (*creations(3), *ALL_KINDS[2:5])
    images, destination = MemoryImages(), MemoryDestination(objects_of(ALL_KINDS))
    images.broken = True
    result = run(changes, destination, images=images)
    assert isinstance(result.error, StoreError)
    assert (destination.sent, result.left) == ([0, 1, 2], 3)


def test_what_cannot_be_read_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object of which the login may not read everything there is fails by itself; the others go on."""
    deletions = tuple(Change(Action.DELETE, name, name) for name in "abcd")
    destination = MemoryDestination({name: {} for name in "abcd"})
    unreadable(destination, monkeypatch, "b")
    images, store = MemoryImages(), MemoryOutcomes()
    result = run(deletions, destination, store, images=images)
    assert (sorted(destination.objects), result.failures, result.left) == (["b"], 1, 0)
    assert "cannot be read before it is changed" in store.recorded[1].message
    assert sorted(images.kept) == [0, 2, 3]


def unreadable(destination: MemoryDestination, monkeypatch: pytest.MonkeyPatch, *ids: str) -> None:
    """Let the login not read some objects."""
    monkeypatch.setattr(
        destination,
        "images",
        lambda asked: (Image(id, {}, problem="no access" if id in ids else "") for id in asked),
    )


def moved_and_named() -> tuple[Change, ...]:
    """An object gets another name, a group gets it by that, and something else happens."""
    named = FieldChange("member", (), (b"cn=a,ou=left",))
    return (
        Change(Action.MOVE, "a", "cn=a", new_object="cn=a,ou=left"),
        Change(Action.UPDATE, "g", "cn=g", fields=(named,), after=("cn=a,ou=left",)),
        Change(Action.DELETE, "z", "cn=z"),
    )


def test_nothing_names_what_could_not_be_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some servers would take the name that does not exist. Both are failures, in the plan's order."""
    destination, store = MemoryDestination({"cn=a": {}, "cn=g": {}, "cn=z": {}}), MemoryOutcomes()
    unreadable(destination, monkeypatch, "cn=a")
    result = run(moved_and_named(), destination, store)
    assert (destination.sent, destination.objects) == ([2], {"cn=a": {}, "cn=g": {}})
    assert [(n, each.result) for n, each in store.recorded.items()] == [
        (0, Result.FAILED),
        (1, Result.FAILED),
        (2, Result.DONE),
    ]
    assert "cannot be read before it is changed" in store.recorded[0].message
    assert "cn=a,ou=left, which it needs, could not be written" in store.recorded[1].message
    assert (result.failures, result.left) == (2, 0)


def test_nothing_names_what_must_not_be_moved_any_more() -> None:
    """The same where the move is refused before anything is sent: that is a conflict."""
    destination, store = MemoryDestination({"cn=a": {}, "cn=g": {}, "cn=z": {}}), MemoryOutcomes()
    run(moved_and_named(), destination, store, refused={0: "another job has a record for it now."})
    assert destination.sent == [2]
    assert [store.recorded[n].result for n in range(2)] == [Result.CONFLICT, Result.FAILED]


def test_what_cannot_be_read_counts_as_a_failure_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many of them stop the job before the rest is written."""
    names = [f"n{number}" for number in range(100)]
    destination, store = MemoryDestination({name: {} for name in names}), MemoryOutcomes()
    unreadable(destination, monkeypatch, *names[:30])
    result = run([Change(Action.DELETE, name, name) for name in names], destination, store)
    assert "20 of the last 20 changes failed" in str(result.error)
    assert (destination.sent, result.left, len(store.recorded)) == ([], 80, 20)


def test_a_secret_is_kept_under_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The destination spells a field in its own way, and adds options."""
    destination, images = MemoryDestination(), MemoryImages()
    held = {"fax": [b"4711"], "FAX;lang-de": [b"4712"], "userPassword;x-y": [b"1"], "mail": [b"a@x"]}
    monkeypatch.setattr(destination, "images", lambda ids: [Image(id, held) for id in ids])
    deletion = Change(Action.DELETE, "a", "a")
    run([deletion], destination, images=images, secrets=["facsimileTelephoneNumber;lang-en"])
    assert images.kept[0].values == {"mail": (b"a@x",)}
    assert images.kept[0].left_out == ("FAX;lang-de", "fax", "userPassword;x-y")


@pytest.mark.parametrize(
    ("action", "identity", "again"),
    [
        (Action.DELETE, b"1", b"new"),
        (Action.DELETE, None, b"old"),
        (Action.MOVE, b"1", b"new"),
        (Action.MOVE, None, b"old"),
        (Action.DISABLE, b"1", b"old"),
    ],
)
def test_an_earlier_attempts_image_counts_where_it_may_have_written(
    monkeypatch: pytest.MonkeyPatch, action: Action, identity: bytes | None, again: bytes
) -> None:
    """A newer image replaces it only where the object is certainly still what it was."""
    images, destination = MemoryImages(), MemoryDestination({"a": {}})
    images.record(1, [BeforeImage(0, "a", {"sn": (b"old",)})])
    change = Change(action, "a", "a", new_object="b" if action is Action.MOVE else None, identity=identity)
    read = Image("a", {"sn": [b"new"]}, identity)
    monkeypatch.setattr(destination, "images", lambda ids: [read for _ in ids])
    run([change], destination, images=images, resumed=True)
    assert images.kept[0].values == {"sn": (again,)}


def test_another_object_of_the_name_is_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier attempt has kept of the object itself stays."""
    images, destination = MemoryImages(), MemoryDestination({"a": {}})
    images.record(1, [BeforeImage(0, "a", {"sn": (b"old",)})])
    other = Image("a", {"sn": [b"other"]}, b"2")
    monkeypatch.setattr(destination, "images", lambda ids: [other for _ in ids])
    run([Change(Action.DELETE, "a", "a", identity=b"1")], destination, images=images, resumed=True)
    assert images.kept[0].values == {"sn": (b"old",)}
