"""Endpoints as a definition names them: directories, tables and files as source or destination of a job."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Discriminator, Field, StringConstraints, Tag, model_validator

from directory_sync.definition.basics import Model, OnlyAt, Text, by_shape


class Scope(StrEnum):
    """How deep a directory is searched (RFC 4511, section 4.5.1.2)."""

    SUBTREE = "subtree"
    ONE = "one"
    BASE = "base"


class EndpointModel(Model):
    """What every kind of endpoint tells of itself without being opened."""

    @property
    def text(self) -> str:
        """Where it is, for people, on one line: connection and container, table or file."""
        raise NotImplementedError

    @property
    def known_as(self) -> str:
        """Of a source: what a job's knowledge of its objects is kept under. Stored, so it never changes."""
        raise NotImplementedError

    @property
    def placement(self) -> DirectoryDestination | None:
        """Of a destination: where in a tree its objects are; None where there are no containers."""
        return None


class DirectorySource(EndpointModel):
    """Objects of a directory."""

    connection: Text = Field(description="Airflow connection of type `ldap`.")
    container: Text = Field(description="DN below which records are read.")
    scope: Scope = Field(Scope.SUBTREE, description="`subtree`, `one` level, or the `base` object only.")
    filter: Text = Field("(objectClass=*)", description="LDAP filter (RFC 4515).")

    @property
    def text(self) -> str:
        """As in `corp_ad: OU=People,DC=corp`."""
        return f"{self.connection}: {self.container}"

    @property
    def known_as(self) -> str:
        """Connection and container."""
        return f"directory {self.connection} {self.container.casefold()}"


class SqlSource(EndpointModel):
    """Rows of a database."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["table"]}, {"required": ["query"]}]})

    connection: Text = Field(description="Airflow connection of a database.")
    table: Text | None = Field(None, description="Table or view.")
    query: Text | None = Field(None, description="Query; a source only.")
    filter: Text | None = Field(
        None, description="LDAP filter (RFC 4515) over the columns: which rows are records."
    )

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("needs exactly one of table, query")
        return self

    @property
    def text(self) -> str:
        """As in `hr_db: hr.employees`."""
        return f"{self.connection}: {self.table or 'a query'}"

    @property
    def known_as(self) -> str:
        """Connection and table; of all queries of a job the same."""
        return f"database {self.connection} {self.table or 'query'}"


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file is, and what opens it.

    Attributes:
        name: in messages.
        endings: by which files of this kind are known, lower case.
        keys: keys of `FileEndpoint` that count for some kinds only, and do for this one.
        has_entries: it holds entries of a directory, which have a DN and attributes, rather than rows.
        source, destination, ldif: as in `endpoints.registry.Kind`. They are names: nothing is imported here.
    """

    name: str
    endings: tuple[str, ...]
    keys: frozenset[str] = frozenset()
    has_entries: bool = False
    source: str = ""
    destination: str = ""
    ldif: str = ""


_FILES = "directory_sync.endpoints.files"

CSV = FileKind(
    "CSV",
    (".csv", ".tsv"),
    frozenset({"delimiter", "encoding", "complete"}),
    source=f"{_FILES}.csv_source:open_source",
    destination=f"{_FILES}.csv_destination:open_destination",
)
LDIF = FileKind(
    "LDIF",
    (".ldif", ".ldf"),
    frozenset({"complete"}),
    has_entries=True,
    source=f"{_FILES}.ldif_source:open_source",
    destination=f"{_FILES}.ldif_destination:open_destination",
    ldif=f"{_FILES}.ldif_changes:ldif_form",
)
EXCEL = FileKind("Excel", (".xlsx",), frozenset({"sheet"}))
FILE_KINDS = [CSV, LDIF, EXCEL]
"""The registry of files: every kind is a line here, and everything else asks this list. A list, so that tests
can add a kind of their own.
"""


def endings() -> dict[str, FileKind]:
    """What a file is by its ending. With a delimiter, a file of any other ending is a CSV file too."""
    return {ending: kind for kind in FILE_KINDS for ending in kind.endings}


def kinds_with(key: str) -> list[str]:
    """The names of the kinds of files for which a key of `FileEndpoint` counts."""
    return [kind.name for kind in FILE_KINDS if key in kind.keys]


class FileMode(StrEnum):
    """What a run does with the records that a destination's file holds already."""

    REPLACE = "replace"
    MERGE = "merge"
    APPEND = "append"


