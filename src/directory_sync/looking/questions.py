"""What can be asked of an endpoint. Questions come from browsers: everything in them is checked here or where
it is used.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from directory_sync.definition.addresses import (
    AnyDestination,
    AnySource,
    DirectoryDestination,
    DirectorySource,
    SqlDestination,
)
from directory_sync.definition.basics import Model, Text
from directory_sync.definition.models import ObjectKind
from directory_sync.dn import MAX_DN
from directory_sync.errors import LookError
from directory_sync.looking.bounds import MOST_FIRST

Side = Literal["source", "destination"]

Connection = Annotated[Text, Field(max_length=250, description="Name of the Airflow connection.")]
AsSide = Annotated[Side, Field(description="As which side of a job the connection is to be used.")]


class ServerTest(Model):
    """Whether the server can be logged in to, and what it is."""

    look: Literal["test"] = "test"
    connection: Connection
    side: AsSide = "source"


class Containers(Model):
    """The containers directly below one; of the whole server where none is given."""

    look: Literal["containers"] = "containers"
    connection: Connection
    side: AsSide = "source"
    under: str = Field("", max_length=MAX_DN, description="DN; empty for the top of the server.")
    named: str = Field("", max_length=200, description="Only those with this in their names; empty for all.")


class Counts(Model):
    """How many objects there are under each container directly below one."""

    look: Literal["counts"] = "counts"
    connection: Connection
    side: AsSide = "source"
    under: str = Field(min_length=1, max_length=MAX_DN, description="DN.")


class SchemaOf(Model):
    """Object classes of the server, and the attributes that objects of some of them may have."""

    look: Literal["schema"] = "schema"
    connection: Connection
    side: AsSide = "source"
    classes: list[Annotated[Text, Field(max_length=250)]] = Field(
        default_factory=list, max_length=50, description="Object classes; none for all attributes."
    )


class Files(Model):
    """The files of the data folder that jobs can read."""

    look: Literal["files"] = "files"
    side: AsSide = "source"


class OfPlace(Model):
    """What is asked of a source or a destination as a definition says it. Exactly one of the two is given."""

    source: AnySource | None = Field(None, description="As under `source:` of a job.")
    destination: AnyDestination | None = Field(None, description="As under `destination:` of a job.")
    secret: list[str] = Field(
        default_factory=list, max_length=1_000, description="Fields whose values are not shown either."
    )

    @property
    def side(self) -> Side:
        """As which side the place is used."""
        return "source" if self.source is not None else "destination"

    @property
    def place(self) -> AnySource | AnyDestination:
        """The place. Raises LookError unless exactly one is given."""
        given = [each for each in (self.source, self.destination) if each is not None]
        if len(given) != 1:
            raise LookError("Give either a source or a destination, as a job's definition has it.")
        return given[0]

    @property
    def connection(self) -> str | None:
        """The connection that it uses; None for a file of the data folder."""
        return self.place.connection


class FirstRecords(OfPlace):
    """The first records that a job would read there, and how many there are."""

    look: Literal["records"] = "records"
    most: int = Field(20, ge=1, le=MOST_FIRST, description="Records to show.")


class FieldReference(OfPlace):
    """The fields there: what they hold, three samples, and how many records have one."""

    look: Literal["fields"] = "fields"
    object: ObjectKind | None = Field(
        None, description="Type of the objects that a job makes: fields that these may have are listed too."
    )


class OfJob(Model):
    """What is asked of a whole job. Pages ask it; what the definition may do has been checked."""

    collection: dict[str, Any] = Field(description="As `definition.export.complete` gives it.")
    job: str
    source_connection: str | None = None
    destination_connection: str | None = None


class TryRecord(OfJob):
    """What a job does with one record."""

    look: Literal["record"] = "record"
    field: str = Field(min_length=1, max_length=500, description="Source field by which it is found.")
    value: str = Field(min_length=1, max_length=1_000)


class Example(OfJob):
    """What a mapping makes of some records."""

    look: Literal["example"] = "example"
    destination_field: str = Field(min_length=1, max_length=1_000)


AnyQuestion = (
    ServerTest | Containers | Counts | SchemaOf | Files | FirstRecords | FieldReference | TryRecord | Example
)


_BY_LOOK = Field(discriminator="look")
Question = Annotated[
    ServerTest | Containers | Counts | SchemaOf | Files | FirstRecords | FieldReference, _BY_LOOK
]
"""What people ask themselves."""
QUESTION: TypeAdapter[AnyQuestion] = TypeAdapter(Annotated[AnyQuestion, _BY_LOOK])
"""Those too that only pages ask, whose definitions were checked."""


def connections_of(question: AnyQuestion) -> tuple[str, ...]:
    """The connections that have to be looked up to answer a question."""
    match question:
        case Files():
            named: tuple[str | None, ...] = ()
        case Example():
            named = (question.source_connection,)
        case TryRecord():
            named = (question.source_connection, question.destination_connection)
        case _:
            named = (question.connection,)
    return tuple(dict.fromkeys(name for name in named if name is not None))


def as_source(place: AnySource | AnyDestination) -> AnySource:
    """What is read at a place, whichever side it is on. Raises LookError if that is not said yet."""
    if isinstance(place, DirectoryDestination):
        base = place.base or (place.container if isinstance(place.container, str) else None)
        if base is None:
            raise LookError(
                "The container of new objects is computed, and no base says where existing objects are looked"
                " for. Fill in the base."
            )
        return DirectorySource(
            connection=place.connection,
            container=base,
            scope=place.scope,
            filter=place.filter or "(objectClass=*)",
        )
    if isinstance(place, SqlDestination):
        raise LookError("Databases cannot be used yet. Choose a directory or a file.")
    return place
