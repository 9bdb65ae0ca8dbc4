"""Looks at files of the data folder: which there are, their first records, what their fields hold."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from directory_sync.definition import filters
from directory_sync.definition.addresses import FILE_KINDS, FileEndpoint
from directory_sync.definition.models import Job
from directory_sync.endpoints.compared import refuse_comparison
from directory_sync.endpoints.contract import ConnectionInfo, Record, Source
from directory_sync.endpoints.files.ldif_source import LdifSource
from directory_sync.endpoints.files.names import DN_FIELD
from directory_sync.endpoints.registry import open_source
from directory_sync.errors import LookError, NoConnection
from directory_sync.looking.answers import (
    AttributeFacts,
    FieldFacts,
    Fields,
    FileFacts,
    FileList,
    Holds,
    Records,
    ShownRecord,
)
from directory_sync.looking.bounds import (
    LONGEST_NAME,
    MOST_COUNTED,
    MOST_FIELDS,
    MOST_FILES,
    MOST_SAMPLED,
    Cut,
    Deadline,
)
from directory_sync.looking.showing import IsSecret, Samples, record_of, secrets


@dataclass(frozen=True, slots=True)
class OnlyFiles:
    """What a file may need besides its definition."""

    data_folder: Path

    @property
    def connections(self) -> OnlyFiles:
        """There are none."""
        return self

    def get(self, connection_id: str) -> ConnectionInfo:
        """Raise NoConnection."""
        raise NoConnection(
            "is not needed for files of the data folder.", endpoint=f"connection {connection_id}"
        )


_JOB = Job.model_validate(
    {
        "name": "look",
        "object": "row",
        "source": {"file": "-.csv"},
        "destination": {"file": "-.csv"},
        "fields": {"id": {"from": "id", "key": True}},
    }
)
"""What opens a file takes a job, of which only the source counts."""
_DEEPEST = 4
"""Folders in folders that are gone through."""
_MOST_SEEN = 20_000
"""Files and folders that are looked at."""


def files(folder: Path, until: Deadline) -> FileList:
    """The files that a job can read. Raises LookError if the data folder cannot be read."""
    endings = {ending for kind in FILE_KINDS if kind.source for ending in kind.endings}
    try:
        root = folder.resolve(strict=True)
        next(root.iterdir(), None)
    except OSError as error:
        raise LookError(
            f"The data folder {folder} cannot be read ({error.strerror}). Create it, or change the setting"
            " data_folder."
        ) from None
    found: list[FileFacts] = []
    seen = 0
    for place, folders, names in os.walk(root):
        depth = len(Path(place).relative_to(root).parts)
        folders[:] = [] if depth >= _DEEPEST else sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            seen += 1
            path = Path(place, name)
            if path.suffix.lower() not in endings or name.startswith("."):
                continue
            with contextlib.suppress(FileNotFoundError):  # it is gone by now
                status = path.lstat()
                if stat.S_ISREG(status.st_mode):
                    found.append(FileFacts(path.relative_to(root).as_posix(), status.st_size))
        if len(found) > MOST_FILES or seen > _MOST_SEEN:
            return FileList(tuple(found[:MOST_FILES]), Cut.MOST)
        if until.over:
            return FileList(tuple(found), Cut.TIME)
    return FileList(tuple(found), Cut.NONE)


def records(
    definition: FileEndpoint, folder: Path, *, most: int, secret: Collection[str], until: Deadline
) -> Records:
    """The first records, and how many there are. Raises EndpointError."""
    is_secret = secrets(secret)
    source = _opened(definition, folder, is_secret)
    try:
        names = _names(source, until)
        asked = [name for name in names if not is_secret(name)]
        shown: list[ShownRecord] = []
        count, cut = 0, Cut.NONE
        for record in _read(source, asked):
            count += 1
            if len(shown) < most:
                shown.append(record_of(record.id, record.values, is_secret, _never, record.problem))
            if count == MOST_COUNTED or (count % 100 == 0 and until.over):
                cut = Cut.MOST if count == MOST_COUNTED else Cut.TIME
                break
        hidden = tuple(name[:LONGEST_NAME] for name in names if is_secret(name))
        return Records(definition.filter or "", tuple(shown), count, cut, hidden)
    finally:
        source.close()


def fields(definition: FileEndpoint, folder: Path, *, secret: Collection[str], until: Deadline) -> Fields:
    """What the columns or attributes hold. Raises EndpointError."""
    is_secret = secrets(secret)
    source = _opened(definition, folder, is_secret)
    try:
        names = _names(source, until)
        asked = [name for name in names if not is_secret(name)]
        filled = dict.fromkeys(asked, 0)
        samples = {name: Samples() for name in asked}
        sampled, cut = 0, Cut.NONE
        for record in _read(source, asked):
            if sampled == MOST_SAMPLED or (sampled % 100 == 99 and until.over):
                cut = Cut.MOST if sampled == MOST_SAMPLED else Cut.TIME
                break
            sampled += 1
            for name, values in record.values.items():
                if values:
                    filled[name] += 1
                    samples[name].add(values)
        facts = []
        for name in names:
            rule = source.rule(name)
            told = AttributeFacts(
                name[:LONGEST_NAME],
                Holds.REFERENCE if rule is not None and rule.reference else Holds.TEXT,
                # An LDIF file brings no schema.
                None if rule is None or not rule.single else True,
                secret=is_secret(name),
            )
            shown = () if told.secret else samples[name].shown(binary=False)
            facts.append(FieldFacts(told, filled.get(name, 0), shown))
        return Fields(tuple(facts[:MOST_FIELDS]), sampled, cut)
    finally:
        source.close()


def _opened(definition: FileEndpoint, folder: Path, is_secret: IsSecret) -> Source:
    """The file, whose filter compares no secret. Raises EndpointError, UnsupportedError."""
    if definition.filter is not None:
        try:
            parsed = filters.parse(definition.filter, columns=not definition.has_entries)
        except filters.FilterError:
            pass  # the file says what is wrong with it
        else:
            refuse_comparison(parsed, is_secret, label=f"file {definition.file}")
    return open_source(_JOB.model_copy(update={"source": definition}), OnlyFiles(folder))


def _names(source: Source, until: Deadline) -> Sequence[str]:
    """The fields of a file; of one that names them in each record, those of its first ones."""
    known = source.fields()
    if known is not None:
        return list(known)[:MOST_FIELDS]
    names: dict[str, str] = {DN_FIELD: DN_FIELD}
    if isinstance(source, LdifSource):
        with source.blocks() as blocks:
            for number, entry in enumerate(itertools.islice(blocks, MOST_SAMPLED)):
                for name in entry.attributes:
                    names.setdefault(name.lower(), name)
                if number % 100 == 99 and until.over:
                    break
    return list(names.values())[:MOST_FIELDS]


def _read(source: Source, fields: Sequence[str]) -> Iterator[Record]:
    for batch in source.read(fields):
        yield from batch


def _never(_name: str) -> bool:
    return False
