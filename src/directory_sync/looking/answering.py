"""Answers one question, in whatever process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from directory_sync.definition.addresses import AnySource, DirectorySource, FileEndpoint
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.errors import LookError, NoConnection
from directory_sync.looking.answers import Answer
from directory_sync.looking.bounds import LOOK_SECONDS, Deadline
from directory_sync.looking.questions import (
    AnyQuestion,
    Containers,
    Counts,
    Example,
    FieldReference,
    Files,
    FirstRecords,
    SchemaOf,
    ServerTest,
    TryRecord,
    as_source,
)
from directory_sync.rights.connection_rules import ConnectionRules


@dataclass(frozen=True, slots=True)
class Given:
    """What a look may use.

    Attributes:
        connections: by name; those that the question names.
        data_folder: files are relative to it.
        script_modules: whose functions definitions may call.
        classes: only objects of one of these are looked at; none for all.
        connection_rules: what a job keeps to at its destination; None for none.
    """

    connections: Mapping[str, ConnectionInfo]
    data_folder: Path
    classes: tuple[str, ...] = ()
    script_modules: tuple[str, ...] = ()
    connection_rules: ConnectionRules | None = None

    def connection(self, name: str) -> ConnectionInfo:
        """A connection by its name. Raises NoConnection."""
        if name not in self.connections:
            raise NoConnection(
                "Airflow has no such connection.",
                endpoint=f"connection {name}",
                remedy="Create it under Admin → Connections.",
            )
        return self.connections[name]


def answer(question: AnyQuestion, given: Given, seconds: float = LOOK_SECONDS) -> Answer:
    """What is found. Raises EndpointError, LookError, UnsupportedError."""
    # Each kind of endpoint brings libraries of its own along.
    until = Deadline(seconds)
    match question:
        case ServerTest():
            from directory_sync.looking import directory

            return directory.test(given.connection(question.connection))
        case Containers():
            from directory_sync.looking import directory

            return directory.containers(
                given.connection(question.connection), question.under, until, named=question.named
            )
        case Counts():
            from directory_sync.looking import directory

            return directory.counts(
                given.connection(question.connection), question.under, until, classes=given.classes
            )
        case SchemaOf():
            from directory_sync.looking import directory

            return directory.schema(given.connection(question.connection), question.classes)
        case Files():
            from directory_sync.looking import files

            return files.files(given.data_folder, until)
        case TryRecord():
            from directory_sync.looking import one_record

            return one_record.try_record(question, given)
        case Example():
            from directory_sync.looking import one_record

            return one_record.examples(question, given)
        case FirstRecords() | FieldReference():
            return _of_place(question, as_source(question.place), given, until)


def _of_place(
    question: FirstRecords | FieldReference, place: AnySource, given: Given, until: Deadline
) -> Answer:
    if isinstance(place, DirectorySource):
        from directory_sync.looking import directory_records

        connection, secret = given.connection(place.connection), question.secret
        if isinstance(question, FirstRecords):
            return directory_records.records(
                connection, place, most=question.most, secret=secret, classes=given.classes, until=until
            )
        kind = question.object.value if question.object is not None else ""
        return directory_records.fields(
            connection, place, kind=kind, secret=secret, classes=given.classes, until=until
        )
    if isinstance(place, FileEndpoint):
        from directory_sync.looking import files

        folder, secret = given.data_folder, question.secret
        if isinstance(question, FirstRecords):
            return files.records(place, folder, most=question.most, secret=secret, until=until)
        return files.fields(place, folder, secret=secret, until=until)
    raise LookError("Databases cannot be used yet. Choose a directory or a file.")
