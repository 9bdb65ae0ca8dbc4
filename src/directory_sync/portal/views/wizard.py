"""The frame of the wizard's steps: rail, buttons, the list of problems, and what happens to what was typed.

A step is a module of its own with two routes: one shows it (`open_step`), one takes its form (`take_step`)
and is told how what was typed changes the text. Whatever the person then does, it is kept first.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Annotated

from fastapi import Depends, Path, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.collections.job_texts import job_count, job_names
from directory_sync.definition.models import Collection, Job
from directory_sync.definition.problems import Problem
from directory_sync.errors import (
    DefinitionError,
    DirectorySyncError,
    DraftChanged,
    DraftError,
    DraftNotFound,
    StoreError,
)
from directory_sync.forms.problem_words import in_form_words, label_of_key
from directory_sync.portal import drafts
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.answers import status_of
from directory_sync.portal.drafts import DraftView
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.typed_texts import LARGEST_FIELD, sent_number
from directory_sync.portal.views.frame import CurrentFrame, Frame
from directory_sync.portal.wizard_steps import Place, Step, field_id, place_of, problem_key, steps_at
from directory_sync.store.drafts import DraftKind
from directory_sync.store.store import Store

MOST_FIELDS = 20_000
"""Of one form: a mapping of 500 fields has some thousand."""
_STALE = (
    "This draft was changed in another window since this page was loaded. What you have typed stands below,"
    " and is not kept yet: look at it, then send it again. It replaces what the other window wrote in this"
    " step; the other steps stay as that window left them."
)
_OTHER_JOB = (
    "This draft was changed in another window since this page was loaded: its job {old} was renamed or"
    " removed there, and in its place is {new} now. What you have typed for {old} stands below, and is not"
    " kept yet. If you send it, it replaces what {new} says in this step."
)
_GOES = re.compile(r"go:((?:jobs/\d{1,4}/)?[a-z]{1,20})")


@dataclass(frozen=True, slots=True)
class SentStep:
    """A step's form as it was sent.

    Attributes:
        fields: names and values, in their order; a name may be there several times.
        number: of the draft that the page was made of.
        do: the button.
    """

    fields: Sequence[tuple[str, str]]
    number: int
    do: str

    @property
    def values(self) -> Mapping[str, str]:
        """By name; the last value counts."""
        return dict(self.fields)


async def sent_step(request: HttpRequest) -> SentStep:
    """Dependency: the form."""
    form = await request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=LARGEST_FIELD)
    fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    values = dict(fields)
    return SentStep(fields, sent_number(values.get("number", "")), values.get("do", ""))


Sent = Annotated[SentStep, Depends(sent_step)]


@dataclass(frozen=True, slots=True)
class RailStep:
    """A step in the rail.

    Attributes:
        go: the value of its button.
        errors: how many there are in it, as far as they are told.
    """

    label: str
    go: str
    current: bool
    errors: int


@dataclass(frozen=True, slots=True)
class StepProblem:
    """A problem, and the address of the field where it can be corrected.

    Attributes:
        where: the step in which it can be corrected.
        here: it is a field of this step.
        label: of the field, with the job where this is no step of it; empty where it is about none.
    """

    problem: Problem
    address: str
    where: str
    here: bool
    label: str = ""


@dataclass(frozen=True, slots=True)
class Wizard:
    """What is around a step.

    Attributes:
        view: the draft.
        place: the step.
        checked: its problems are told; else the person has not said yet that they are ready with it.
        alert: why something was not done; empty if nothing is wrong.
        said: code of what was just done.
        ids: of the elements in which keys stand that problems are about, where the step knows them.
    """

    view: DraftView
    place: Place
    checked: bool = False
    alert: str = ""
    said: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)

    @property
    def draft_address(self) -> str:
        """Below the portal's root."""
        return f"/drafts/{self.view.draft.id}"

    @property
    def address(self) -> str:
        """Of the step: its form is sent there."""
        return f"{self.draft_address}/{self.place.path}"

    @property
    def steps(self) -> Sequence[Step]:
        """All in the rail."""
        return steps_at(self.place)

    @property
    def step(self) -> Step:
        """This one."""
        return next(step for step in self.steps if step.name == self.place.step)

    @property
    def position(self) -> int:
        """From 1."""
        return self.steps.index(self.step) + 1

    @property
    def last(self) -> bool:
        """Whether no step follows."""
        return self.position == len(self.steps)

    @property
    def heading(self) -> str:
        """Of the page."""
        draft = self.view.draft
        if draft.kind is DraftKind.EDIT:
            return f"Edit {draft.collection}"
        return "Create New: Job" if draft.kind is DraftKind.JOB else "Create New: Job Collection"

    @property
    def job_name(self) -> str:
        """Of the job whose step this is; empty for a step of the collection."""
        if self.place.job is None:
            return ""
        try:
            return job_names(self.view.draft.text)[self.place.job]
        except (DefinitionError, IndexError):
            return ""

    @property
    def job(self) -> tuple[Collection, Job] | None:
        """The definition and the job whose step this is; None while the definition cannot be used."""
        collection, index = self.view.collection, self.place.job
        if collection is None or index is None or index >= len(collection.jobs):
            return None
        return collection, collection.jobs[index]

    @property
    def alone(self) -> bool:
        """Whether the job stands alone: its last step finishes the draft."""
        return self.view.draft.kind is DraftKind.JOB

    @property
    def rail(self) -> tuple[RailStep, ...]:
        """The steps, with the number of errors in those up to this one."""
        errors = [place_of(each) for each in self.view.problems if each.severity == "error"]
        rail = []
        for number, step in enumerate(self.steps):
            place = Place(step.name, self.place.job)
            told = number + 1 < self.position or (number + 1 == self.position and self.checked) or self.last
            found = sum(_is_in(each, place) for each in errors) if told and step.name != "review" else 0
            rail.append(RailStep(step.label, f"go:{place.path}", step.name == self.place.step, found))
        return tuple(rail)

    @property
    def problems(self) -> tuple[StepProblem, ...]:
        """Those that this page tells: of this step, or of all in the last one."""
        told = [
            each
            for each in self.view.problems
            if (self.last and self._is_of_this_job(each))
            or (self.checked and _is_in(place_of(each), self.place))
        ]
        return tuple(map(self._told, told))

    @property
    def has_errors(self) -> bool:
        """Whether one of the problems that this page tells is an error."""
        return any(each.problem.severity == "error" for each in self.problems)

    @property
    def errors_here(self) -> bool:
        """Whether there is an error in this step, told or not."""
        return any(
            each.severity == "error" and _is_in(place_of(each), self.place) for each in self.view.problems
        )

    def problems_at(self, key: str) -> tuple[Problem, ...]:
        """Those of one key, or of what is below it, if they are told."""
        inside = (f"{key}.", f"{key}[")
        return tuple(
            each.problem
            for each in self.problems
            if each.problem.key == key or each.problem.key.startswith(inside)
        )

    def _is_of_this_job(self, problem: Problem) -> bool:
        return self.place.job is None or self.alone or place_of(problem).job == self.place.job

    def _told(self, problem: Problem) -> StepProblem:
        problem = in_form_words(problem)
        place = place_of(problem)
        here = _is_in(place, self.place) and not self.last
        step = next(step for step in steps_at(place) if step.name == place.step)
        where = step.label
        about = problem_key(problem)
        label = label_of_key(about)
        if place.job is not None and self.place.job is None:
            label = f"{self._name_of(place.job)}, {label}" if label else self._name_of(place.job)
        if not about or place.step == "review":
            return StepProblem(problem, f"{self.draft_address}/yaml", "YAML", here=False, label=label)
        if here:
            return StepProblem(
                problem, f"#{self.ids.get(about) or field_id(about)}", where, here=True, label=label
            )
        # The list at the top of that step leads on to the field.
        return StepProblem(
            problem,
            f"{self.draft_address}/{place.path}?checked=yes#problems",
            where,
            here=False,
            label=label,
        )

    def _name_of(self, job: int) -> str:
        """What a job is called; its number where it has no name."""
        names = _names(self.view.draft.text)
        return (names[job] if job < len(names) else "") or f"job {job + 1}"


