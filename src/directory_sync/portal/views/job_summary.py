"""A job of a draft in few words: what was chosen in each of its steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from directory_sync.collections.job_texts import job_text
from directory_sync.definition.export import job_definition
from directory_sync.definition.limits import Limits, format_limit
from directory_sync.definition.models import Collection, Job
from directory_sync.errors import DefinitionError
from directory_sync.forms.rewriting import data_of
from directory_sync.forms.value_words import fact_words, limit_words
from directory_sync.portal.views.wizard import Wizard
from directory_sync.portal.wizard_steps import JOB_STEPS

_LONGEST = 2_000
"""Characters of one value that are shown."""


@dataclass(frozen=True, slots=True)
class JobPart:
    """A step of a job.

    Attributes:
        step: its name; `label` what people call it.
        facts: label and value of what the job says itself.
    """

    step: str
    label: str
    facts: tuple[tuple[str, str], ...]


def parts_of(wizard: Wizard) -> tuple[JobPart, ...]:
    """The steps of the job whose step this is. What a template or the defaults give is not repeated."""
    assert wizard.place.job is not None
    data = _data(wizard.view.draft.text, wizard.place.job)
    parts = []
    for step in JOB_STEPS:
        if step.name == "review":
            continue
        facts: list[tuple[str, str]] = []
        for key, value in data.items():
            if key in step.keys:
                facts += [(label, _short(words)) for label, words in fact_words(key, value)]
        parts.append(JobPart(step.name, step.label, tuple(facts)))
    return tuple(parts)


def gist_of(collection: Collection, job: Job) -> str:
    """What counts most when a job is looked at: its object type, what happens to missing records, limits."""
    data = job_definition(job)
    parts = [job.object.value.replace("_", " "), f"{len(job.fields)} fields"]
    if "missing_at_source" in data:
        [(_, what)] = fact_words("missing_at_source", data["missing_at_source"])
        parts.append(f"missing at source: {_short(what)}")
    if "remove" in data:
        [(_, what)] = fact_words("remove", data["remove"])
        parts.append(f"remove: {_short(what)}")
    if limits := limits_text(collection.limits_of(job)):
        parts.append(f"limits: {limits}")
    return "; ".join(parts)


def limits_text(limits: Limits) -> str:
    """Limits on one line: `delete 5, update 10%`."""
    return ", ".join(f"{kind.value} {limit_words(format_limit(limit))}" for kind, limit in limits.items())


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _data(text: str, index: int) -> dict[str, Any]:
    try:
        return data_of(job_text(text, index))
    except (DefinitionError, IndexError):
        return {}
