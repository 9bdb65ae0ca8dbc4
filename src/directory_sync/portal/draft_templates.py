"""A collection template taken over into a draft: its jobs are copied, and keys that it lacks."""

from __future__ import annotations

from directory_sync.collections.job_texts import (
    free_name,
    job_count,
    job_names,
    job_text,
    renamed_job,
    with_job,
)
from directory_sync.definition.templates import Templates
from directory_sync.errors import DraftError
from directory_sync.forms.rewriting import data_of, rewrite
from directory_sync.portal.template_list import find_template


def with_template(text: str, templates: Templates, name: str) -> str:
    """A draft's text with what a collection template gives. Nothing that the draft says is replaced.

    The jobs are written into the draft, so that each can be renamed, moved and removed; the job templates
    that they name stay named.

    Raises DraftError for a template that is not there or cannot be read, DefinitionError for a text that
    cannot be read.
    """
    found = find_template(templates, "collections", name)
    if found is None or found.problem:
        raise DraftError(f"There is no collection template {name} (any more). Choose another one.")
    given, data = data_of(found.text), data_of(text)
    missing = {
        key: value for key, value in given.items() if key != "jobs" and data.get(key) in (None, "", [])
    }
    text = rewrite(text, {**data, **missing})
    jobs = given.get("jobs")
    for index in range(len(jobs) if isinstance(jobs, list) else 0):
        text = with_job(text, job_text(found.text, index))
        names = job_names(text)
        free = free_name(names[-1] or "job", names[:-1])
        if free != names[-1]:
            text = renamed_job(text, job_count(text) - 1, free)
    return text
