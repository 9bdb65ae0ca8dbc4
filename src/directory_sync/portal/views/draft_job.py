"""Steps of a job of a draft that are made of sections of its form: *Details*, *Missing Records and Limits*,
*Approval and Settings*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Response

from directory_sync.collections.job_texts import job_names
from directory_sync.errors import DefinitionError, DirectorySyncError
from directory_sync.forms.form import on_its_own
from directory_sync.forms.rewriting import data_of, rewrite
from directory_sync.forms.sections import APPROVAL, JOB_DETAILS, LIMITS, MISSING, SETTINGS, Section
from directory_sync.portal import changes, drafts
from directory_sync.portal.access import Visitor
from directory_sync.portal.asked_today import AskedToday, asked_today
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.portal.template_list import ListedTemplate, list_templates
from directory_sync.portal.views.form_step import FormStep, form_step, known_names, same_step, typed_into
from directory_sync.portal.views.limit_meters import Meter, limit_meters
from directory_sync.portal.views.rendering import render
from directory_sync.portal.views.wizard import JobVisit, OfJob, Sent, SentStep, Wizard, take_step
from directory_sync.store.store import Store

router = APIRouter()

SECTIONS: Mapping[str, tuple[Section, ...]] = {
    "details": (JOB_DETAILS,),
    "missing": (MISSING, LIMITS),
    "approval": (APPROVAL, SETTINGS),
}
"""Step → what it is made of."""
_RUNS = 5
"""So many runs back the figures of a job are looked for."""


@dataclass(frozen=True, slots=True)
class LastFigures:
    """How a job's last run stood to its limits; `run_id` names the run."""

    run_id: str
    meters: tuple[Meter, ...]


@dataclass(frozen=True, slots=True)
class AskedPart:
    """Who would be asked today; None while the definition cannot be used."""

    asked: AskedToday | None


@dataclass(frozen=True, slots=True)
class JobStepPage:
    """The step.

    Attributes:
        form: its sections, and what is around it.
        suggest: names that fields offer.
        templates: of jobs; in *Details* only.
        template: the one that the job names; empty for none.
        asked: who would be asked today; None while the definition cannot be used, and in other steps.
        last: of *Missing Records and Limits*: figures of the last run; None if there are none.
    """

    form: FormStep
    suggest: Mapping[str, Sequence[str]]
    templates: tuple[ListedTemplate, ...] = ()
    template: str = ""
    asked: AskedToday | None = None
    last: LastFigures | None = None

    @property
    def wizard(self) -> Wizard:
        """What is around the step."""
        return self.form.wizard


@router.get("/drafts/{draft_id}/jobs/{number}/details")
def show_job_details(visit: OfJob) -> Response:
    """What the job is called, and its template."""
    return _page(visit, visit.open("details"), 200)


@router.post("/drafts/{draft_id}/jobs/{number}/details")
def take_job_details(visit: OfJob, sent: Sent) -> Response:
    """Keep what was typed."""
    return _take(visit, "details", sent)


@router.get("/drafts/{draft_id}/jobs/{number}/missing")
def show_missing(visit: OfJob) -> Response:
    """Missing records and limits, with the figures of the last run."""
    return _page(visit, visit.open("missing"), 200)


@router.post("/drafts/{draft_id}/jobs/{number}/missing")
def take_missing(visit: OfJob, sent: Sent) -> Response:
    """Keep what was typed."""
    return _take(visit, "missing", sent)


@router.get("/drafts/{draft_id}/jobs/{number}/approval")
def show_approval(visit: OfJob) -> Response:
    """The approval policy, whom it would ask today, and settings."""
    return _page(visit, visit.open("approval"), 200)


@router.post("/drafts/{draft_id}/jobs/{number}/approval")
def take_approval(visit: OfJob, sent: Sent) -> Response:
    """Keep what was typed."""
    return _take(visit, "approval", sent)


@router.post("/drafts/{draft_id}/jobs/{number}/approval/asked")
def tell_asked(visit: OfJob, sent: Sent) -> Response:
    """Who would be asked today by what is typed now, as a part of the page; nothing is kept."""
    wizard = visit.open("approval")
    draft = wizard.view.draft
    templates = saving_rules(visit.visitor, only_looks=True).templates
    try:
        text = typed_into(draft.text, sent, SECTIONS["approval"], templates, wizard.place)
    except DefinitionError:
        text = draft.text
    view = drafts.judged(visit.store, visit.visitor, replace(draft, text=text))
    asked = _asked(visit.visitor, replace(wizard, view=view))
    return render(visit.request, "_asked_today.html", visit.frame, AskedPart(asked))