class FileEndpoint(EndpointModel):
    """A file; its ending says of which kind. A file with any other ending is CSV if it has a `delimiter`."""

    file: Text = Field(description="Path, relative to the data folder.")
    connection: Text | None = Field(
        None, description="Airflow connection of an object store; default: the data folder."
    )
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = Field(
        None, description="CSV: between two values; default `,` for .csv, a tab for .tsv."
    )
    encoding: Text = Field("utf-8", description="CSV: character encoding.")
    sheet: Text | None = Field(None, description="Excel: name of the sheet.")
    filter: Annotated[Text | None, OnlyAt("source")] = Field(
        None,
        description=(
            "Source only: LDAP filter (RFC 4515) over attributes or columns: which entries or rows are"
            " records."
        ),
    )
    complete: bool = Field(
        False,
        description=(
            f"{', '.join(kinds_with('complete'))}: the file is whole although its last line does not end with"
            " a line break."
        ),
    )
    mode: Annotated[FileMode, OnlyAt("destination")] = Field(
        FileMode.MERGE,
        description="Destination only: `merge` into what the file holds, `replace` it, or `append` to it.",
    )

    @property
    def ending(self) -> str:
        """The ending of the file's name, lower case, with its dot."""
        return PurePosixPath(self.file).suffix.lower()

    @property
    def kind(self) -> FileKind | None:
        """What the file is; None if that cannot be told."""
        return endings().get(self.ending) or (CSV if self.delimiter is not None else None)

    @property
    def has_entries(self) -> bool:
        """Whether the file holds entries of a directory rather than rows."""
        return self.kind is not None and self.kind.has_entries

    @property
    def text(self) -> str:
        """As in `feeds/staff.csv`."""
        return f"{self.connection}: {self.file}" if self.connection else self.file

    @property
    def known_as(self) -> str:
        """Connection and path."""
        return f"file {self.connection or ''} {self.file}"


class FieldContainer(Model):
    """The container's DN is in a source field."""

    field: Text = Field(description="Source field.")


class TemplateContainer(Model):
    """The container's DN is computed."""

    template: Text = Field(description="Jinja2 text that gives a DN; values are escaped.")


AnyContainer = Annotated[
    Annotated[Text, Tag("<text>")]
    | Annotated[FieldContainer, Tag("<FieldContainer>")]
    | Annotated[TemplateContainer, Tag("<TemplateContainer>")],
    by_shape(
        "a DN, {field: NAME} or {template: TEXT}", str, field="FieldContainer", template="TemplateContainer"
    ),
]


class UnmanagedMatch(StrEnum):
    """What to do with an object that has a record's key but is not managed."""

    REFUSE = "refuse"
    REUSE = "reuse"


class DirectoryDestination(EndpointModel):
    """Objects of a directory, and where new ones go."""

    connection: Text = Field(description="Airflow connection of type `ldap`.")
    container: AnyContainer = Field(
        description="DN where new objects go; or `{field: …}` or `{template: …}`."
    )
    base: Text | None = Field(
        None, description="DN below which existing objects are looked for; default: a fixed container."
    )
    scope: Scope = Field(Scope.SUBTREE, description="`subtree`, `one` level, or the `base` object only.")
    filter: Text | None = Field(None, description="LDAP filter: what is managed there.")
    move_existing: bool = Field(False, description="Move an object whose computed container changed.")
    unmanaged_match: UnmanagedMatch = Field(
        UnmanagedMatch.REFUSE,
        description="An object with a record's key outside base or filter: `refuse` or `reuse`.",
    )

    @property
    def text(self) -> str:
        """As in `lab_ad: OU=People,DC=lab`."""
        if isinstance(self.container, str):
            return f"{self.connection}: {self.container}"
        return f"{self.connection}: {self.base or ''}, container computed"

    @property
    def placement(self) -> DirectoryDestination:
        """Containers are what a directory has."""
        return self


class SqlDestination(EndpointModel):
    """Rows of a table."""

    connection: Text = Field(description="Airflow connection of a database.")
    table: Text = Field(description="Table.")

    @property
    def text(self) -> str:
        """As in `hr_db: hr.employees`."""
        return f"{self.connection}: {self.table}"


def _endpoint_tag(*, directory: type[Model], sql: type[Model]) -> Discriminator:
    def tag(value: Any) -> str | None:
        if isinstance(value, Model):
            return f"<{type(value).__name__}>"
        if not isinstance(value, dict):
            return None
        model = (
            FileEndpoint if "file" in value else sql if "table" in value or "query" in value else directory
        )
        return f"<{model.__name__}>"

    return Discriminator(
        tag,
        custom_error_type="shape",
        custom_error_message="expected a mapping such as {connection: …, container: …}",
    )


AnySource = Annotated[
    Annotated[DirectorySource, Tag("<DirectorySource>")]
    | Annotated[SqlSource, Tag("<SqlSource>")]
    | Annotated[FileEndpoint, Tag("<FileEndpoint>")],
    _endpoint_tag(directory=DirectorySource, sql=SqlSource),
]
AnyDestination = Annotated[
    Annotated[DirectoryDestination, Tag("<DirectoryDestination>")]
    | Annotated[SqlDestination, Tag("<SqlDestination>")]
    | Annotated[FileEndpoint, Tag("<FileEndpoint>")],
    _endpoint_tag(directory=DirectoryDestination, sql=SqlDestination),
]
