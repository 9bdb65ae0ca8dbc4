"""What all models of the definition share: names, texts, and unions whose errors speak of one member only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, StringConstraints

NAME_PATTERN = r"^[a-z][a-z0-9_]*$"
LONGEST_NAME = 100
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=LONGEST_NAME)]
Text = Annotated[str, StringConstraints(min_length=1)]


@dataclass(frozen=True, slots=True)
class OnlyAt:
    """Stands in the type of an endpoint's key that counts at one side of a job only."""

    side: Literal["source", "destination"]


class Model(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, str_max_length=1_000_000)


def by_shape(expected: str, text: type | None = None, **models: str) -> Discriminator:
    """Tell the members of a union apart by the shape of the value alone, so that an error speaks of one
    member only.

    Args:
        expected: completes "expected …" in the error.
        text: tag `<text>` is for values of this type.
        models: key that only this mapping has → its tag without the brackets; the tag is also the model's own
            name.
    """

    def tag(value: Any) -> str | None:
        if text is not None and isinstance(value, text):
            return "<text>"
        if isinstance(value, list | tuple):
            return "<list>"
        if isinstance(value, Model):
            return f"<{type(value).__name__}>"
        if isinstance(value, dict):
            return next((f"<{model}>" for key, model in models.items() if key in value), None)
        return None

    return Discriminator(tag, custom_error_type="shape", custom_error_message=f"expected {expected}")
