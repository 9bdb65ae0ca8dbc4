"""The report says of each job what the command line's specification promises, whatever happens while it is
written.
"""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from directory_sync.apply.outcome_log import Tally
from directory_sync.definition.models import Job
from directory_sync.definition.secrets import secret_fields
from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from directory_sync.plan.model import Statistics
from directory_sync.present.line import change_line
from directory_sync.present.report import report_file, write_report
from directory_sync.present.shown import visible
from directory_sync.run.result import JobResult, JobState
from tests.scenarios.job_results import CHANGES, collection, ended, previewed, stopped, with_failed_changes


def written(*results: JobResult) -> dict[str, Any]:
    """The report of these jobs, as a reader gets it."""
    stream = io.StringIO()
    write_report(stream, collection(*(result.job for result in results)), results)
    report: dict[str, Any] = json.loads(stream.getvalue())
    return report


def test_the_report_has_the_promised_shape() -> None:
    """Collection, jobs, and for each: statistics in the promised keys, changes with old and new values,
    state, digest, errors.
    """
    report = written(previewed("people"), stopped("groups"))

    assert report["collection"] == "crew"
    people, groups = report["jobs"]
    assert (people["job"], people["state"], people["digest"]) == ("people", "previewed", "ab" * 32)
    assert list(people["statistics"]) == [
        "read", "created", "updated", "moved", "disabled", "deleted", "unchanged", "skipped", "conflicts", "errors",  # noqa: E501
    ]  # fmt: skip
    assert [change["action"] for change in people["changes"]] == [
        "create",
        "update",
        "update",
        "move",
        "delete",
    ]
    assert people["changes"][1] == {
        "action": "update",
        "key": "leela",
        "object": "uid=leela,ou=people,dc=office",
        "fields": [
            {"field": "mail", "old": ["a@x", "b@x"], "new": ["c@x"]},
            {"field": "title", "old": [], "new": ["Kapitän"]},
        ],
    }
    assert people["changes"][3]["new_object"] == "uid=amy,ou=left,dc=office"
    assert groups["state"] == "stopped_by_limit"
    assert [check["kind"] for check in groups["limits"] if check["exceeded"]] == ["delete"]


def test_binary_values_are_base64_and_secret_ones_are_hidden() -> None:
    """A value that is no text is `{"base64": …}`; those of secret fields and password attributes are
    `***`.
    """
    fields = {
        field["field"]: field["new"] for field in written(previewed())["jobs"][0]["changes"][0]["fields"]
    }

    assert fields["jpegPhoto"][0]["base64"].startswith("/9j/")
    assert fields["pin"] == ["***"]
    assert fields["userPassword"] == ["***"]


def test_how_many_values_a_secret_has_is_secret() -> None:
    """One `***` stands for all that go, and one for all that come, however many there are."""
    change = CHANGES[0]._replace(
        action=Action.UPDATE, fields=(FieldChange("pin", (b"1", b"2", b"3"), (b"4", b"5")),)
    )
    [told] = written(previewed(changes=(change,)))["jobs"][0]["changes"]

    assert told["fields"] == [{"field": "pin", "old": ["***"], "new": ["***"]}]


def test_members_that_stay_are_not_told_and_the_report_says_so() -> None:
    """A partial change is marked, because its values are not all there are."""
    assert written(previewed())["jobs"][0]["changes"][2]["fields"] == [
        {"field": "member", "old": ["uid=bender"], "new": ["uid=fry", "uid=leela"], "partial": True}
    ]


def test_errors_are_those_of_records_and_those_of_changes() -> None:
    """What could not be planned, what failed and what was in conflict is listed with key, object and
    message.
    """
    job = written(with_failed_changes())["jobs"][0]

    assert job["errors"] == [
        {"key": "zoidberg", "object": "line 7", "message": "no surname"},
        {"key": "leela", "object": "uid=leela,ou=people,dc=office", "message": "mail has changed meanwhile"},
        {"key": "ship", "object": "cn=ship,ou=groups,dc=office", "message": "insufficient access"},
    ]
    assert [change.get("result") for change in job["changes"]] == [
        None,
        "conflict",
        "failed",
        "found_done",
        None,
    ]


def test_a_report_without_jobs_is_a_report() -> None:
    """Nothing done is valid JSON too."""
    stream = io.StringIO()
    write_report(stream, collection("people"), [])

    assert json.loads(stream.getvalue()) == {"collection": "crew", "jobs": []}


