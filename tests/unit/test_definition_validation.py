"""Problems of shape: every one names the place, what is wrong and what would be right."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.definitions import changed, found, job_changed, problems_of


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("name", "Bad-Name", "name: is not a valid name, use small letters"),
        ("name", "a" * 101, "name: has more than 100 characters"),
        ("name", ..., "name is missing, add it: Unique; the DAG id."),
        ("jobs", [], "jobs: needs at least 1 of them, found 0"),
        ("jobs", "x", "jobs: expected a list, found another text"),
        ("owners", "ida", "owners: expected a list"),
        ("start", "2026-02-30", "start: there is no such date or time"),
        ("start", "20260101", "start: expected a date such as 2026-01-31"),
        ("schedule", {"evry": "15m"}, "schedule: expected a cron expression"),
        ("schedule", {"every": "15x"}, "schedule.every: expected a duration such as 15m"),
        ("schedule", ["@daily", {"every": "0m"}], "schedule[1].every: a duration must be longer"),
        ("schedule", {"every": "99999999999d"}, "schedule.every: this duration is too long"),
        ("limits", {"delete": "10"}, None),
        ("limits", {"delete": None}, "limits.delete: expected a number, a percentage"),
        ("limits", {"delete": "120%"}, "limits.delete: expected a number, a percentage"),
        ("limits", {"delete": ["5%", "6%"]}, "limits.delete: expected a number, a percentage"),
        ("limits", {"deletes": 1}, "limits.deletes: unknown key: expected create, update"),
        ("paused", "maybe", "paused: expected true or false"),
        (
            "notifications",
            {"when": "error", "to": ["a@b.example"]},
            "notifications.when: expected always, records_updated, errors or failure, did you mean errors?",
        ),
        (
            "notifications",
            {"when": "errors", "to": [{"role": "Admin"}]},
            "notifications.to[0]: expected a mail address, owners, or {users",
        ),
        ("notifications", {"when": "errors", "to": [{"users": []}]}, "notifications.to[0]: names no one"),
        ("notifications", {"when": "errors", "to": []}, "notifications.to: "),
        ("approval", "nobody", "approval: expected none"),
        ("approval", {"approvers": {}}, "approval.approvers: names no one: give users or roles"),
        (
            "approval",
            {"approvers": {"users": ["a"]}, "require": "some"},
            "approval.require: expected any, all, or the number",
        ),
        ("tags", [{"a": "b"}], "tags[0]: expected a text, found a mapping"),
    ],
)
def test_collection(path: str, value: Any, problem: str | None) -> None:
    """Keys of the collection."""
    problems = found(changed((path, value)))
    assert problems == [] if problem is None else problems[0].startswith(problem), problems
    assert len(problems) <= 1


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("objekt", "user", "jobs[0].objekt: unknown key, did you mean object? Valid keys: name, description"),
        ("object", "users", "jobs[0].object: expected user, inetOrgPerson"),
        ("retries", "many", "jobs[0].retries: expected a whole number"),
        ("retries", 101, "jobs[0].retries: must be at most 100"),
        (
            "source.fliter",
            "(a=b)",
            (
                "jobs[0].source.fliter: unknown key, did you mean filter? Valid keys: connection, container,"
                " scope, filter"
            ),
        ),
        ("source", "corp", "jobs[0].source: expected a mapping such as {connection"),
        (
            "source",
            {"connection": "a"},
            "jobs[0].source: container is missing, add it: DN below which records are read.",
        ),
        (
            "source",
            {"connection": "a", "table": "b", "query": "c"},
            "jobs[0].source: needs exactly one of table, query",
        ),
        (
            "destination.container",
            {"feld": "x"},
            "jobs[0].destination.container: expected a DN, {field: NAME} or {template: TEXT}",
        ),
        (
            "destination",
            {"connection": "a", "table": "b", "query": "c"},
            "jobs[0].destination.query: a query can only be read from",
        ),
        (
            "fields.x",
            {"from": "a", "static": "b"},
            "jobs[0].fields.x: expected the name of a source field, or a mapping with exactly one of from",
        ),
        ("fields.x", {"frm": "a"}, "jobs[0].fields.x: expected the name of a source field"),
        ("fields.x", ["a"], "jobs[0].fields.x: expected the name of a source field"),
        (
            "fields.x",
            {"from": "a", "kee": "b"},
            "jobs[0].fields.x.kee: unknown key, did you mean key? Valid keys: key, new_only",
        ),
        (
            "fields.join",
            {"join": ["a", "b"], "separator": ["x"]},
            "jobs[0].fields.join.separator: expected a text, found a list",
        ),
        ("fields.x", {"left": "a"}, "jobs[0].fields.x: length is missing, add it: Number of characters."),
        ("fields.x", {"static": {"a": "b"}}, "jobs[0].fields.x.static: expected a text or a list of texts"),
        (
            "fields.x",
            {"script": "nodots"},
            "jobs[0].fields.x.script: is not the dotted path of a function, write MODULE.FUNCTION",
        ),
        ("missing_at_source", {"mov": "x"}, "jobs[0].missing_at_source: expected skip, delete, disable"),
        ("missing_at_source", "remove", "jobs[0].missing_at_source: expected skip, delete or disable"),
        ("records", {"since": "x"}, "jobs[0].records: expected all, changed"),
        (
            "approval",
            {"approvers": {"users": ["a"]}, "escalation": {"after": "2d", "levels": ["boss"]}},
            "jobs[0].approval.escalation.levels[0]: expected manager",
        ),
    ],
)
def test_job(path: str, value: Any, problem: str) -> None:
    """Keys of a job: tags of unions never show, and only the member that is meant is spoken of."""
    problems = found(job_changed((path, value)))
    assert len(problems) == 1, problems
    assert problems[0].startswith(problem)


def test_unknown_key_points_at_the_key_and_wrong_value_at_the_value() -> None:
    """The caret stands where the hand has to go."""
    text = "name: a\nshedule: x\npaused: maybe\njobs: []\n"
    places = {problem.key: (problem.line, problem.column) for problem in problems_of(text)}
    assert places["shedule"] == (2, 1)
    assert places["paused"] == (3, 9)


def test_wrong_field_does_not_hide_or_invent_other_problems() -> None:
    """What is wrong is left out before the rest is checked, without being missed."""
    definition = job_changed(
        ("fields.cn", {"left": "a"}),
        ("fields.employeeID", {"left": "a", "key": True}),
        ("destination.container", "no dn"),
    )
    assert [problem.split(": ")[0] for problem in found(definition)] == [
        "jobs[0].destination.container",
        "jobs[0].fields.employeeID",
        "jobs[0].fields.cn",
    ]


def test_thousands_of_problems_are_counted_not_listed() -> None:
    """A file that is wrong throughout gives an answer in time."""
    problems = found(changed(*((f"x{i}", "y") for i in range(3000))))
    assert len(problems) == 501
    assert "has 2500 more problems, correct these first" in problems