def _take(visit: JobVisit, step: str, sent: SentStep) -> Response:
    wizard = visit.open(step)
    place = wizard.place
    templates = saving_rules(visit.visitor, only_looks=True).templates

    def edit(text: str) -> str:
        if place.step == "details" and place.job is not None:
            names = job_names(text)
            was = names[place.job] if place.job < len(names) else ""
            if sent.values.get("details.name", was) != was:
                text = on_its_own(text, place.job, templates)
        text = typed_into(text, sent, SECTIONS[place.step], templates, place)
        if place.step != "details" or place.job is None:
            return text
        return _with_template(text, place.job, sent.values.get("template"))

    answer = take_step(
        visit.store,
        visit.visitor,
        visit.frame,
        wizard,
        sent,
        edit=edit,
        show=lambda wizard, status: _page(visit, wizard, status),
    )
    return (same_step(wizard, visit.frame.root, sent.do) if answer.status_code == 303 else None) or answer


def _page(visit: JobVisit, wizard: Wizard, status: int) -> Response:
    request, visitor = visit.request, visit.visitor
    rules = saving_rules(visitor, only_looks=True)
    step = wizard.place.step
    more = request.query_params.get("more", "")[:200]
    users, roles = known_names(visitor, wizard) if step == "approval" else ((), ())
    page = JobStepPage(
        form=form_step(wizard, SECTIONS[step], rules.templates, more=more),
        suggest={"users": users, "roles": roles} if step == "approval" else {},
        templates=tuple(each for each in list_templates(rules.templates) if each.kind == "jobs")
        if step == "details"
        else (),
        template=_template_of(wizard) if step == "details" else "",
        asked=_asked(visitor, wizard) if step == "approval" else None,
        last=_last_figures(visit.store, visitor, wizard) if step == "missing" else None,
    )
    return render(request, "draft_job.html", visit.frame, page, status=status)


def _asked(visitor: Visitor, wizard: Wizard) -> AskedToday | None:
    found = wizard.job
    return None if found is None else asked_today(visitor, *found, dag_id=wizard.view.draft.collection)


def _jobs(data: Mapping[str, Any]) -> list[Any]:
    jobs = data.get("jobs")
    return jobs if isinstance(jobs, list) else []


def _template_of(wizard: Wizard) -> str:
    try:
        job = _jobs(data_of(wizard.view.draft.text))[wizard.place.job or 0]
    except (DefinitionError, IndexError):
        return ""
    template = job.get("template") if isinstance(job, dict) else None
    return template if isinstance(template, str) else ""


def _with_template(text: str, index: int, template: str | None) -> str:
    """The text whose job has another template, or none; None: nothing was chosen."""
    data = data_of(text)
    jobs = _jobs(data)
    job = jobs[index] if index < len(jobs) and isinstance(jobs[index], dict) else {}
    if template is None or (job.get("template") or "") == template:
        return text
    rest = [(key, value) for key, value in job.items() if key != "template"]
    if template:
        at = next((place + 1 for place, (key, _) in enumerate(rest) if key == "name"), 0)
        rest.insert(at, ("template", template))
    return rewrite(text, {**data, "jobs": [*jobs[:index], dict(rest), *jobs[index + 1 :]]})


def _last_figures(store: Store, visitor: Visitor, wizard: Wizard) -> LastFigures | None:
    """Of the saved collection that is edited: what the job's last plan came to, as far as it may be seen."""
    name = wizard.view.draft.collection
    if not name or not visitor.may_see(name):
        return None
    for run in store.runs.recent(name, limit=_RUNS):
        for result in store.runs.job_results(run.collection, run.run_id):
            if result.job != wizard.job_name or result.plan_id is None:
                continue
            try:
                head, _ = changes.visible_plan(store, visitor, result.plan_id)
            except DirectorySyncError:
                return None  # figures are a help, no more
            return LastFigures(run.run_id, limit_meters(head.limits))
    return None