def test_what_had_ended_is_reported_when_a_run_is_interrupted() -> None:
    """An exception between two jobs leaves a valid report of the jobs before it."""

    def results() -> Iterator[JobResult]:
        yield ended(JobState.SUCCESS)
        raise KeyboardInterrupt

    stream = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        write_report(stream, collection("people", "groups"), results())

    assert [job["state"] for job in json.loads(stream.getvalue())["jobs"]] == ["success"]


class Lazy:
    """Changes that are made one by one, and count how many were asked for beyond what has been written."""

    def __init__(self, stream: io.StringIO, number: int, *, fail_at: int | None = None) -> None:
        self.stream, self.number, self.fail_at = stream, number, fail_at
        self.ahead = 0

    def __len__(self) -> int:
        return self.number

    def __iter__(self) -> Iterator[Change]:
        for number in range(self.number):
            if number == self.fail_at:
                raise OSError("the spool is gone")
            self.ahead = max(self.ahead, number - self.stream.getvalue().count('"action"'))
            yield CHANGES[3]


def test_changes_are_written_as_they_come() -> None:
    """No change is held back, so that a report may be larger than memory."""
    stream = io.StringIO()
    changes = Lazy(stream, 500)
    write_report(
        stream, collection("people"), [JobResult(job="people", state=JobState.SUCCESS, changes=changes)]
    )

    assert changes.ahead == 0
    assert len(json.loads(stream.getvalue())["jobs"][0]["changes"]) == 500


def test_a_failure_within_the_changes_leaves_valid_json() -> None:
    """Also in the middle of a job's changes everything that was begun is closed."""
    stream = io.StringIO()
    result = JobResult(job="people", state=JobState.SUCCESS, changes=Lazy(stream, 5, fail_at=2))
    with pytest.raises(OSError, match="spool"):
        write_report(stream, collection("people"), [result])

    assert len(json.loads(stream.getvalue())["jobs"][0]["changes"]) == 2


def test_no_character_of_the_report_can_command_a_terminal() -> None:
    """The report is ASCII, so `cat` shows it harmlessly."""
    stream = io.StringIO()
    write_report(stream, collection("people"), [previewed()])

    assert all(character == "\n" or " " <= character <= "~" for character in stream.getvalue())


# -- the file ------------------------------------------------------------------------------------------------


def test_the_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    """Until the end the old report stands; then the new one replaces it, readable by its owner only."""
    path = tmp_path / "report.json"
    path.write_text("old")
    with report_file(path) as stream:
        stream.write("new")
        stream.flush()
        assert path.read_text() == "old"

    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_appears_also_when_the_run_raises(tmp_path: Path) -> None:
    """What was reported before an exception is kept."""
    path = tmp_path / "report.json"

    def interrupted() -> None:
        with report_file(path) as stream:
            stream.write("so far")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert path.read_text() == "so far"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_to_a_file_stays_a_link(tmp_path: Path) -> None:
    """The file that a link points to is replaced, not the link."""
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    target.write_text("old")
    link.symlink_to(target)
    with report_file(link) as stream:
        stream.write("new")

    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_device_is_written_to_and_not_replaced() -> None:
    """`/dev/null` is a device afterwards too."""
    with report_file(Path("/dev/null")) as stream:
        stream.write("report")

    assert Path("/dev/null").is_char_device()


def test_a_folder_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    """The error comes before anything is run."""
    with pytest.raises(FileNotFoundError), report_file(tmp_path / "missing" / "report.json"):
        pytest.fail("the block was entered")


def test_each_result_is_told_apart() -> None:
    """In the log's line for a change: what was found afterwards is not said to have been done by the run."""
    job = Job.model_validate(
        {
            "name": "people",
            "source": {"file": "a.csv"},
            "destination": {"file": "b.csv"},
            "object": "row",
            "fields": {"id": {"from": "id", "key": True}},
        }
    )
    change = Change(Action.CREATE, "ann", "ann")
    lines = [
        change_line(visible(change, secret_fields(job), outcome=Outcome(0, result))) for result in Result
    ]
    assert len(set(lines)) == len(Result)
    assert {result for result in Result if result.is_trouble} == set(Result) - {
        Result.DONE,
        Result.FOUND_DONE,
    }


def test_what_was_not_made_counts_as_nothing() -> None:
    """Neither as created nor as an error; what is uncertain is an error, so that nobody overlooks it."""
    tally = Tally()
    for place, result in enumerate(Result):
        tally.add(Action.CREATE, Outcome(place, result))
    assert tally.statistics() == Statistics(created=2, conflicts=1, errors=2)
    assert (tally.answered, tally.not_done) == (len(Result), 1)
