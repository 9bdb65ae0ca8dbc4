"""The deployment's rules for its connections: as a source or as a destination, who may use one in saved
collections, for which object types, and which fields are never written.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata
from functools import cached_property, lru_cache
from typing import Annotated, Any
from urllib.parse import unquote

from pydantic import AfterValidator, Field

from directory_sync.definition.basics import Model, Text
from directory_sync.definition.models import ObjectKind
from directory_sync.definition.schema import DIALECT

_MARKS = re.compile(r"[*?;]")


def _one_field(name: str) -> str:
    if not name.strip():
        raise ValueError("is blank, a field's name is expected")
    if found := _MARKS.search(name):
        raise ValueError(
            f"holds {found[0]!r}: write out each field by its name, without options; those are covered by it"
        )
    return name


class SideRule(Model):
    """What counts for a place as one side of a job."""

    roles: list[Text] | None = Field(
        None, description="Whose saved collections may use it; default: the administrators'. `[]`: no one's."
    )
    objects: list[ObjectKind] | None = Field(
        None, description="Object types of jobs that may use it; default: all. `[]`: no job may."
    )


class SourceRule(SideRule):
    """What counts for a place that is read."""


class DestinationRule(SideRule):
    """What counts for a place that is written to."""

    object_classes: list[Text] = Field(
        default_factory=list,
        description="Where `objects` are named: classes that jobs may give new objects besides those of their"
        " types.",
    )
    never_write: list[Annotated[Text, AfterValidator(_one_field)]] = Field(
        default_factory=list, description="Fields that no job writes, in whatever way."
    )


class PlaceRule(Model):
    """What counts for one place; a side that is not named is for the administrators' saved collections."""

    source: SourceRule = Field(default_factory=SourceRule, description="As a source.")
    destination: DestinationRule = Field(default_factory=DestinationRule, description="As a destination.")


UNNAMED = PlaceRule()
"""What counts for a place that the rules do not name."""


class ConnectionRules(Model):
    """The file of rules."""

    connections: dict[Text, PlaceRule] = Field(
        default_factory=dict, description="Airflow connection → its rule."
    )
    data_folder: PlaceRule = Field(
        default_factory=PlaceRule, description="The rule for files without a connection."
    )

    def of(self, connection: str | None) -> PlaceRule:
        """What counts for a connection of exactly this name, or for the data folder (None)."""
        return self.data_folder if connection is None else self.connections.get(connection, UNNAMED)

    def spelled(self, connection: str) -> str | None:
        """How the rules spell a connection that they name otherwise; None if they name it so, or not at all.

        An environment variable and some secret backends give one connection under several spellings.
        """
        return None if connection in self.connections else self._by_spelling.get(_spelling(connection))

    @cached_property
    def _by_spelling(self) -> dict[str, str]:
        return {_spelling(name): name for name in self.connections}


def rules_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the file."""
    return {"$schema": DIALECT, "title": "Rules of connections", **ConnectionRules.model_json_schema()}


@lru_cache(4096)
def _spelling(connection: str) -> str:
    """What is left of a name where it is looked up: as a variable in capitals, or as a part of a path."""
    path = posixpath.normpath("/" + unquote(connection).replace("\\", "/").strip()).strip("/")
    return unicodedata.normalize("NFKC", path).upper().casefold()
