"""Problems as forms tell them."""

from __future__ import annotations

import pytest

from directory_sync.definition.documents import Document
from directory_sync.definition.loading import judge
from directory_sync.forms.problem_words import in_form_words, label_of_key
from directory_sync.forms.rewriting import data_of, rewrite
from tests.scenarios.saved import text_of as definition

YAML = ("{", "}", "[", "]", ": ")


def told(text: str) -> dict[str, str]:
    """Key → what a form says of it; the definition's own words must differ."""
    found = {}
    for problem in judge(Document("", text, "x")).problems:
        words = in_form_words(problem)
        assert words.text != problem.text
        assert (words.key, words.severity) == (problem.key, problem.severity)
        found[problem.key] = words.text
    return found


def test_forms_say_nothing_of_yaml() -> None:
    """Where the definition's words show how YAML is written, a form has words of its own."""
    text = definition("crew").replace("key: true", "key: false")
    assert text != definition("crew")
    for said in (told(text), told(f"limits: {{delete: 5x}}\n{definition('crew')}")):
        assert len(said) == 1
        assert not any(sign in words for words in said.values() for sign in YAML)


def test_a_table_that_is_a_text_is_told_by_its_line() -> None:
    """It is what a form keeps of a table with a wrong line."""
    [job] = data_of(definition("crew"))["jobs"]
    table = {"map": "school", "values": "a = b\nOrphanarium: OR"}
    fields = {**job["fields"], "x": table}
    text = rewrite(definition("crew"), {"name": "crew", "jobs": [{**job, "fields": fields}]})
    [words] = told(text).values()
    assert "Line 2" in words


@pytest.mark.parametrize(
    ("schedule", "about"),
    [
        ("daily at 25:00", "25:00"),
        ("daily at ", "no time"),
        ("weekly on 1 at noon", "noon"),
        ("weekly at 02:00", "week"),
        ("monthly on 45 at 02:00", "45"),
        ("monthly at 02:00", "no day"),
        ("99 * * * *", "99 * * * *"),
        ("0 0 31 2 *", "0 0 31 2 *"),
    ],
)
def test_a_wrong_schedule_is_told_by_what_was_typed(schedule: str, about: str) -> None:
    """By the time, day or expression that is wrong."""
    said = told(definition("crew", schedule=schedule))
    assert list(said) == ["schedule"]
    assert about in said["schedule"]
    assert "{" not in said["schedule"]
    assert ("cron" in said["schedule"]) == ("*" in schedule)


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("", ""),
        ("limits.delete", "Limits, Delete"),
        ("jobs[1].limits.delete", "Limits, Delete"),
        ("jobs[0]", ""),
        ("owners[1]", "Owners, 2"),
        ("schedule[0]", "When it runs, 1"),
        ('jobs[3].fields["a.b c"].values', "Fields, a.b c, Values"),
        ("jobs[0].fields.source", "Fields, source"),
        ("jobs[0].approval.escalation.levels[0]", "Approval, Escalation, Next approvers, 1"),
        ("jobs[0].destination.base", "Destination, Look for objects below"),
        ("jobs[0].source.complete", "Source, Accept a file whose last line has no line break"),
    ],
)
def test_a_key_is_told_by_labels(key: str, label: str) -> None:
    """Those that stand at the fields of the forms."""
    assert label_of_key(key) == label
