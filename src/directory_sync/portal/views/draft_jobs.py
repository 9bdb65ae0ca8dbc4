"""The step *Jobs*: a list of jobs that are added, copied from elsewhere, put in order and taken out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.collections import job_texts
from directory_sync.definition.models import FailureAction
from directory_sync.definition.templates import Templates
from directory_sync.forms.controls import Group, is_true
from directory_sync.forms.form import completed, on_its_own
from directory_sync.forms.rewriting import data_of, rewrite
from directory_sync.forms.sections import JOB_DETAILS
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.existing_jobs import ExistingJobs, find_jobs, with_existing
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.approval_words import approval_words
from directory_sync.portal.views.frame import CurrentFrame, Frame
from directory_sync.portal.views.rendering import render
from directory_sync.portal.views.wizard import Sent, SentStep, Wizard, open_step, take_step
from directory_sync.portal.wizard_steps import Place, place_of

router = APIRouter()

PLACE = Place("jobs")
_ORDER = re.compile(r"order:(\d{1,4}):(\d{1,4})")
_ACTION = re.compile(r"(up|down|duplicate|remove):(\d{1,4})")
_ROW = re.compile(r"job-\d{1,4}")
_NEW = "new_job"


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job of the draft.

    Attributes:
        number: from 1.
        name: empty if it has none.
        source, destination: in words, as far as they are given.
        approval: who has to agree, in words; empty while that cannot be told.
        on_failure: `abort`, `continue`, or what stands there.
        enabled: it runs.
        errors: how many it has.
    """

    number: int
    name: str
    description: str
    source: str
    destination: str
    approval: str
    on_failure: str
    enabled: bool
    errors: int


@dataclass(frozen=True, slots=True)
class JobsPage:
    """The step.

    Attributes:
        wizard: what is around it.
        jobs: in the order in which they run.
        readable: the text of the draft can be read.
        focus: name of the button that the focus stays on, and number of its job.
    """

    wizard: Wizard
    jobs: tuple[JobRow, ...]
    readable: bool
    focus: tuple[str, int] = ("", 0)


@dataclass(frozen=True, slots=True)
class AddingPage:
    """The dialog with jobs to copy.

    Attributes:
        wizard: the step that it belongs to.
        found: the jobs.
        search: what was searched for.
    """

    wizard: Wizard
    found: ExistingJobs
    search: str


@router.get("/drafts/{draft_id}/jobs")
def show_jobs(
    request: HttpRequest,
    draft_id: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    by: Annotated[str, Query(max_length=10)] = "",
    at: Annotated[int, Query(ge=0, le=9999)] = 0,
) -> Response:
    """The list; `by` and `at` name the button that was used last."""
    wizard = open_step(store, visitor, draft_id, PLACE, request)
    return _page(request, frame, visitor, wizard, 200, focus=(by, at))