@lru_cache(maxsize=4)
def _names(text: str) -> Sequence[str]:
    """Of the jobs of a text; none of one that cannot be read. Asked for each of some hundred problems."""
    try:
        return tuple(job_names(text))
    except DefinitionError:
        return ()


def _is_in(problem: Place, step: Place) -> bool:
    if problem == step:
        return True
    # The list of jobs is right when each of them is.
    return step == Place("jobs") and problem.job is not None


def open_step(
    store: Store, visitor: Visitor, id: str, place: Place, request: HttpRequest | None = None
) -> Wizard:
    """A step of a draft. Raises DraftNotFound, also for a job that it does not have; StoreError."""
    view = drafts.open_draft(store, visitor, id)
    if place.job is not None and place.job >= job_count(view.draft.text):
        raise DraftNotFound(
            f"This draft has no job {place.job + 1}. It may have been removed in another window: see the step"
            " Jobs."
        )
    parameters = {} if request is None else request.query_params
    return Wizard(view, place, checked="checked" in parameters, said=parameters.get("done", ""))


JobNumber = Annotated[int, Path(ge=1, le=9999)]
"""In addresses: jobs are counted from 1."""


@dataclass(frozen=True, slots=True)
class JobVisit:
    """A request for a step of a draft's job, and what is needed to answer it.

    Attributes:
        job: index of the job.
    """

    request: HttpRequest
    draft_id: str
    job: int
    frame: Frame
    visitor: Visitor
    store: Store

    def open(self, step: str) -> Wizard:
        """The step, as the draft is now. Raises as `open_step`."""
        return open_step(self.store, self.visitor, self.draft_id, Place(step, self.job), self.request)


