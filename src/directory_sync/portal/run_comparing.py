"""A run next to the one before it: figures, and what only one of the two touched."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from itertools import islice

from directory_sync.definition.models import Job
from directory_sync.definition.secrets import secret_fields
from directory_sync.errors import PlanAltered, PlanMismatch, QueryError, RequestNotFound
from directory_sync.plan.patterns.model import PatternLine, Patterns
from directory_sync.portal.access import Visitor
from directory_sync.portal.runs import RunJob, RunView, plan_head, read_run
from directory_sync.present.shown import ShownChange, visible
from directory_sync.store.collection_names import Origin
from directory_sync.store.plan_pages import PlanHead
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store

SHOWN_OBJECTS = 10
"""Objects that are named on each side; the report has all."""


@dataclass(frozen=True, slots=True)
class OnlyIn:
    """What only one of two plans of a job touches.

    Attributes:
        objects: how many objects; `first`: changes of the first of them.
        patterns: lines that the other plan does not have; None where they are not known of both.
    """

    objects: int
    first: tuple[ShownChange, ...]
    patterns: tuple[PatternLine, ...] | None


@dataclass(frozen=True, slots=True)
class JobPair:
    """One job in both runs.

    Attributes:
        old, new: None where a run does not have the job.
        only_old, only_new: None where one of the two has no plan.
    """

    name: str
    old: RunJob | None
    new: RunJob | None
    only_old: OnlyIn | None
    only_new: OnlyIn | None


@dataclass(frozen=True, slots=True)
class DefinitionChange:
    """The definitions of two runs differ.

    `old`, `new`: numbers of the saved versions; 0 where they are not two versions of a saved collection.
    """

    old: int
    new: int


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Two runs of a collection.

    Attributes:
        old: None where there is no run before the new one.
        jobs: in the order of the newer definition; those of the older one alone follow.
        definition: None where both went by the same.
    """

    old: RunView | None
    new: RunView
    jobs: tuple[JobPair, ...]
    definition: DefinitionChange | None


def compare_runs(
    store: Store, visitor: Visitor, collection: str, run_id: str, other: str = ""
) -> RunComparison:
    """A run next to another one of its collection: if `other` is empty, the one before it that was no
    preview.

    Raises RequestNotFound if there is no such run that the visitor may see, QueryError for an `other` that
    there is not.
    """
    new = read_run(store, visitor, collection, run_id)
    chosen = (
        (collection, other)
        if other
        else store.run_overview.before(new.snapshot.current_name, new.snapshot.id)
    )
    if chosen is None:
        return RunComparison(None, new, (), None)
    try:
        old = read_run(store, visitor, *chosen)
    except RequestNotFound:
        raise QueryError({"with": "This collection has no such run."}) from None
    names = [each.job.name for each in new.jobs]
    names += [each.job.name for each in old.jobs if each.job.name not in names]
    jobs = tuple(_pair(store, name, old.job(name), new.job(name)) for name in names)
    return RunComparison(old, new, jobs, _definition(old.snapshot, new.snapshot))


def _pair(store: Store, name: str, old: RunJob | None, new: RunJob | None) -> JobPair:
    before, now = plan_head(store, old), plan_head(store, new)
    if before is None or now is None or old is None or new is None:
        return JobPair(name, old, new, None, None)
    patterns = _patterns(store, before), _patterns(store, now)
    return JobPair(
        name,
        old,
        new,
        _only_in(store, old.job, before, now, patterns[0], patterns[1]),
        _only_in(store, new.job, now, before, patterns[1], patterns[0]),
    )


def _only_in(
    store: Store,
    job: Job,
    here: PlanHead,
    there: PlanHead,
    own: Patterns | None,
    others: Patterns | None,
) -> OnlyIn:
    found = store.plan_pages.only_in(here.id, there.id)
    is_secret = secret_fields(job)
    first = tuple(visible(change, is_secret) for change in islice(found, SHOWN_OBJECTS))
    lines = None
    if own is not None and others is not None:
        known = {_shape(line) for line in others.lines}
        lines = tuple(line for line in own.lines if _shape(line) not in known)
    return OnlyIn(len(found), first, lines)


def _shape(line: PatternLine) -> tuple[object, ...]:
    """What makes lines of two plans the same one."""
    return (line.action, line.fields, line.moved_to, line.marks)


def _patterns(store: Store, head: PlanHead) -> Patterns | None:
    with contextlib.suppress(PlanAltered, PlanMismatch):  # the page of the job says so
        return store.plan_patterns.of(head.id)
    return None


def _definition(old: Snapshot, new: Snapshot) -> DefinitionChange | None:
    if old.digest == new.digest:
        return None
    if _is_saved(old) and _is_saved(new) and old.version != new.version:
        return DefinitionChange(int(old.version), int(new.version))
    return DefinitionChange(0, 0)


def _is_saved(snapshot: Snapshot) -> bool:
    origin: Origin | None = snapshot.came_from
    return origin is not None and origin.file is None and snapshot.version.isdigit()
