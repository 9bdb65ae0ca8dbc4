"""Files in the data folder as endpoints, both directions: CSV and TSV, LDIF. See `FileEndpoint.kind`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from directory_sync.definition.addresses import FILE_KINDS
from directory_sync.definition.models import FileEndpoint, FileKind
from directory_sync.endpoints.files.csv_destination import CsvDestination
from directory_sync.endpoints.files.csv_source import CsvSource
from directory_sync.endpoints.files.ldif_destination import LdifDestination
from directory_sync.endpoints.files.ldif_source import LdifSource
from directory_sync.errors import UnsupportedError


def file_source(definition: FileEndpoint, data_folder: Path) -> CsvSource | LdifSource:
    """The source for a file. Raises UnsupportedError for an ending or a store that cannot be read here."""
    if _kind(definition) is FileKind.LDIF:
        return LdifSource(definition, data_folder)
    return CsvSource(definition, data_folder)


def file_destination(
    definition: FileEndpoint,
    data_folder: Path,
    *,
    keys: Sequence[str],
    fields: Sequence[str],
    naming_attribute: str,
) -> CsvDestination | LdifDestination:
    """The destination for a file.

    Args:
        definition: the endpoint, as the job has it.
        data_folder: where files are.
        keys: the job's key fields; in a CSV file their values identify a row, in an LDIF file the first one's
            an entry.
        fields: all fields that the job maps; those that an existing CSV file lacks become new columns.
        naming_attribute: forms the RDN of a new LDIF entry.
    """
    if _kind(definition) is FileKind.LDIF:
        return LdifDestination(
            definition, data_folder, keys=keys, naming_attribute=naming_attribute, fields=fields
        )
    return CsvDestination(definition, data_folder, keys=keys, fields=fields)


def _kind(definition: FileEndpoint) -> FileKind:
    if definition.connection is not None:
        raise UnsupportedError(
            f"file {definition.file}: files on an object store (connection {definition.connection}) cannot be"
            f" used yet. "
            "Leave out connection: and put the file into the data folder."
        )
    if definition.kind is None or definition.kind is FileKind.EXCEL:
        raise UnsupportedError(
            f"file {definition.file}: files with the ending {definition.ending or '(none)'} cannot be used"
            f" yet. "
            f"Use one of {', '.join(ending for ending, kind in FILE_KINDS.items() if kind is not FileKind.EXCEL)}, or give a"  # noqa: E501
            " delimiter: to read it as CSV."
        )
    return definition.kind
