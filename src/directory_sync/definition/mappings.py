"""Field mappings: where the value of one destination field comes from."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Discriminator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, StringConstraints, Tag
from pydantic_core import CoreSchema, core_schema

from directory_sync.definition.basics import Model, Text, by_shape


class FieldMapping(Model):
    """What every field of a mapping may say, whatever its value comes from."""

    key: bool = Field(False, description="This field matches source records with destination objects.")
    new_only: bool = Field(False, description="Written when the object is created, never again.")
    keep_if_empty: bool = Field(
        False, description="An absent source value leaves the destination's value alone."
    )
    exact: bool = Field(
        False,
        description=(
            "Write the source's spelling although the destination's rules take it for the same, as in"
            " `McDonald`."
        ),
    )
    secret: bool = Field(
        False,
        description=(
            "Its values must never be stored or shown. This version refuses to preview or run such a job."
        ),
    )
    delimiter: Text | None = Field(
        None, description="Splits or joins values where one side is single-valued."
    )


class OnMissing(StrEnum):
    """What a transformation does where a source field that it reads has no value."""

    EVALUATE = "evaluate"
    EMPTY = "empty"
    SKIP = "skip"
    FAIL = "fail"


class Transformation(FieldMapping):
    """What every mapping may say that computes its value from source fields."""

    on_missing: OnMissing = Field(
        OnMissing.EVALUATE,
        description="Where a field that it reads has no value: `evaluate` with an empty text, give an `empty`"
        " result, `skip` the record, or `fail` it.",
    )


class Copy(FieldMapping):
    """The source field's values, unchanged."""

    from_: Text = Field(alias="from", description="Source field.")


class Static(FieldMapping):
    """A fixed text; may hold the variables `%NOW%`, `%TODAY%`, `%COLLECTION%`, `%JOB%`, `%RUN%` and
    `%HOST%`.
    """

    static: Annotated[
        Annotated[str, Tag("<text>")] | Annotated[list[str], Field(min_length=1), Tag("<list>")],
        by_shape("a text or a list of texts", str),
    ] = Field(description="The text, or a list of texts.")


class Join(Transformation):
    """Two or more fields with a separator; absent ones are left out."""

    join: Annotated[list[Text], Field(min_length=2)] = Field(description="Source fields, in order.")
    separator: str = Field(" ", description="Between two parts.")


class Left(Transformation):
    """The first characters of a field."""

    left: Text = Field(description="Source field.")
    length: Annotated[int, Field(ge=1)] = Field(description="Number of characters.")


class Substring(Transformation):
    """A part of a field."""

    substring: Text = Field(description="Source field.")
    start: Annotated[int, Field(ge=0)] = Field(0, description="Number of characters to skip.")
    length: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Number of characters; to the end if absent."
    )


Match = Annotated[
    Annotated[Text, Tag("<text>")] | Annotated[list[Text], Field(min_length=1), Tag("<list>")],
    by_shape("the name of a field or a list of names", str),
    Field(
        description=(
            "Field that has the same value on both sides, or a list of fields: the first that fits counts."
        )
    ),
]


class LookUp(FieldMapping):
    """What mappings have in common that find other objects at the destination."""

    match: Match
    within: Text | None = Field(None, description="Container to look in; default: the whole naming context.")

    @property
    def matches(self) -> tuple[str, ...]:
        """The fields to look up by, in order."""
        return (self.match,) if isinstance(self.match, str) else tuple(self.match)


class Resolve(LookUp):
    """The DN of the destination object that corresponds to the one the source field names."""

    resolve: Text = Field(description="Source field that holds DNs.")


class Map(Transformation):
    """A table of codes and their values."""

    map: Text = Field(description="Source field.")
    values: dict[str, str] = Field(description="Value for each code.")
    default: str | None = Field(None, description="Value for any other code; without it, no value.")


class Template(Transformation):
    """A sandboxed Jinja2 expression over the source record."""

    template: Text = Field(description="Jinja2 text; variables are the source's field names.")


class Script(Transformation):
    """A Python function of a module that the deployment allows."""

    script: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")] = Field(
        description="Dotted path of the function."
    )


class PasswordRule(Model):
    """How a generated password looks."""

    length: Annotated[int, Field(ge=8, le=256)] = Field(16, description="Number of characters.")
    upper: bool = Field(True, description="Capital letters.")
    lower: bool = Field(True, description="Small letters.")
    digits: bool = Field(True, description="Digits.")
    symbols: str = Field("", description="Further characters.")
    exclude_similar: bool = Field(True, description="Leave out characters that look alike (0O, 1lI).")
    shared: bool = Field(False, description="One password for all objects of a run instead of one each.")


class GeneratePassword(FieldMapping):
    """A random password, made at the moment of the write."""

    generate_password: PasswordRule = Field(description="How it looks.")


class Members(LookUp):
    """Group members, looked up at the destination by a field; never created."""

    members: Text = Field(description="Source field that holds the members' DNs.")


_SOURCE_KEYS: dict[str, type[FieldMapping]] = {
    "from": Copy,
    "static": Static,
    "join": Join,
    "left": Left,
    "substring": Substring,
    "resolve": Resolve,
    "map": Map,
    "template": Template,
    "script": Script,
    "generate_password": GeneratePassword,
    "members": Members,
}
FIELD_SOURCES = tuple(_SOURCE_KEYS)
"""The keys of which each field mapping has exactly one."""


def _field_tag(value: Any) -> str | None:
    if isinstance(value, FieldMapping):
        return f"<{type(value).__name__}>"
    if isinstance(value, dict):
        present = [
            model
            for key, model in _SOURCE_KEYS.items()
            if key in value or (key == "from" and "from_" in value)
        ]
        return f"<{present[0].__name__}>" if len(present) == 1 else None
    return None


class _Shorthand:
    """A plain name stands for `{from: name}`, in values and in the JSON Schema."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(
            lambda value: {"from": value} if isinstance(value, str) else value, handler(source)
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        name = {"type": "string", "minLength": 1, "description": "Source field; short for `{from: …}`."}
        return {"anyOf": [name, *handler(schema)["oneOf"]]}


AnyField = Annotated[
    Annotated[Copy, Tag("<Copy>")]
    | Annotated[Static, Tag("<Static>")]
    | Annotated[Join, Tag("<Join>")]
    | Annotated[Left, Tag("<Left>")]
    | Annotated[Substring, Tag("<Substring>")]
    | Annotated[Resolve, Tag("<Resolve>")]
    | Annotated[Map, Tag("<Map>")]
    | Annotated[Template, Tag("<Template>")]
    | Annotated[Script, Tag("<Script>")]
    | Annotated[GeneratePassword, Tag("<GeneratePassword>")]
    | Annotated[Members, Tag("<Members>")],
    Discriminator(
        _field_tag,
        custom_error_type="field_source",
        custom_error_message=(
            f"expected the name of a source field, or a mapping with exactly one of {', '.join(_SOURCE_KEYS)}"
        ),
    ),
]
AnyFieldOrName = Annotated[AnyField, _Shorthand()]
