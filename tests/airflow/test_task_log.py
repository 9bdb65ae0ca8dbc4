"""What a task's log says."""

from __future__ import annotations

import logging

import pytest

from directory_sync.airflow.task_log import ProgressLog, log_result, table, tally, total
from directory_sync.definition.models import Job
from directory_sync.definition.secrets import secret_fields
from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from directory_sync.plan.model import LimitCheck, RecordProblem, Statistics
from directory_sync.present.line import change_line
from directory_sync.present.shown import visible
from directory_sync.run.result import NOT_APPROVED, JobResult, JobState

JOB = Job.model_validate(
    {
        "name": "people",
        "source": {"file": "in.csv"},
        "destination": {"connection": "lab", "container": "dc=lab"},
        "object": "user",
        "fields": {
            "uid": {"from": "uid", "key": True},
            "cn": "cn",
            "pin": {"from": "pin", "secret": True},
            "userPassword": "pw",
        },
    }
)


def update(*fields: FieldChange, action: Action = Action.UPDATE, **rest: str) -> Change:
    """A change to one object."""
    return Change(action, "fry", "uid=fry,dc=lab", fields=fields, **rest)  # type: ignore[arg-type]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that is logged."""
    caplog.set_level(logging.INFO, logger="directory_sync")
    return caplog


def line(change: Change, *, planned: bool = False) -> str:
    """What the log says of a change that was made, or is planned."""
    return change_line(visible(change, secret_fields(JOB)), planned=planned)


def test_a_change_is_a_line() -> None:
    """What was done, to which object, old and new values."""
    change = update(
        FieldChange("cn", (b"Fry",), (b"Philip",)),
        FieldChange("sn", (b"x",), ()),
        FieldChange("l", (), (b"a", b"b")),
    )
    assert line(change) == "Updated uid=fry,dc=lab: cn: Fry → Philip; sn: x → (none); l: a | b"
    assert line(change, planned=True).startswith("Would update uid=fry")


@pytest.mark.parametrize("state", [JobState.PREVIEWED, JobState.STOPPED_BY_LIMIT, *NOT_APPROVED])
def test_what_was_not_written_is_not_told_as_done(lines: pytest.LogCaptureFixture, state: JobState) -> None:
    """A plan that waits, or that was denied, would change something; it has not."""
    change = update(FieldChange("cn", (b"Fry",), (b"Philip",)))
    log_result(JOB, JobResult("people", state, changes=(change,)), shown=10)
    assert "Would update uid=fry" in lines.text
    assert "Updated" not in lines.text


def test_a_rename_shows_both_names() -> None:
    """The object's name before and after."""
    change = update(new_object="uid=philip,dc=lab")
    assert line(change) == "Updated uid=fry,dc=lab → uid=philip,dc=lab"


def test_members_are_shown_as_they_come_and_go() -> None:
    """A group's line does not repeat the members that stay."""
    change = update(FieldChange("member", (b"cn=a",), (b"cn=b",), partial=True))
    assert line(change) == "Updated uid=fry,dc=lab: member: +cn=b -cn=a"


@pytest.mark.parametrize("field", ["pin", "PIN", "userPassword", "unicodePwd"])
@pytest.mark.parametrize("action", [Action.CREATE, Action.UPDATE])
def test_secrets_are_never_shown(field: str, action: Action) -> None:
    """Fields marked as secret and password attributes appear without their values."""
    text = line(update(FieldChange(field, (b"0ld",), (b"n3w",)), action=action))
    assert "0ld" not in text
    assert "n3w" not in text
    assert f"{field}: ***" in text


def test_values_cannot_act_in_the_log(lines: pytest.LogCaptureFixture) -> None:
    """Control characters of a directory's values reach neither terminal nor browser, and make no line of
    their own.
    """
    change = update(FieldChange("cn", (), (b"\x1b[2Jgone\nCRITICAL fake",)))
    log_result(JOB, JobResult(job="people", state=JobState.SUCCESS, changes=(change,)), shown=10)
    assert "\x1b" not in lines.text
    assert not any(record.getMessage().startswith("CRITICAL") for record in lines.records)
    assert all("\n" not in record.getMessage() for record in lines.records)


def test_a_long_value_is_cut() -> None:
    """A photo or a biography does not fill the log."""
    assert len(line(update(FieldChange("cn", (), (b"x" * 10_000,))))) < 1_000


def test_what_was_not_done_is_not_said_to_be_done(lines: pytest.LogCaptureFixture) -> None:
    """Conflicts and failures are warnings with their reason; what was not reached is only planned."""
    changes = tuple(Change(Action.CREATE, str(number), f"uid={number}") for number in range(4))
    outcomes = {
        1: Outcome(1, Result.CONFLICT, "It is there already."),
        2: Outcome(2, Result.FAILED, "No access."),
    }
    result = JobResult(job="people", state=JobState.FAILED, changes=changes, outcomes=outcomes, plan_id=1)
    log_result(JOB, result, shown=10, answered={0, 1, 2})
    said = [(record.levelname, record.getMessage()) for record in lines.records[:4]]
    assert said == [
        ("INFO", "Created uid=0"),
        ("WARNING", "Conflict, did not create uid=1. It is there already."),
        ("WARNING", "Failed to create uid=2. No access."),
        ("INFO", "Would create uid=3"),
    ]


