"""Answers a question that a person has asked on a page: what a definition would do, and, of an edit, what the
edit itself causes.

Nothing is written to a destination, learnt, asked for or told; all there is afterwards is the answer.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Collection as Roles
from dataclasses import dataclass, field, replace

from directory_sync.definition.documents import Document
from directory_sync.definition.loading import Loaded, judge
from directory_sync.definition.models import Collection, Job
from directory_sync.definition.saved_documents import saved_document
from directory_sync.definition.support import refuse_unsupported
from directory_sync.endpoints.registry import kind_of
from directory_sync.errors import DefinitionError, PreviewError, StoreError
from directory_sync.plan.effects import apart, effects_of
from directory_sync.plan.planning import Progress, Stage
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import preview_job, start_of
from directory_sync.run.opening import Earlier
from directory_sync.run.policies import rules_for
from directory_sync.run.result import JobResult
from directory_sync.run.shared_listings import SharedListings, shared_listings
from directory_sync.run.stored_preview import store_preview
from directory_sync.run.verdict import Start
from directory_sync.run.verdict_text import forecast_text
from directory_sync.store import preview_model
from directory_sync.store.preview_model import PreviewState, Question, QuestionKind, Side
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store

_REPORT_EVERY = 1.0
"""Seconds between two notes of how far an answer is."""
_MANUAL = "manual"
"""What would start a run that the person starts after the preview."""

log = logging.getLogger(__name__)


class NoLongerAsked(PreviewError):
    """The person has cancelled, or the time of the question is over."""


@dataclass(slots=True)
class _SideAtWork:
    """The plans of one definition in the making.

    Attributes:
        roles: that its connections are judged by; None for a file's.
        jobs: that are planned, in order.
        earlier: what was planned before; `results` by job.
    """

    side: Side
    collection: Collection
    snapshot: Snapshot
    roles: Roles[str] | None
    jobs: Sequence[Job]
    earlier: list[Earlier] = field(default_factory=list)
    results: dict[str, JobResult] = field(default_factory=dict)

    def job(self, name: str) -> Job | None:
        """The job that is planned by this name, or None."""
        return next((job for job in self.jobs if job.name == name), None)


def answer(store: Store, question: Question, deployment: Deployment, *, progress: Progress) -> PreviewState:
    """Answer a question that was claimed; return the state that it then has.

    Args:
        store: keeps the answer.
        question: from `Previews.claim`.
        deployment: connections and settings.
        progress: hears how far each plan is.

    Raises NoLongerAsked; StoreError; and what keeps the definition as a whole from being planned
    (DefinitionError, PreviewError, UnsupportedError). What goes wrong with one job is part of the answer.
    """
    asked = _asked_side(store, question, deployment)
    saved = _saved_side(store, question, deployment) if question.is_edit else None
    sides = [asked] if saved is None else [asked, saved]
    refuse_unsupported(asked.collection, asked.jobs, script_modules=deployment.script_modules)
    total, number = sum(len(side.jobs) for side in sides), 0
    for name in _names(sides):
        jobs = [(side, job) for side in sides if (job := side.job(name)) is not None]
        shared = shared_listings(*(job for _, job in jobs)) if len(jobs) > 1 else None
        with contextlib.closing(shared) if shared is not None else contextlib.nullcontext():
            for side, job in jobs:
                number += 1
                told = _Told(store, question, side.side, name, number, total, progress)
                _plan(store, question, side, job, deployment, told, shared)
        if saved is not None:
            _compare(store, question, name, asked, saved)
    return PreviewState.DONE


def _asked_side(store: Store, question: Question, deployment: Deployment) -> _SideAtWork:
    name = question.collection
    origin = version = ""
    roles: Roles[str] | None = question.roles
    document = Document(name, question.text, name)
    if question.kind is QuestionKind.SAVED:
        document = saved_document(name, question.version or 0, question.text)
        origin, version, roles = document.origin, document.version, _roles_of_version(store, question)
    elif question.kind is QuestionKind.FILE:
        roles = None  # roles do not bind what the deployment itself has laid down
    collection = _load(document, deployment)
    jobs = _chosen(collection, question)
    if not jobs:
        raise PreviewError(
            "The definition has no job that runs would have. Enable one, or preview one by its name."
        )
    snapshot = store.previews.begin_side(question, Side.ASKED, collection, origin=origin, version=version)
    return _SideAtWork(Side.ASKED, collection, snapshot, roles, jobs)


def _saved_side(store: Store, question: Question, deployment: Deployment) -> _SideAtWork | None:
    found = store.collections.of_revision(question.revision or 0)
    if found is None:
        return None
    document = saved_document(found.name, found.number, found.text)
    try:
        collection = _load(document, deployment)
    except DefinitionError as error:
        log.warning("The saved version cannot be used, so nothing is compared with it. %s", error)
        return None
    snapshot = store.previews.begin_side(
        question, Side.SAVED, collection, origin=document.origin, version=document.version
    )
    roles = found.roles if found.verified else ()
    return _SideAtWork(Side.SAVED, collection, snapshot, roles, _chosen(collection, question))


def _roles_of_version(store: Store, question: Question) -> Roles[str]:
    """Those stored with the version that is asked about. Raises PreviewError if its collection was deleted
    or renamed since, also if another one has its name.
    """
    version = store.collections.of_revision(question.revision or 0)
    newest = store.collections.get(question.collection)
    if version is None or newest is None or newest.collection_id != version.collection_id:
        raise PreviewError(
            f"The collection {question.collection} was deleted or renamed after the preview was asked for."
            " Nothing was read."
        )
    return version.roles if version.verified else ()


def _load(document: Document, deployment: Deployment) -> Collection:
    found = judge(document, deployment.templates)
    if not isinstance(found, Loaded):
        raise DefinitionError(found.problems)
    return found.collection


def _chosen(collection: Collection, question: Question) -> list[Job]:
    if not question.jobs:
        return list(collection.enabled_jobs)
    return [job for job in collection.jobs if job.name in question.jobs]


def _names(sides: Sequence[_SideAtWork]) -> Iterator[str]:
    """All jobs, in the order of the definition that is asked about; those that only the other has at the
    end.
    """
    yield from dict.fromkeys(job.name for side in sides for job in side.jobs)


def _plan(
    store: Store,
    question: Question,
    side: _SideAtWork,
    job: Job,
    deployment: Deployment,
    told: _Told,
    shared: SharedListings | None,
) -> None:
    told.look()
    attempt = store.runs.start_job(side.snapshot.id, job.name)
    result = preview_job(
        side.collection,
        job,
        deployment=deployment,
        store=store,
        start=_start(store, question, side, job, deployment),
        earlier=side.earlier,
        progress=told,
        run_id=question.id,
        roles=side.roles,
        shared=shared,
    )
    told.look()
    if result.forecast is not None and (text := forecast_text(result.forecast)):
        result = replace(result, message=f"{result.message} {text}")
    result = store_preview(store, attempt.id, side.collection.name, result)
    side.results[job.name] = result
    if result.digest:
        side.earlier.append(Earlier(job.name, result.destination, result.changes, result.findings))


def _start(store: Store, question: Question, side: _SideAtWork, job: Job, deployment: Deployment) -> Start:
    """How a run would begin that the person starts now."""
    start = Start(None, _MANUAL, question.asked_by)
    if question.kind is QuestionKind.TEXT and side.side is Side.ASKED:
        return start  # of what is not saved there is no history
    rules = rules_for(side.collection, None, job, deployment.approval_minimum)
    found = start_of(store, side.snapshot, job, rules, deployment)
    return replace(start, edits=found.edits)


def _compare(store: Store, question: Question, name: str, asked: _SideAtWork, saved: _SideAtWork) -> None:
    """Store what the edit causes at one job, unless one of its plans could not be made."""
    new, old = asked.results.get(name), saved.results.get(name)
    if any(result is not None and not result.digest for result in (new, old)):
        return
    old_changes = () if old is None else old.changes
    new_changes = () if new is None else new.changes
    if old is not None and new is not None and old.destination != new.destination:
        effects = apart(old_changes, new_changes)
    else:
        job = asked.job(name) or saved.job(name)
        assert job is not None
        # Names in directories differ in the case of letters without naming something else.
        ids: Callable[[str], str] = str.casefold if kind_of(job.destination).folds_ids else str
        effects = effects_of(old_changes, new_changes, normalise=ids)
    store.previews.save_effects(
        question.id,
        name,
        effects,
        old_plan=None if old is None else old.plan_id,
        new_plan=None if new is None else new.plan_id,
        same_listing=old is None or new is None or old.evidence == new.evidence,
    )


class _Told:
    """Notes how far one plan is, and breaks it off when no one waits for it any more."""

    def __init__(
        self, store: Store, question: Question, side: Side, job: str, number: int, jobs: int, also: Progress
    ) -> None:
        self._store, self._question, self._also = store, question, also
        self._side, self._job, self._number, self._jobs = side, job, number, jobs
        self._next = 0.0

    def look(self) -> None:
        """Raise NoLongerAsked if no one waits for the answer any more."""
        if not self._store.previews.report(self._question.id):
            raise NoLongerAsked("The preview was cancelled. Nothing was written.")

    def __call__(self, stage: Stage, done: int, total: int | None) -> None:
        """Called by the plan in the making, as often as it likes."""
        self._also(stage, done, total)
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _REPORT_EVERY
        at = preview_model.Progress(
            self._side.value, self._job, self._number, self._jobs, stage.value, done, total
        )
        try:
            waited_for = self._store.previews.report(self._question.id, at)
        except StoreError as error:
            log.warning("How far the preview is could not be noted. %s", error)
            return
        if not waited_for:
            raise NoLongerAsked("The preview was cancelled. Nothing was written.")
