"""Versions of a saved collection that no one but the person who saved them has approved, for one job.

A person who saves what a job does causes its plans as much as the person who starts the run. They count as a
requester until a plan that was made by their version, or by a later one, was approved by another person. What
is saved under a name counts even if it was deleted and saved again since. A job that does the same as one
before it, and only has another name, is still the work of the people who saved that one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import Any

from pydantic import ValidationError

from directory_sync.approval.people import identity
from directory_sync.approval.request import Edit, SavedDefinition
from directory_sync.collections.changes import ChangeCode, DefinitionChange, compare
from directory_sync.definition.job_meaning import as_it_counts
from directory_sync.definition.loading import Loaded, judge
from directory_sync.definition.models import Collection
from directory_sync.definition.saved_documents import is_saved, origin_of
from directory_sync.definition.templates import Templates
from directory_sync.store.collection_versions import VersionFacts
from directory_sync.store.earlier_runs import Approval
from directory_sync.store.runs import TERMINAL, Snapshot
from directory_sync.store.store import Store

MOST_READ = 200
"""Versions that are looked into; an older one counts as a change of the job."""
MOST_WEAKENING = 50
"""Changes that protect less which are noted with a request; of the rest only that there are more."""

_MAY_NAME = frozenset({ChangeCode.JOB_ADDED, ChangeCode.CREATED, ChangeCode.UNKNOWN, ChangeCode.MORE})
"""What a version notes that brings a name which the version before did not have."""

Meaning = Mapping[str, Any] | None
"""What a job does in one version; None where there is no such job."""


class JobHistory:
    """What was saved of one job, as a run finds it."""

    def __init__(
        self,
        store: Store,
        snapshot: Snapshot,
        job: str,
        templates: Templates,
        *,
        with_schedule: bool = False,
    ) -> None:
        """Look at what is saved under the collection's name now.

        Args:
            store: keeps the versions, and what was approved.
            snapshot: the run.
            job: one of its jobs.
            templates: that saved collections may use.
            with_schedule: when the collection runs by itself counts as part of the job. Where scheduled runs
                need no approval, who changes the schedule causes a run as much as who starts one.
        """
        self._store, self._job, self._templates = store, job, templates
        self._with_schedule = with_schedule
        self._run_version = _number(snapshot)
        name = snapshot.collection.name
        versions = store.collections.history(name)
        is_there = bool(versions) and not versions[0].deleted
        exists = is_there and store.collections.renamed_to(name) is None
        if self._run_version is None and not (snapshot.trigger == TERMINAL and exists):
            versions = []  # what Airflow runs from a file, no one has saved here
        self._versions = versions
        self._collections: dict[int, Collection | None] = {}
        self.newest = versions[0] if exists and versions else None

    @property
    def newest_revision(self) -> int | None:
        """The revision of the newest version; None if nothing is saved under the name now."""
        return None if self.newest is None else self.newest.revision

    @property
    def newest_collection(self) -> Collection | None:
        """The newest version; None if there is none, or this version of the package cannot use it."""
        return None if self.newest is None else self._collection(self.newest)

    def saved_definition(self) -> SavedDefinition | None:
        """What a request for a plan of the job is to say; None if nothing is saved of it."""
        if not self._versions:
            return None
        return SavedDefinition(self._run_version, tuple(_bounded(self._edits())))

    def changed(self) -> datetime | None:
        """When the job became what it is in the run's version; None for a job from a file."""
        versions = self._versions
        while versions and versions[0].number != self._run_version:
            versions = versions[1:]
        for index, version in enumerate(versions):
            if self._changes_job(version, versions[index + 1 :], index):
                return version.saved
        return None

    def _edits(self) -> Iterator[Edit]:
        """Newest first."""
        for index, version in enumerate(self._versions):
            if version.deleted:
                continue
            older = self._versions[index + 1 :]
            # Who agreed to what was made by this version or a later one.
            agreed = {person for revision, person in self._agreed if revision >= version.revision}
            if len(agreed) > 1:
                return
            by_other = not agreed <= {identity(version.saved_by)}
            weakening = () if agreed else tuple(self._weakening(version, older))
            changes_job = not by_other and self._changes_job(version, older, index)
            if changes_job or weakening:
                yield Edit(version.number, version.saved_by, version.saved, changes_job, weakening)

    def _changes_job(self, version: VersionFacts, older: list[VersionFacts], index: int) -> bool:
        if index >= MOST_READ:
            return True
        if self._collection(version) is None:
            return True  # what cannot be read may be anything
        if _begins(version, older):
            return self._meaning(version) is not None
        if not older[0].deleted and self._collection(older[0]) is None:
            return True
        return self._meaning(version) != self._meaning(older[0]) or (
            self._with_schedule and self._firings(version) != self._firings(older[0])
        )

    def _firings(self, version: VersionFacts) -> Any:
        collection = self._collection(version)
        return None if collection is None else (collection.schedule, collection.start, collection.end)

    def _weakening(self, version: VersionFacts, older: list[VersionFacts]) -> Iterable[Mapping[str, Any]]:
        if older and _begins(version, older):
            # It was made again: what is different from what had the name before, no one has noted.
            before, now = self._collection(older[0]), self._collection(version)
            if before is None or now is None:
                return [DefinitionChange(ChangeCode.UNKNOWN, weakens=True).to_json()]
            return [change.to_json() for change in compare(before, now) if change.weakens]
        return [change for change in version.change if change.get("weakens")]

    @cached_property
    def _names(self) -> Mapping[int, str]:
        """Revision → what the job is called in that version."""
        names = dict.fromkeys((version.revision for version in self._versions), self._job)
        name = self._job
        for index, (version, older) in enumerate(pairwise(self._versions)):
            if index < MOST_READ and _may_bring(version, name):
                name = self._name_before(name, version, older)
            names[older.revision] = name
        return names

    def _name_before(self, name: str, version: VersionFacts, older: VersionFacts) -> str:
        """What the job was called in the version before: the same, unless a job of another name did the same.

        Of several such jobs, the one that is gone since.
        """
        now, before = self._collection(version), self._collection(older)
        if now is None or before is None or name in (job.name for job in before.jobs):
            return name
        does = _without_name(_meaning_in(now, name))
        same = [job.name for job in before.jobs if _without_name(as_it_counts(before, job)) == does]
        still = {job.name for job in now.jobs}
        return next((each for each in same if each not in still), same[0] if same else name)

    @cached_property
    def _agreed(self) -> tuple[tuple[int, str], ...]:
        """Revisions by which plans of the job were made that people agreed to, and who they are."""
        found = []
        for name, job in dict.fromkeys((each.name, self._names[each.revision]) for each in self._versions):
            for approval in self._store.earlier_runs.approvals(name, job, origin_of(name)):
                version = self._version_of(name, approval)
                if version is not None and self._is_by(version, job, approval):
                    found.append((version.revision, identity(approval.person)))
        return tuple(dict.fromkeys(found))

    @cached_property
    def _called(self) -> Mapping[int, str]:
        """Id of each of the collections → what it is called now."""
        return self._store.collections.names({version.collection_id for version in self._versions})

    def _version_of(self, name: str, approval: Approval) -> VersionFacts | None:
        """The newest version of this name and number that there was when the run began: numbers begin again
        where a collection was deleted. Another collection may have the name since one was renamed.
        """
        return next(
            (
                version
                for version in self._versions
                if version.name == name
                and self._called[version.collection_id] == approval.current_name
                and str(version.number) == approval.version
                and not version.deleted
                and version.saved <= approval.started
            ),
            None,
        )

    def _is_by(self, version: VersionFacts, job: str, approval: Approval) -> bool:
        """Whether the job, by this name, is the same in a version and in the definition that the run went by.
        A run that begins just after a collection was saved again may still have what was deleted.
        """
        if self._names[version.revision] != job:
            return False
        stored = self._store.earlier_runs.definition(approval.definition_key)
        collection = self._collection(version)
        if stored is None or collection is None:
            return False
        try:
            return _meaning_in(Collection.model_validate(stored), job) == self._meaning(version)
        except ValidationError:
            return False

    def _meaning(self, version: VersionFacts) -> Meaning:
        collection = None if version.deleted else self._collection(version)
        return None if collection is None else _meaning_in(collection, self._names[version.revision])

    def _collection(self, version: VersionFacts) -> Collection | None:
        if version.revision not in self._collections:
            saved = self._store.collections.of_revision(version.revision)
            loaded = None if saved is None else judge(saved.document, self._templates)
            self._collections[version.revision] = loaded.collection if isinstance(loaded, Loaded) else None
        return self._collections[version.revision]


