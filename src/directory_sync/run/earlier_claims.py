"""What a job would find on record after the jobs before it in the same preview: what they have come to claim,
or no longer do.
"""

from __future__ import annotations

from collections.abc import Collection as Some
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from directory_sync.definition.models import Collection, Job
from directory_sync.endpoints.change import Action
from directory_sync.plan.past import Past, name_hash
from directory_sync.run.learning import claims, past_of, place_of
from directory_sync.run.opening import Earlier
from directory_sync.store.store import Store


def past_after(
    store: Store,
    collection: Collection,
    job: Job,
    destination: str,
    earlier: Iterable[Earlier],
    *,
    window: timedelta | None = None,
) -> Past:
    """What is on record of a job, as if the plans of these jobs had been applied.

    `window`: as for `past_of`.
    """
    past = past_of(store, collection, job, destination, window=window)
    before = [each for each in earlier if each.destination == destination]
    if not before:
        return past
    by_name = {each.name: each for each in collection.jobs}
    claimed = {
        known_by: f"{collection.name}.{each.job}"
        for each in reversed(before)
        if claims(by_name[each.job])
        for known_by in _claimed(store, collection, by_name[each.job], each)
    }

    def claimed_by(asked: Some[bytes]) -> Mapping[bytes, str]:
        stored = store.known.claimed_by(
            place_of(collection, job, destination), asked, except_jobs=[each.job for each in before]
        )
        return stored | {known_by: claimed[known_by] for known_by in asked if known_by in claimed}

    return replace(past, claimed_by=claimed_by)


def _claimed(store: Store, collection: Collection, job: Job, plan: Earlier) -> set[bytes]:
    """What a job would claim once its plan has been applied."""
    on_record = past_of(store, collection, job, plan.destination, window=timedelta())
    found = plan.findings
    absent = on_record.absent if found.absent is None else found.absent
    created = {name_hash(change.final_object) for change in plan.changes if change.action is Action.CREATE}
    known = {*on_record.known, *found.matched} - absent.members
    return known | {*found.held, *found.held_names, *on_record.created_names} | created
