"""`when: manual`: scheduled runs go straight through once someone has agreed to the job as it is defined
now.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from directory_sync.requests import decisions
from directory_sync.run.result import JobResult, JobState
from tests.scenarios.office import BOB, POLICY, Office, collection

MANUAL = {**POLICY, "when": "manual"}


def scheduled(office: Office, **job: Any) -> JobResult:
    """What a run that the schedule has started does."""
    return office.run(office.start(trigger="scheduled", requester="schedule", **{"approval": MANUAL, **job}))


def carried_out(office: Office, **job: Any) -> None:
    """Have the job, as it is defined, approved and carried out."""
    run = office.start(**{"approval": MANUAL, **job})
    result = office.run(run)
    if result.state is JobState.WAITING:
        office.approve(office.request(result))
        assert office.apply(run, office.request(result).id).state is JobState.SUCCESS
    assert office.phones()


def test_what_was_approved_once_the_schedule_goes_on_with(office: Office) -> None:
    """A job counts as known when a run of Airflow has carried it out as it is defined; then only runs by hand
    are asked for.
    """
    assert scheduled(office).state is JobState.WAITING, "a job that nobody has agreed to yet"
    carried_out(office)
    office.staff("fry", "leela", "bender")
    assert scheduled(office).state is JobState.SUCCESS
    office.staff("fry", "leela", "amy")
    assert office.run(office.start(approval=MANUAL)).state is JobState.WAITING


@pytest.mark.parametrize(
    "edited",
    [
        {"missing_at_source": "skip"},
        {"fields": {"user": {"from": "user", "key": True}, "name": {"static": "Somebody"}}},
        {"limits": {"delete": 100}},
        {"approval": {**MANUAL, "approvers": {"users": ["bob", "mallory"]}}},
    ],
    ids=["rule", "field", "limits", "policy"],
)
def test_the_first_run_after_an_edit_counts_as_by_hand(office: Office, edited: dict[str, Any]) -> None:
    """Each firing asks until the job was carried out as it is defined now; so it is if the edit is taken
    back.
    """
    carried_out(office)
    office.staff("fry", "leela", "bender")
    first = scheduled(office, **edited)
    assert first.state is JobState.WAITING
    assert "edited" in first.message
    assert scheduled(office, **edited).state is JobState.WAITING
    decisions.cancel(office.store, office.request(first).id, BOB, administrator=True)
    assert scheduled(office).state is JobState.SUCCESS, "as it was before"
    office.staff("fry", "leela", "amy")
    carried_out(office, **edited)
    office.staff("fry", "leela", "zapp")
    assert scheduled(office, **edited).state is JobState.SUCCESS


@pytest.mark.parametrize(
    "end", ["denied", "expired", "cancelled", "stopped", "previewed", "terminal", "failed"]
)
def test_only_what_was_carried_out_makes_a_definition_known(office: Office, end: str) -> None:
    """A plan that was not approved, a stop, a preview, a run from a terminal: the next scheduled run counts
    as by hand still.
    """
    everybody = [f"person{number:02}" for number in range(20)]
    office.write("phones.csv", *everybody)
    edited = {"limits": {"delete": 15}, "approval": {**MANUAL, "expires": "1h"}}
    office.staff(everybody[0] if end == "stopped" else everybody[1], *everybody[2:10])
    if end in {"stopped", "failed"}:
        (office.folder / "staff.csv").unlink() if end == "failed" else office.staff(everybody[0])
        assert scheduled(office, **edited).state.failed
    elif end in {"previewed", "terminal"}:
        run = office.store.runs.start(
            collection(**edited),
            "other",
            trigger="terminal" if end == "terminal" else "scheduled",
            requester="ida",
            verified=True,
            preview_only=end == "previewed",
        )
        office.store.runs.finish_job(office.store.runs.start_job(run.id, "phones").id, "success")
    else:
        request = office.request(scheduled(office, **edited))
        match end:
            case "denied":
                office.deny(request)
            case "expired":
                office.store.request_upkeep.expire(request.filed + timedelta(hours=2))
            case _:
                decisions.cancel(office.store, request.id, BOB, administrator=True)
    office.staff("person19", *everybody[1:10])
    assert scheduled(office, **edited).state is JobState.WAITING


def test_nothing_to_do_makes_a_definition_known(office: Office) -> None:
    """A run that finds both sides equal has carried the job out."""
    office.write("phones.csv", "fry", "leela")
    assert scheduled(office).state is JobState.SUCCESS
    office.staff("fry", "leela", "bender")
    assert scheduled(office).state is JobState.SUCCESS


def test_an_upgrade_edits_no_job(office: Office) -> None:
    """Definitions that the version before has stored lack the keys that are new, and have another digest:
    they are the same.
    """
    carried_out(office)
    _forget_new_keys(office)
    office.staff("fry", "leela", "bender")
    assert scheduled(office).state is JobState.SUCCESS


def _forget_new_keys(office: Office) -> None:
    """Store the definitions of all runs so as a version without some of today's keys has."""
    from sqlalchemy import select, update

    from directory_sync.store.tables import CollectionRunRow, DefinitionRow

    with office.store._database.write() as connection:
        (definition,) = connection.scalars(select(DefinitionRow.definition))
        del (
            definition["timezone"],
            definition["jobs"][0]["returning"],
            definition["jobs"][0]["wait_for_approval"],
        )
        connection.execute(update(DefinitionRow).values(definition=definition))
        connection.execute(update(CollectionRunRow).values(definition_digest="0" * 64))