def _number(snapshot: Snapshot) -> int | None:
    """The saved version that a run goes by; None for a file."""
    return int(snapshot.version) if is_saved(snapshot.origin) and snapshot.version.isdecimal() else None


def _begins(version: VersionFacts, older: list[VersionFacts]) -> bool:
    """Whether a version is the first one of its collection, whatever had the name before."""
    return not older or older[0].collection_id != version.collection_id


def _may_bring(version: VersionFacts, name: str) -> bool:
    """Whether the version before may have had no job of this name. Most versions say that it had: they need
    not be read.
    """
    changes = map(DefinitionChange.from_json, version.change)
    brings = any(each.code in _MAY_NAME and each.job in ("", name) for each in changes)
    return brings or not version.change


def _without_name(meaning: Meaning) -> Meaning:
    return None if meaning is None else {key: value for key, value in meaning.items() if key != "name"}


def _meaning_in(collection: Collection, job: str) -> Meaning:
    return next((as_it_counts(collection, each) for each in collection.jobs if each.name == job), None)


def _bounded(edits: Iterable[Edit]) -> Iterator[Edit]:
    """Each version of which something is told; of people who saved many, the newest ones."""
    left, told = MOST_WEAKENING, 0
    people: set[str] = set()
    for edit in edits:
        person = identity(edit.by)
        if told >= MOST_READ and (not edit.changes_job or person in people):
            continue
        weakening = edit.weakening[:left]
        if len(weakening) < len(edit.weakening):
            more = len(edit.weakening) - len(weakening)
            weakening += (DefinitionChange(ChangeCode.MORE, new=more, weakens=True).to_json(),)
        left = max(0, left - len(weakening))
        told += 1
        people |= {person} if edit.changes_job else set()
        yield replace(edit, weakening=weakening)
