"""Files in the data folder as endpoints, both directions: CSV and TSV, LDIF. The file's ending decides which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from directory_sync.definition.models import FileEndpoint
from directory_sync.endpoints.files.csv_destination import CsvDestination
from directory_sync.endpoints.files.csv_source import CsvSource
from directory_sync.endpoints.files.ldif_destination import LdifDestination
from directory_sync.endpoints.files.ldif_source import LdifSource
from directory_sync.errors import UnsupportedError

CSV_ENDINGS = (".csv", ".tsv", ".txt")
LDIF_ENDINGS = (".ldif", ".ldf")


def file_source(definition: FileEndpoint, data_folder: Path) -> CsvSource | LdifSource:
    """The source for a file. Raises UnsupportedError for an ending or a store that cannot be read here."""
    if _ending(definition) in LDIF_ENDINGS:
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
        keys: the job's key fields; in a CSV file their values identify a row, in an LDIF file the first one's an entry.
        fields: all fields that the job maps; those that an existing CSV file lacks become new columns.
        naming_attribute: forms the RDN of a new LDIF entry.
    """
    if _ending(definition) in LDIF_ENDINGS:
        return LdifDestination(definition, data_folder, keys=keys, naming_attribute=naming_attribute)
    return CsvDestination(definition, data_folder, keys=keys, fields=fields)


def _ending(definition: FileEndpoint) -> str:
    if definition.connection is not None:
        raise UnsupportedError(
            f"file {definition.file}: files on an object store (connection {definition.connection}) cannot be used yet. "
            "Leave out connection: and put the file into the data folder."
        )
    ending = PurePosixPath(definition.file).suffix.lower()
    if ending not in CSV_ENDINGS + LDIF_ENDINGS:
        raise UnsupportedError(
            f"file {definition.file}: files with the ending {ending or '(none)'} cannot be used yet. "
            f"Use one of {', '.join(CSV_ENDINGS + LDIF_ENDINGS)}."
        )
    return ending