def test_many_changes_are_summed_up(lines: pytest.LogCaptureFixture) -> None:
    """The setting `logged_changes` bounds the log."""
    changes = tuple(Change(Action.DELETE, str(number), f"uid={number}") for number in range(50))
    log_result(JOB, JobResult(job="people", state=JobState.SUCCESS, changes=changes), shown=3)
    assert lines.text.count("Deleted uid=") == 3
    assert "47 more changes" in lines.text


def test_problems_warnings_and_limits_are_warnings(lines: pytest.LogCaptureFixture) -> None:
    """Whatever somebody should look at has the level of a warning."""
    result = JobResult(
        job="people",
        state=JobState.STOPPED_BY_LIMIT,
        problems=(RecordProblem("fry", "line 3", "cn is empty. Fill it in."),),
        warnings=("The file is a week old.",),
        limits=(LimitCheck("delete", "", 9, 10, 1, "10%"), LimitCheck("create", "", 0, 10, None, "none")),
    )
    log_result(JOB, result, shown=10)
    warnings = [record.getMessage() for record in lines.records if record.levelname == "WARNING"]
    assert warnings == [
        "fry: cn is empty. Fill it in.",
        "The file is a week old.",
        "limit delete: 9 planned, 1 allowed (10% of 10)",
    ]


def test_the_tally_closes_the_log(lines: pytest.LogCaptureFixture) -> None:
    """The last line says how it ended, with all figures."""
    result = JobResult(
        job="people",
        state=JobState.SUCCESS_WITH_ERRORS,
        statistics=Statistics(read=5, created=2),
        digest="ab" * 32,
    )
    log_result(JOB, result, shown=10)
    assert lines.records[-1].getMessage() == tally(result)
    assert tally(result).startswith("Job people: with errors. read=5 created=2 updated=0 ")
    assert "digest=abababababab " in tally(result)


def test_progress_is_told_every_few_seconds(
    lines: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sentence from time to time, not ten a second."""
    from directory_sync.airflow import task_log

    now = [0.0]
    monkeypatch.setattr(task_log.time, "monotonic", lambda: now[0])
    progress = ProgressLog()
    for tick in range(120):
        now[0] = tick / 10
        progress("apply", tick * 100, 12_000)
    progress("read source", 7, None)
    assert [record.getMessage() for record in lines.records] == [
        "Applying: 5,000 of 12,000 changes.",
        "Applying: 10,000 of 12,000 changes.",
    ]


def test_the_table_has_a_line_for_each_job_and_a_total() -> None:
    """The closing table of a run; a job that was not run has no figures."""
    rows = {"people": ("success", Statistics(read=5, created=2)), "groups": ("not_run", None)}
    lines = list(table(rows))
    assert [line.split()[0] for line in lines] == ["job", "people", "groups", "total"]
    assert lines[2].split() == ["groups", "not", "run"]
    assert lines[3].split()[1:3] == ["5", "2"]
    assert total(iter([Statistics(read=1), None, Statistics(read=2, errors=1)])) == Statistics(
        read=3, errors=1
    )


def test_a_change_names_people(caplog: pytest.LogCaptureFixture) -> None:
    """As people call them, where the object's id does not say it."""
    change = Change(
        Action.UPDATE,
        "4711",
        "uid=4711,dc=lab",
        fields=(FieldChange("l", (b"a",), (b"b",)),),
        name="Amy Wong",
    )
    assert line(change) == "Updated uid=4711,dc=lab (Amy Wong): l: a → b"
    assert line(change._replace(object="cn=Amy Wong,dc=lab")) == "Updated cn=Amy Wong,dc=lab: l: a → b"


def test_what_waits_or_was_stopped_is_logged_as_planned(caplog: pytest.LogCaptureFixture) -> None:
    """The figures are zeros, because nothing was written; what is planned is said, marked as such."""
    planned = Statistics(read=9, created=3, deleted=1)
    for state, yet in ((JobState.WAITING, " yet"), (JobState.STOPPED_BY_LIMIT, "")):
        caplog.clear()
        result = JobResult("people", state, statistics=Statistics(read=9), planned=planned)
        with caplog.at_level(logging.INFO):
            log_result(JOB, result, shown=10)
        assert f"Job people: planned: 1 deletion, 3 creations; nothing written{yet}." in caplog.text
        assert "created=0" in caplog.text
        assert "planned_created=3" in caplog.text