@router.post("/drafts/{draft_id}/jobs")
def take_jobs(
    request: HttpRequest,
    draft_id: str,
    sent: Sent,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """Keep what is set in the list, and do what the button says."""
    wizard = open_step(store, visitor, draft_id, PLACE)
    templates = saving_rules(visitor, only_looks=True).templates

    def edit(text: str) -> str:
        text, places = _with_rows(text, sent, templates)
        return _with_action(
            text, sent, places, templates, lambda keys: with_existing(store, visitor, text, keys)
        )

    answer = take_step(
        store,
        visitor,
        frame,
        wizard,
        sent,
        edit=edit,
        show=lambda wizard, status: _page(request, frame, visitor, wizard, status),
        again=lambda text: _with_rows(text, sent, templates)[0],
    )
    if answer.status_code != 303:
        return answer
    here = f"{frame.root}{wizard.address}"
    if sent.do == "new":
        number = job_texts.job_count(open_step(store, visitor, draft_id, PLACE).view.draft.text)
        return RedirectResponse(f"{frame.root}{wizard.draft_address}/jobs/{number}/details", 303)
    if (action := _ACTION.fullmatch(sent.do)) is not None:
        by, number = action[1], int(action[2]) + {"up": -1, "down": 1, "duplicate": 1}.get(action[1], 0)
        return RedirectResponse(f"{here}?by={by}&at={max(1, number)}", 303)
    if sent.do == "copy":
        return RedirectResponse(f"{here}?done=copied", 303)
    return answer


@router.get("/drafts/{draft_id}/jobs/add")
def add_jobs(
    request: HttpRequest,
    draft_id: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    search: Annotated[str, Query(max_length=1000)] = "",
) -> Response:
    """All jobs that the visitor may see, to choose from: a part for the dialog, or for its list."""
    wizard = open_step(store, visitor, draft_id, PLACE)
    chosen = request.query_params.getlist("copy")[:1000]
    page = AddingPage(wizard, find_jobs(store, visitor, search, chosen), search)
    part = "_existing_jobs.html" if request.headers.get("hx-target") == "existing-jobs" else "_add_jobs.html"
    return render(request, "add_jobs.html", frame, page, part=part)


def _with_rows(text: str, sent: SentStep, templates: Templates) -> tuple[str, dict[int, int]]:
    """The text with what was set in the rows, and where each row's job is in it: in another window they may
    have been put in another order.
    """
    values = sent.values
    names = job_texts.job_names(text)
    places: dict[int, int] = {}
    for number, name in ((int(key[4:]), value) for key, value in values.items() if _ROW.fullmatch(key)):
        index = number - 1
        if index >= len(names) or names[index] != name:
            if name not in names:
                continue  # it was removed in another window
            index = names.index(name)
        places[number] = index
    rows = _rows(text, templates)
    for number, index in places.items():
        if values.get(f"name-{number}", rows[index].name) != rows[index].name:
            text = on_its_own(text, index, templates)
    data = data_of(text)
    jobs = list(data.get("jobs") or ())
    for number, index in places.items():
        row = rows[index]
        changed: dict[str, Any] = {}
        if (called := values.get(f"name-{number}", row.name)) != row.name:
            changed["name"] = called.strip()
        if (failure := values.get(f"on_failure-{number}", row.on_failure)) != row.on_failure:
            changed["on_failure"] = failure
        if (enabled := f"enabled-{number}" in values) != row.enabled:
            changed["enabled"] = enabled
        if changed:
            job = jobs[index]
            jobs[index] = Group(tuple(JOB_DETAILS.fields())).merged(
                job if isinstance(job, dict) else {}, changed
            )
    return rewrite(text, {**data, "jobs": jobs}) if jobs else text, places


def _with_action(
    text: str,
    sent: SentStep,
    places: dict[int, int],
    templates: Templates,
    copy: Callable[[list[str]], str],
) -> str:
    if sent.do == "new":
        name = job_texts.free_name(_NEW, job_texts.job_names(text))
        return job_texts.with_job(text, f"name: {name}\n")
    if sent.do == "copy":
        return copy([value for key, value in sent.fields if key == "copy"])
    if (order := _ORDER.fullmatch(sent.do)) is not None:
        moved, to = places.get(int(order[1])), places.get(int(order[2]))
        return text if moved is None or to is None else job_texts.moved_job(text, moved, to)
    action = _ACTION.fullmatch(sent.do)
    index = None if action is None else places.get(int(action[2]))
    if action is None or index is None:
        return text
    match action[1]:
        case "remove":
            return job_texts.without_job(text, index)
        case "duplicate":
            return job_texts.duplicated_job(on_its_own(text, index, templates), index)
        case "up":
            return job_texts.moved_job(text, index, index - 1) if index else text
        case _:
            last = job_texts.job_count(text) - 1
            return job_texts.moved_job(text, index, index + 1) if index < last else text


@dataclass(frozen=True, slots=True)
class _Row:
    """What counts for a job, whether its text says it or its template: as in `JobRow`."""

    name: str
    description: str
    source: str
    destination: str
    on_failure: str
    enabled: bool


def _rows(text: str, templates: Templates) -> list[_Row]:
    jobs = completed(text, templates=templates).get("jobs")
    rows = []
    for job in jobs[: job_texts.job_count(text)] if isinstance(jobs, list) else []:
        given = job if isinstance(job, dict) else {}
        rows.append(
            _Row(
                name=_text(given.get("name")),
                description=_text(given.get("description")),
                source=_where(given.get("source")),
                destination=_where(given.get("destination")),
                on_failure=_text(given.get("on_failure")) or FailureAction.ABORT.value,
                enabled=is_true(given["enabled"]) if given.get("enabled") is not None else True,
            )
        )
    return rows


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _where(value: Any) -> str:
    """An endpoint in words, as far as it is given."""
    if not isinstance(value, dict):
        return _text(value)
    place = next((_text(value[key]) for key in ("container", "table", "file") if _text(value.get(key))), "")
    if not place and value.get("query"):
        place = "a query"
    return ": ".join(part for part in (_text(value.get("connection")), place) if part)


def _page(
    request: HttpRequest,
    frame: Frame,
    visitor: Visitor,
    wizard: Wizard,
    status: int,
    *,
    focus: tuple[str, int] = ("", 0),
) -> Response:
    view = wizard.view
    templates = saving_rules(visitor, only_looks=True).templates
    known = {} if view.collection is None else {job.name: job for job in view.collection.jobs}
    errors = [place_of(each).job for each in view.problems if wizard.checked and each.severity == "error"]
    jobs = []
    for index, row in enumerate(_rows(view.draft.text, templates)):
        job = known.get(row.name)
        approval = (
            "" if job is None or view.collection is None else approval_words(view.collection.policy_of(job))
        )
        jobs.append(
            JobRow(
                number=index + 1,
                name=row.name,
                description=row.description,
                source=row.source or ("" if job is None else job.source.text),
                destination=row.destination or ("" if job is None else job.destination.text),
                approval=approval,
                on_failure=row.on_failure,
                enabled=row.enabled,
                errors=errors.count(index),
            )
        )
    page = JobsPage(wizard, tuple(jobs), view.readable, focus)
    return render(request, "draft_jobs.html", frame, page, status=status)
