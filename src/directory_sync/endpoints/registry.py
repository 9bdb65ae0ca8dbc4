"""Which kinds of endpoints there are: one line for each kind of source and of destination. A kind of file has
its line in `definition.addresses.FILE_KINDS`.

`docs/adding-an-endpoint.md` says how to add one. An endpoint brings libraries of its own along, so only what
is used is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from directory_sync.definition.addresses import (
    FILE_KINDS,
    AnyDestination,
    AnySource,
    DirectoryDestination,
    DirectorySource,
    EndpointModel,
    FileEndpoint,
)
from directory_sync.definition.models import Job
from directory_sync.endpoints.contract import Destination, Source, Surroundings
from directory_sync.errors import UnsupportedError


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of endpoint.

    Attributes:
        source, destination: `module:name` of what opens it, called with a job and its surroundings; nothing
            is asked of the endpoint then. Empty: it cannot be read, or written.
        ldif: `module:name` of what gives its `LdifForm`; empty: changes to it have no form in LDIF.
        folds_ids: two ids that differ in case only name one object, as far as can be told without asking.
    """

    source: str = ""
    destination: str = ""
    ldif: str = ""
    folds_ids: bool = False


_HERE = "directory_sync.endpoints"

KINDS: Mapping[type[EndpointModel], Kind] = {
    DirectorySource: Kind(source=f"{_HERE}.ldap.source:open_source"),
    DirectoryDestination: Kind(
        destination=f"{_HERE}.ldap.destination:open_destination",
        ldif=f"{_HERE}.ldap.ldif:ldif_form",
        folds_ids=True,
    ),
}
"""By the class of the definition's part."""


def open_source(job: Job, surroundings: Surroundings) -> Source:
    """The job's source; nothing has been asked of it yet. Raises UnsupportedError."""
    _refuse_object_store(job.source)
    opener = kind_of(job.source).source
    if not opener:
        raise _unsupported(job.source, f"job {job.name}: database sources cannot be used yet.")
    source: Source = load(opener)(job, surroundings)
    return source


def open_destination(job: Job, surroundings: Surroundings) -> Destination:
    """The job's destination; nothing has been asked of it yet. Raises UnsupportedError."""
    _refuse_object_store(job.destination)
    opener = kind_of(job.destination).destination
    if not opener:
        raise _unsupported(job.destination, f"job {job.name}: database destinations cannot be used yet.")
    destination: Destination = load(opener)(job, surroundings)
    return destination


def kind_of(definition: AnySource | AnyDestination) -> Kind:
    """The kind of an endpoint by its part of a definition; one that can do nothing if it is not known."""
    if not isinstance(definition, FileEndpoint):
        return KINDS.get(type(definition), Kind())
    file = definition.kind
    return Kind() if file is None else Kind(file.source, file.destination, file.ldif)


def load(name: str) -> Callable[..., Any]:
    """What `module:name` names."""
    module, _, attribute = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), attribute)
    return found


def _refuse_object_store(definition: AnySource | AnyDestination) -> None:
    if isinstance(definition, FileEndpoint) and definition.connection is not None:
        raise UnsupportedError(
            f"file {definition.file}: files on an object store (connection {definition.connection}) cannot be"
            " used yet. Leave out connection: and put the file into the data folder."
        )


def _unsupported(definition: AnySource | AnyDestination, otherwise: str) -> UnsupportedError:
    if not isinstance(definition, FileEndpoint):
        return UnsupportedError(otherwise)
    endings = (ending for kind in FILE_KINDS if kind.source or kind.destination for ending in kind.endings)
    return UnsupportedError(
        f"file {definition.file}: files with the ending {definition.ending or '(none)'} cannot be used yet."
        f" Use one of {', '.join(endings)}, or give a delimiter: to read it as CSV."
    )
