"""What the store knows of definitions: whether a job was applied before as it is defined now (until then its
scheduled runs count as by hand), and which fields any collection marks as secret.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import ValidationError

from directory_sync.definition.export import complete
from directory_sync.definition.job_meaning import as_it_counts
from directory_sync.definition.models import Collection, Job
from directory_sync.definition.secrets import marked_secret, marked_secret_in
from directory_sync.run.result import JobState
from directory_sync.store.runs import Snapshot, definition_key
from directory_sync.store.store import Store

_APPLIED = (JobState.SUCCESS.value, JobState.SUCCESS_WITH_ERRORS.value, JobState.CONFLICTS.value)
"""States of a job whose plan was applied, or had nothing to do; where it needed approval, it got it."""


def is_known(store: Store, snapshot: Snapshot, job: Job, *, since: datetime | None = None) -> bool:
    """Whether a run of Airflow that was no preview has applied this very definition of the job.

    Plans that were denied, expired or stopped make nothing known.

    `since`: when a person saved the job as it is, where that is known: what was applied before then was
    another version, though it may have said the same.
    """
    collection, name = snapshot.collection, job.name
    key = definition_key(complete(collection))
    if store.earlier_runs.was_applied(collection.name, name, key, _APPLIED, since=since):
        return True
    wanted = as_it_counts(collection, job)
    for stored in store.earlier_runs.applied_definitions(collection.name, name, _APPLIED, since=since):
        try:
            # By the models of today, so that a key that is new in this version and has its default makes no
            # difference.
            earlier = Collection.model_validate(stored)
            if as_it_counts(earlier, earlier.job(job.name)) == wanted:
                return True
        except (ValidationError, KeyError):
            continue
    return False


def known_secrets(store: Store, snapshot: Snapshot) -> frozenset[str]:
    """The destination fields that any job marks as secret: one of the run's collection, or one of another
    collection by the newest definition that the store knows.

    Of all of them, because others may write to the same objects, through whatever connection. Raises
    StoreError.
    """
    own = marked_secret(snapshot.collection.jobs)
    return own.union(*map(marked_secret_in, store.earlier_runs.newest_definitions()))
