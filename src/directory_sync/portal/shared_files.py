"""Files that jobs of several collections write: each run would change what the others have written."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from itertools import chain

from directory_sync.definition.addresses import FileEndpoint
from directory_sync.definition.models import Collection, Job
from directory_sync.portal.access import Visitor
from directory_sync.portal.collection_list import read_all
from directory_sync.store.store import Store

_File = tuple[str, str]


def also_written_by(
    store: Store, visitor: Visitor, collection: Collection, *, saved_as: str
) -> Mapping[str, tuple[str, ...]]:
    """Job → who else writes the file that is its destination, as `collection: job`.

    Of other collections those that the visitor may see. `saved_as`: the collection that is edited; empty for
    a new one.

    Raises SettingsError, StoreError.
    """
    own = {job.name: file for job in collection.jobs if (file := _written(job)) is not None}
    if not own:
        return {}
    others = [
        (each.name, each.collection.jobs)
        for each in read_all(store, visitor)[0]
        if each.name is not None
        and each.collection is not None
        and each.name != (saved_as or collection.name)
    ]
    writers: dict[_File, list[str]] = {}
    for name, jobs in chain([(collection.name, collection.jobs)], others):
        for job in jobs:
            if (file := _written(job)) is not None:
                writers.setdefault(file, []).append(f"{name}: {job.name}")
    return {
        name: tuple(each for each in writers[file] if each != f"{collection.name}: {name}")
        for name, file in own.items()
    }


def _written(job: Job) -> _File | None:
    """The file that a job writes; None if it writes none. One that is left out of runs writes nothing."""
    place = job.destination
    if not job.enabled or not isinstance(place, FileEndpoint):
        return None
    return place.connection or "", posixpath.normpath(place.file)
