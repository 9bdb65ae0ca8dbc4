"""Previews that people ask for on pages and through the REST API: of a collection as it is saved, of an edit,
and of what is not saved at all.

A question is stored, and a run of the internal DAG is started for it, which answers it on a worker. The
person who has asked sees the answer for a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from directory_sync.collections.saving import no_such_collection
from directory_sync.definition.loading import Loaded
from directory_sync.definition.models import Collection, Job
from directory_sync.definition.secrets import secret_fields
from directory_sync.errors import (
    DefinitionError,
    DirectorySyncError,
    NotDecidable,
    PreviewError,
    PreviewNotFound,
    QueryError,
)
from directory_sync.own_dags import PREVIEWS_DAG_ID
from directory_sync.plan.comparison import Difference
from directory_sync.portal import airflow_runs, collections
from directory_sync.portal.access import Visitor
from directory_sync.portal.changes import integrity_of, visible_plan
from directory_sync.portal.codes import PreviewStanding
from directory_sync.portal.collection_overview import definition_in_file
from directory_sync.portal.comparing import ShownDifference, shown_difference
from directory_sync.portal.definition_cache import DEFINITIONS
from directory_sync.portal.integrity import Checked, worst
from directory_sync.portal.preview_rights import own_question
from directory_sync.portal.queries import EffectQuery
from directory_sync.portal.runs import RunJob, run_job
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.store.plan_pages import ChangeFilter, StoredChange
from directory_sync.store.preview_model import (
    PreviewState,
    Question,
    QuestionKind,
    Side,
    StoredEffects,
    run_id_of,
)
from directory_sync.store.store import Store

UNHEARD = 60
"""Seconds after which a page says that no worker has taken a question."""


@dataclass(frozen=True, slots=True)
class PreviewJob:
    """One job of an answer.

    Attributes:
        name: of the job.
        asked: by the definition that was asked about; None if that does not have it, or not yet.
        saved: by the saved version that it is compared with; None likewise.
        effects: what the edit causes; None where nothing was compared.
    """

    name: str
    asked: RunJob | None
    saved: RunJob | None
    effects: StoredEffects | None


@dataclass(frozen=True, slots=True)
class PreviewView:
    """A preview.

    Attributes:
        question: what was asked.
        newer: number of the saved version that is the newest now, where that is another one than the question
            names; None otherwise.
    """

    question: Question
    standing: PreviewStanding
    jobs: tuple[PreviewJob, ...]
    newer: int | None

    def job(self, name: str) -> PreviewJob | None:
        """The job of that name, or None."""
        return next((job for job in self.jobs if job.name == name), None)


@dataclass(frozen=True, slots=True)
class ShownEffects:
    """A page of what an edit causes at one job.

    Attributes:
        differences: objects, worst first.
        next: what to give as `after` to see what follows; None at the end.
        total: how many objects are asked for, on all pages.
        integrity: whether both plans are what was stored.
    """

    effects: StoredEffects
    differences: tuple[ShownDifference, ...]
    next: int | None
    total: int
    integrity: Checked


# -- asking --------------------------------------------------------------------------------------------------


def ask_kept(store: Store, visitor: Visitor, name: str, *, jobs: Sequence[str] = ()) -> Question:
    """Ask what a collection would do as it is saved, or as its file says.

    Raises CollectionNotFound for what the visitor may not see; NotAllowed if they may not start its runs;
    DefinitionError if it cannot be used; QueryError for a job that it does not have; PreviewError.
    """
    if not visitor.may_see(name):
        raise no_such_collection(name)
    rules = saving_rules(visitor, only_looks=True)
    saved = store.collections.get(name)
    if saved is not None:
        found, kind, text = DEFINITIONS.judge(saved.document, rules.templates), QuestionKind.SAVED, saved.text
    else:
        in_file = definition_in_file(rules, name)
        if in_file is None:
            visitor.require_run(name)
            if store.collections.origin(name) is None:
                raise no_such_collection(name)
            raise PreviewError(
                f"The file of the collection {name} cannot be read from Airflow's API server. Run it with the"
                " choice Preview only instead."
            )
        found, kind, text = in_file, QuestionKind.FILE, in_file.document.text
    visitor.require_run(name)
    if not isinstance(found, Loaded):
        raise DefinitionError(found.problems)
    _require_jobs(found.collection, jobs)
    return _ask(
        store,
        visitor,
        name,
        kind,
        text,
        version=None if saved is None else saved.number,
        revision=None if saved is None else saved.revision,
        jobs=jobs,
    )


def ask_text(
    store: Store, visitor: Visitor, text: str, *, name: str | None = None, jobs: Sequence[str] = ()
) -> Question:
    """Ask what a text would do: an edit of a saved collection, or a new one.

    `name`: the collection that it is to be; None for the one that it names.

    Raises what saving it and running it would raise: EditRefused, RulesBroken, DefinitionError, NameTaken,
    NotAllowed; QueryError for a job that it does not have; PreviewError.
    """
    checked, name = collections.require_savable(store, visitor, text, name=name)
    visitor.require_run(name)
    assert checked.collection is not None
    _require_jobs(checked.collection, jobs)
    newest = checked.newest
    return _ask(
        store,
        visitor,
        name,
        QuestionKind.TEXT,
        checked.text,
        version=None if newest is None else newest.number,
        revision=None if newest is None else newest.revision,
        jobs=jobs,
    )


def cancel(store: Store, visitor: Visitor, id: str) -> Question:
    """End a preview that no one needs any more. One that has ended stays as it is. Raises PreviewNotFound."""
    question = require_own(store, visitor, id)
    if store.previews.finish(id, PreviewState.CANCELLED):
        _audit("cancel_preview", visitor, question)
    return require_own(store, visitor, id)


def _require_jobs(collection: Collection, jobs: Sequence[str]) -> None:
    has = [job.name for job in collection.jobs]
    if unknown := [job for job in jobs if job not in has]:
        raise QueryError(
            {"jobs": f"The collection has no job {unknown[0]!r}. It has {', '.join(has) or 'none'}."}
        )
    if not jobs and not collection.enabled_jobs:
        raise QueryError({"jobs": "None of its jobs is enabled. Enable one, or preview one by its name."})


def _ask(store: Store, visitor: Visitor, name: str, kind: QuestionKind, text: str, **given: Any) -> Question:
    question = store.previews.ask(visitor.person, name, kind, text, **given)
    try:
        airflow_runs.start_run(
            PREVIEWS_DAG_ID,
            by=visitor.person.name,
            conf={"question": question.id},
            run_id=question.run_id,
        )
    except DirectorySyncError as error:
        store.previews.withdraw(question.id)
        if isinstance(error, NotDecidable):
            raise PreviewError(
                f"A preview cannot begin, because Airflow cannot run its DAG {PREVIEWS_DAG_ID} now: it is"
                " switched off, has not been read yet, or has import errors. Ask an administrator of Airflow"
                " to look at it; directory-sync doctor tells what is missing."
            ) from None
        raise
    _audit("preview_collection", visitor, question)
    return question


def _audit(action: str, visitor: Visitor, question: Question) -> None:
    facts = {"kind": question.kind.value, "version": question.version, "jobs": list(question.jobs)}
    airflow_runs.write_audit_log(
        f"directory_sync.{action}",
        by=visitor.person.name,
        dag_id=question.collection,
        run_id="",
        task_id="",
        extra={"collection": question.collection, "preview": question.run_id, **facts},
    )


# -- looking -------------------------------------------------------------------------------------------------


def require_own(store: Store, visitor: Visitor, id: str) -> Question:
    """A question that the visitor has asked, and may see. Raises PreviewNotFound."""
    question = own_question(store, visitor, id)
    if question is None:
        raise PreviewNotFound(
            "There is no such preview of yours. A preview is shown to the person who has asked for it, as"
            " long as that person may, and is deleted after a day. Ask for another one."
        )
    return question


def read_preview(store: Store, visitor: Visitor, id: str) -> PreviewView:
    """A preview with what is known of its answer. Raises PreviewNotFound, StoreError."""
    question = require_own(store, visitor, id)
    asked, saved = (_jobs(store, question, side) for side in Side)
    effects = store.previews.effects(id)
    names = dict.fromkeys([*asked, *saved])
    jobs = tuple(PreviewJob(name, asked.get(name), saved.get(name), effects.get(name)) for name in names)
    newest = None if question.version is None else store.collections.get(question.collection)
    newer = newest.number if newest is not None and newest.revision != question.revision else None
    return PreviewView(question, _standing(visitor, question), jobs, newer)


def read_effects(store: Store, visitor: Visitor, id: str, job: str, query: EffectQuery) -> ShownEffects:
    """A page of what an edit causes at one job. Raises PreviewNotFound if nothing was compared there."""
    require_own(store, visitor, id)
    found = store.previews.effects(id).get(job)
    if found is None:
        raise PreviewNotFound(f"Nothing was compared at job {job}. Its preview says why.")
    if query.group is not None and query.group > len(found.effects.groups):
        raise QueryError({"group": f"There are {len(found.effects.groups)} groups."})
    group = None if query.group is None else query.group - 1
    plans = (found.old_plan, found.new_plan)
    heads = [None if plan is None else visible_plan(store, visitor, plan) for plan in plans]
    if query.search:
        filter = ChangeFilter(query.search)
        held = [
            frozenset[int]() if plan is None else frozenset(store.plan_pages.places(plan, filter))
            for plan in plans
        ]
        matching = found.effects.matching(group, *held)
        places, total = matching[query.after : query.after + query.limit], len(matching)
    else:
        places = found.effects.page(group, query.after, query.limit)
        total = found.effects.number if group is None else found.effects.groups[group].number
    changes: list[dict[int, StoredChange]] = [
        {}
        if plan is None
        else store.plan_pages.at(plan, [place[side] for place in places if place[side] is not None])  # type: ignore[misc]
        for side, plan in enumerate(plans)
    ]
    jobs = [None if head is None else head[1] for head in heads]
    shown = []
    for place in places:
        old, new = (None if each is None else changes[side].get(each) for side, each in enumerate(place))
        if old is not None or new is not None:
            shown.append(_difference(old, new, jobs))
    after = query.after + len(places)
    integrity = worst([integrity_of(store, head[0]) for head in heads if head is not None])
    return ShownEffects(found, tuple(shown), after if places and after < total else None, total, integrity)


def _difference(
    old: StoredChange | None, new: StoredChange | None, jobs: Sequence[Job | None]
) -> ShownDifference:
    difference = Difference.of(None if old is None else old.change, None if new is None else new.change)
    secrets = [secret_fields(job) for job in jobs if job is not None]

    def is_secret(field: str) -> bool:
        # Of both definitions: an edit that makes a field public shows no value that the saved one hides.
        return any(each(field) for each in secrets)

    return shown_difference(difference, is_secret, is_secret)


def _jobs(store: Store, question: Question, side: Side) -> dict[str, RunJob]:
    run_id = run_id_of(question.id, side)
    snapshot = store.runs.find(PREVIEWS_DAG_ID, run_id)
    if snapshot is None:
        return {}
    results = store.runs.job_results(PREVIEWS_DAG_ID, run_id)
    by_name = {job.name: job for job in snapshot.collection.jobs}
    return {
        result.job: run_job(store, snapshot, by_name[result.job], result)
        for result in results
        if result.job in by_name
    }


_ENDED = {
    PreviewState.DONE: PreviewStanding.DONE,
    PreviewState.FAILED: PreviewStanding.FAILED,
    PreviewState.CANCELLED: PreviewStanding.CANCELLED,
    PreviewState.EXPIRED: PreviewStanding.EXPIRED,
}


def _standing(visitor: Visitor, question: Question) -> PreviewStanding:
    if question.state in _ENDED:
        return _ENDED[question.state]
    run = visitor.rights.run_of(PREVIEWS_DAG_ID, question.run_id)
    gone = run.told and (run.identity is None or run.over)
    if question.state is PreviewState.RUNNING:
        return PreviewStanding.LOST if gone else PreviewStanding.RUNNING
    if gone:
        return PreviewStanding.NOT_STARTED
    if run.told and run.paused:
        return PreviewStanding.PAUSED
    waited = (question.now - question.asked).total_seconds()
    return PreviewStanding.NO_WORKER if waited > UNHEARD else PreviewStanding.WAITING
