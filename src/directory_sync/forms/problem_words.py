"""What a form says of a problem, where the words for a definition's text would not help: a form has no YAML.

`validate` and the page with the text say it in the definition's own words.
"""

from __future__ import annotations

import re
from dataclasses import replace

from directory_sync.definition.problems import Code, Problem
from directory_sync.forms.mapping_rows import wrong_line
from directory_sync.forms.schedules import wrong_in_words
from directory_sync.forms.words import LABELS, MODELS, label_of

_STEP = re.compile(r"""\["(.*?)"\]|\[(\d+)\]|\.?([^.\[]+)""", re.DOTALL)

_COLLECTION, _JOBS, _JOB, _FIELD = ("Collection",), ("Jobs",), ("Job",), ("Mapping",)
"""Models that a key is of: those that words are known for."""


def in_form_words(problem: Problem) -> Problem:
    """The problem as a form tells it; itself where it says the same."""
    words = _words(problem)
    return problem if words is None else replace(problem, message=words[0], hint=words[1])


def label_of_key(key: str) -> str:
    """The labels that lead to a key, without the job: `Limits, Delete` for `jobs[1].limits.delete`."""
    labels: list[str] = []
    models: tuple[str, ...] = _COLLECTION
    named = False
    for quoted, number, plain in _STEP.findall(key):
        name = quoted or plain
        if named:
            labels.append(name)  # a field that the person has named
            named, models = False, _FIELD
        elif number and models is _JOBS:
            models = _JOB
        elif number:
            labels.append(str(int(number) + 1))
        elif name == "jobs" and models is _COLLECTION:
            models = _JOBS
        else:
            model = next((model for model in models if (model, name) in LABELS), models[0])
            labels.append(label_of(model, name))
            named = name == "fields" and models is _JOB
            models = MODELS.get(name, models)
    return ", ".join(labels)


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
