"""A collection template taken over into a draft: its jobs are copied, and keys that it lacks."""

from __future__ import annotations

from directory_sync.collections.job_texts import free_name, job_names, named_job, texts_of_jobs, with_jobs
from directory_sync.definition.templates import Kind, Templates
from directory_sync.errors import DraftError
from directory_sync.forms.rewriting import data_of, rewrite
from directory_sync.portal.drafts import START
from directory_sync.portal.template_list import ListedTemplate, find_template


def with_template(text: str, templates: Templates, name: str) -> str:
    """A draft's text with what a collection template gives. Nothing that a person has typed is replaced.

    Of limits each kind is taken over for itself, also in place of one that every new collection begins with:
    what the template says is not lost to what no one has chosen.

    The jobs are written into the draft, so that each can be renamed, moved and removed; the job templates
    that they name stay named.

    Raises DraftError for a template that is not there or cannot be read, DefinitionError for a text that
    cannot be read.
    """
    found = _found(templates, "collections", name)
    given, data = data_of(found.text), data_of(text)
    missing = {
        key: value for key, value in given.items() if key != "jobs" and data.get(key) in (None, "", [])
    }
    own, limits = data.get("limits"), given.get("limits")
    if isinstance(own, dict) and isinstance(limits, dict):
        begun = data_of(START)["limits"]
        kept = {key: value for key, value in own.items() if key not in limits or value != begun.get(key)}
        missing["limits"] = {**own, **limits, **kept}
    text = rewrite(text, {**data, **missing})
    names, jobs = job_names(text), []
    for called, job in zip(job_names(found.text), texts_of_jobs(found.text), strict=True):
        names.append(free_name(called or "job", names))
        jobs.append(named_job(job, names[-1]))
    return with_jobs(text, jobs) if jobs else text


def with_job_template(text: str, templates: Templates, name: str) -> str:
    """The text of a job that stands alone with a job template named in it.

    Raises DraftError for a template that is not there or cannot be read.
    """
    _found(templates, "jobs", name)
    data = data_of(text)
    first, *others = data["jobs"]
    return rewrite(text, {**data, "jobs": [{"name": first["name"], "template": name} | first, *others]})


def _found(templates: Templates, kind: Kind, name: str) -> ListedTemplate:
    found = find_template(templates, kind, name)
    if found is None or found.problem:
        what = "job" if kind == "jobs" else "collection"
        raise DraftError(f"There is no {what} template {name} (any more). Choose another one.")
    return found