def job_visit(
    request: HttpRequest,
    draft_id: str,
    number: JobNumber,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> JobVisit:
    """Dependency: what every step of a job begins with."""
    return JobVisit(request, draft_id, number - 1, frame, visitor, store)


OfJob = Annotated[JobVisit, Depends(job_visit)]
Edit = Callable[[str], str]
Show = Callable[[Wizard, int], Response]


def take_step(
    store: Store,
    visitor: Visitor,
    frame: Frame,
    wizard: Wizard,
    sent: SentStep,
    *,
    edit: Edit,
    show: Show,
    again: Edit | None = None,
) -> Response:
    """Keep what was typed, and go where the button leads.

    Args:
        store: keeps the draft.
        visitor: whose it is.
        frame: of the page.
        wizard: the step, as the draft is now.
        sent: its form.
        edit: makes the text with what was typed of a text. Raises DefinitionError where it cannot.
        show: the page of the step, with a status.
        again: the same without what a button does besides, of which the page is made where `edit` is refused.

    What cannot be kept is shown again, with why.
    """
    draft = wizard.view.draft
    try:
        text = edit(draft.text)
        written = drafts.write(store, visitor, draft, expected=sent.number, text=text)
    except DraftChanged:
        now = open_step(store, visitor, draft.id, wizard.place)
        if (moved := _moved_to(now, sent)) is not None:
            # With its form: what was typed for a job is never put into another one unseen.
            return RedirectResponse(f"{frame.root}{wizard.draft_address}/{moved.path}", 307)
        typed = replace(now.view.draft, text=(again or edit)(now.view.draft.text))
        return show(replace(wizard, view=drafts.judged(store, visitor, typed), alert=_stale(now, sent)), 409)
    except DirectorySyncError as error:
        if isinstance(error, StoreError | DraftNotFound):
            raise
        kept = replace(wizard, view=_with_typed(store, visitor, wizard, sent, again))
        return show(replace(kept, alert=str(error)), status_of(error))
    view = drafts.judged(store, visitor, written)
    return leave(frame, replace(wizard, view=view), sent.do)


def _moved_to(now: Wizard, sent: SentStep) -> Place | None:
    """The same step of the job that a form is of, where another window has moved that job; None if it has
    not, or if that cannot be told.
    """
    job = sent.values.get("of_job", "")
    if not job or now.place.job is None or job == now.job_name:
        return None
    with contextlib.suppress(DefinitionError):
        places = [place for place, name in enumerate(job_names(now.view.draft.text)) if name == job]
        if len(places) == 1:
            return Place(now.place.step, places[0])
    return None


def _stale(now: Wizard, sent: SentStep) -> str:
    """What is said of a form that was made of an older state of the draft."""
    job = sent.values.get("of_job", "")
    if now.alone or not job or job == now.job_name:
        return _STALE
    return _OTHER_JOB.format(old=job, new=now.job_name or "another job")


def _with_typed(
    store: Store, visitor: Visitor, wizard: Wizard, sent: SentStep, again: Edit | None
) -> DraftView:
    """The draft with what was typed, where only what a button should do besides was refused."""
    draft = wizard.view.draft
    if again is not None:
        with contextlib.suppress(DefinitionError, DraftError):
            written = drafts.write(store, visitor, draft, expected=sent.number, text=again(draft.text))
            return drafts.judged(store, visitor, written)
    return wizard.view


def leave(frame: Frame, wizard: Wizard, do: str) -> Response:
    """Where a button leads once everything is kept."""
    here = f"{frame.root}{wizard.address}"
    draft = f"{frame.root}{wizard.draft_address}"
    if (goes := _GOES.fullmatch(do)) is not None:
        return RedirectResponse(f"{draft}/{goes[1]}", 303)
    if do == "yaml":
        return RedirectResponse(f"{draft}/yaml?from={wizard.place.path}", 303)
    if do == "back":
        return RedirectResponse(f"{draft}/{before(wizard).path}", 303)
    if do == "next":
        if wizard.errors_here:
            return RedirectResponse(f"{here}?checked=yes#problems", 303)
        return RedirectResponse(f"{draft}/{after(wizard).path}", 303)
    return RedirectResponse(f"{here}?done=saved", 303)


def before(wizard: Wizard) -> Place:
    """The step before this one; before a job's first step is the list of jobs."""
    index = wizard.position - 1
    if index > 0:
        return Place(wizard.steps[index - 1].name, wizard.place.job)
    return wizard.place if wizard.place.job is None or wizard.alone else Place("jobs")


def after(wizard: Wizard) -> Place:
    """The step after this one; after a job's last step is the list of jobs."""
    if not wizard.last:
        return Place(wizard.steps[wizard.position].name, wizard.place.job)
    return wizard.place if wizard.place.job is None else Place("jobs")
