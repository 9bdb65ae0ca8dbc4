"""The jobs of all collections that a visitor may see, to be copied into the one that they write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from directory_sync.collections.job_texts import copied_jobs, free_name, job_names, named_job, with_jobs
from directory_sync.definition.documents import Document
from directory_sync.definition.export import as_yaml
from directory_sync.definition.loading import Loaded, judge
from directory_sync.definition.models import Collection, Job
from directory_sync.definition.templates import Templates
from directory_sync.errors import DraftError
from directory_sync.forms.rewriting import data_of
from directory_sync.forms.values import plain
from directory_sync.portal.access import Visitor
from directory_sync.portal.collection_list import Listed, read_all
from directory_sync.portal.collection_overview import definition_in_file
from directory_sync.portal.definition_cache import DEFINITIONS
from directory_sync.portal.drafts import with_any_job
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.store.store import Store

SHOWN = 100
"""Jobs that one look shows; a search finds the others."""
_MOST_COPIED = 200
_FOR_ALL_JOBS = ("template", "approval", "limits", "limit_window")


@dataclass(frozen=True, slots=True)
class ExistingJob:
    """A job that can be copied.

    Attributes:
        key: names it in forms: `collection/job`.
        title: of its collection.
        chosen: it was ticked before the search.
    """

    key: str
    title: str
    job: Job
    chosen: bool


@dataclass(frozen=True, slots=True)
class ExistingJobs:
    """Some of them.

    Attributes:
        rows: those that were ticked first.
        found: how many the search finds; `total` how many there are.
    """

    rows: tuple[ExistingJob, ...]
    found: int
    total: int


def find_jobs(store: Store, visitor: Visitor, search: str, chosen: Iterable[str]) -> ExistingJobs:
    """The jobs that a search finds, in all collections that the visitor may see."""
    keys = frozenset(chosen)
    collections, _ = read_all(store, visitor)
    every = list(_jobs(collections, keys))
    wanted = search.casefold().split()
    found = [each for each in every if all(word in _searched(each) for word in wanted)]
    rows = [*(each for each in every if each.chosen), *(each for each in found if not each.chosen)]
    return ExistingJobs(tuple(rows[: max(SHOWN, len(keys))]), len(found), len(every))


def with_existing(store: Store, visitor: Visitor, text: str, keys: Sequence[str]) -> str:
    """A definition with copies of these jobs at its end, each by a name that is free.

    Raises DraftError for a job that is gone, or that the visitor may not see; DefinitionError if the text
    cannot be read.
    """
    if len(keys) > _MOST_COPIED:
        raise DraftError(f"At most {_MOST_COPIED} jobs are copied at once. Choose fewer of them.")
    into = _for_all_jobs(text, saving_rules(visitor, only_looks=True).templates)
    wanted = [(collection, job) for collection, _, job in (key.partition("/") for key in dict.fromkeys(keys))]
    copies: dict[tuple[str, str], str] = {}
    for collection in dict.fromkeys(collection for collection, _ in wanted):
        loaded = _loaded(store, visitor, collection)
        places = {} if loaded is None else {job.name: at for at, job in enumerate(loaded.collection.jobs)}
        names = [job for of, job in wanted if of == collection]
        if loaded is None or any(job not in places for job in names):
            gone = next((job for job in names if job not in places), "")
            raise DraftError(
                f"There is no job {gone} in a collection {collection} that you may see (any more). Nothing"
                " was copied; choose again."
            )
        texts = copied_jobs(loaded, [places[job] for job in names], into)
        copies |= {(collection, job): copy for job, copy in zip(names, texts, strict=True)}
    taken, jobs = job_names(text), []
    for collection, job in wanted:
        taken.append(free_name(job, taken))
        jobs.append(named_job(copies[collection, job], taken[-1]))
    return with_jobs(text, jobs) if jobs else text


def _for_all_jobs(text: str, templates: Templates) -> Collection | None:
    """A definition as far as it says what counts for all of its jobs, whatever else is wrong with it; None
    where that cannot be told.
    """
    data = {key: value for key, value in data_of(text).items() if key in _FOR_ALL_JOBS}
    found = judge(Document("", with_any_job(as_yaml(plain(data)), template=True), "definition"), templates)
    return found.collection if isinstance(found, Loaded) else None


def _jobs(collections: Iterable[Listed], chosen: frozenset[str]) -> Iterator[ExistingJob]:
    for listed in collections:
        for job in () if listed.collection is None or listed.name is None else listed.collection.jobs:
            key = f"{listed.name}/{job.name}"
            yield ExistingJob(key, listed.title, job, key in chosen)


def _searched(each: ExistingJob) -> str:
    job = each.job
    parts = (each.key, each.title, job.description, job.source.text, job.destination.text, job.object.value)
    return "\n".join(parts).casefold()


def _loaded(store: Store, visitor: Visitor, name: str) -> Loaded | None:
    if not visitor.may_see(name):
        return None
    rules = saving_rules(visitor, only_looks=True)
    saved = store.collections.get(name)
    found = (
        DEFINITIONS.judge(saved.document, rules.templates)
        if saved is not None
        else definition_in_file(rules, name)
    )
    return found if isinstance(found, Loaded) else None
