"""What a form says of a problem, where the words for a definition's text would not help: a form has no YAML.

`validate` and the page with the text say it in the definition's own words.
"""

from __future__ import annotations

from dataclasses import replace

from directory_sync.definition.problems import Code, Problem
from directory_sync.forms.mapping_rows import wrong_line
from directory_sync.forms.schedules import wrong_in_words


def in_form_words(problem: Problem) -> Problem:
    """The problem as a form tells it; itself where it says the same."""
    words = _words(problem)
    return problem if words is None else replace(problem, message=words[0], hint=words[1])


def _words(problem: Problem) -> tuple[str, str] | None:
    """What is wrong, and what would be right; None where the definition's own words do."""
    match problem.code:
        case Code.NO_KEY:
            return "Tick Key for the field that identifies a record", "as an employee number does"
        case Code.LIMIT:
            return "is not a limit", "write a number, a percentage up to 100%, both as in 10%, 200, or none"
        case Code.SCHEDULE:
            return wrong_in_words(problem.given)
        case Code.NOT_A_MAPPING if wrong := wrong_line(problem.given):
            return wrong, ""
    return None
