"""How problems are shown: one line, JSON, and with the lines of the file around."""

from __future__ import annotations

from pathlib import Path

import pytest

from directory_sync.definition.problems import Problem, explain, path_text, printable, suggest

PROBLEM = Problem("jobs.yaml", 3, 5, "jobs[0].fields.cn", "is wrong", "write it right")


def test_one_line_names_file_line_key_and_remedy() -> None:
    """The form that the command line promises."""
    assert str(PROBLEM) == "jobs.yaml:3: jobs[0].fields.cn: is wrong, write it right"


def test_warning_is_marked() -> None:
    """A warning is told apart after the place and key, which stay where tools look for them."""
    problem = Problem("a.yaml", 1, 1, "tags", "is odd", severity="warning")
    assert str(problem) == "a.yaml:1: tags: warning: is odd"


def test_line_stays_one_line_and_harmless() -> None:
    """What a definition holds can neither break the line nor send anything to the terminal."""
    problem = Problem("a.yaml", 1, 1, "x\ny", "bad \x1b[31m\r\nname")
    assert str(problem) == "a.yaml:1: x y: bad ?[31m  name"


def test_collection_without_a_file_has_no_line() -> None:
    """The place is then the collection's name."""
    assert str(Problem("collection a", 0, 1, "tags", "is odd")) == "collection a: tags: is odd"


def test_json_holds_every_attribute() -> None:
    """Machines get what people get."""
    assert Problem(**PROBLEM.to_json()) == PROBLEM


def test_explanation_shows_two_lines_before_and_a_caret() -> None:
    """The caret stands below the column that is meant."""
    text = "name: a\njobs:\n  - x: 1\n    y: 2\n"
    assert explain(PROBLEM, text) == (
        "jobs.yaml:3: jobs[0].fields.cn: is wrong, write it right\n  1 | name: a\n  2 | jobs:\n  3 |   - x:"
        " 1\n    |     ^"
    )


@pytest.mark.parametrize("column", [1, 500, 90_000])
def test_long_lines_are_shown_around_the_place(column: int) -> None:
    """A line of any length stays readable, and the caret is below the right character."""
    text = "".join(chr(97 + i % 26) for i in range(100_000))
    line, caret = explain(Problem("a", 1, column, "", "x"), text).splitlines()[1:]
    assert len(line) < 130
    assert line[caret.index("^")] == text[column - 1]


def test_file_is_read_when_no_text_is_given(tmp_path: Path) -> None:
    """Problems in template files show their own lines; a file that is gone leaves the one line."""
    file = tmp_path / "a.yaml"
    file.write_text("name: a\n")
    assert "| name: a" in explain(Problem(str(file), 1, 1, "name", "x"))
    gone = Problem(str(tmp_path / "gone"), 1, 1, "name", "x")
    assert explain(gone) == str(gone)


def test_paths_quote_unusual_keys() -> None:
    """A key with a dot in it cannot be mistaken for two."""
    assert path_text(("jobs", 0, "fields", "a.b", "from")) == 'jobs[0].fields["a.b"].from'


def test_suggestion_ignores_case_and_may_be_absent() -> None:
    """The nearest word, as it is really written, then the rest as a sentence."""
    assert suggest("SAMACCOUNTNAM", ["cn", "sAMAccountName"]) == "did you mean sAMAccountName?"
    assert (
        suggest("shedule", ["schedule"], "valid keys: schedule")
        == "did you mean schedule? Valid keys: schedule"
    )
    assert suggest("xyz", ["schedule"], "valid keys: schedule") == "valid keys: schedule"


def test_printable_keeps_letters_of_every_language() -> None:
    """Only what a terminal could act on is replaced."""
    assert printable("Grüße 日本\t\u202e\x07") == "Grüße 日本 ??"
