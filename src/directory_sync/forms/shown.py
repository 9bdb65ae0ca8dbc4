"""A form as a page shows it, and as it is sent back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from directory_sync.definition.nodes import Path
from directory_sync.definition.problems import path_text


def same_lines(text: str) -> str:
    """With one kind of line end: browsers send others than they were given."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an input is.

    Attributes:
        name: of the input in the form.
        path: of the value in the definition.
        more: names of lists that get one more empty row.
    """

    name: str
    path: Path
    more: frozenset[str] = frozenset()

    def below(self, key: str | int, name: str = "") -> Place:
        """The place of a part."""
        return replace(self, name=f"{self.name}.{name or key}", path=(*self.path, key))


@dataclass(frozen=True, slots=True)
class Choice:
    """A value to choose, and what it is called."""

    value: str
    label: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """An input with what stands in it.

    Attributes:
        place: where it is.
        kind: of a single input as `controls.Input`; `ticks`, `group`, `variants`, `rows`; `fixed` for
            nothing, `kept` for what this form cannot show.
        value: what stands in it; of variants the chosen one.
        values: what is ticked, of `ticks`.
        choices: of a choice and of ticks; of a text what is suggested.
        parts, variants, rows: what it is made of.
        noun: what a row is called.
        kept: it cannot be changed here.
    """

    place: Place
    kind: str
    value: str = ""
    values: frozenset[str] = frozenset()
    choices: tuple[Choice, ...] = ()
    parts: tuple[Shown, ...] = ()
    variants: tuple[VariantShown, ...] = ()
    rows: tuple[Row, ...] = ()
    noun: str = ""
    kept: bool = False

    @property
    def name(self) -> str:
        """Of the input."""
        return self.place.name

    @property
    def id(self) -> str:
        """Of the element."""
        return f"field-{self.place.name.replace('.', '-')}"

    @property
    def topic(self) -> str:
        """The last key of the path: what its texts are about."""
        return next((step for step in reversed(self.place.path) if isinstance(step, str)), "")

    @property
    def key(self) -> str:
        """The path in the definition, as problems name it."""
        return path_text(self.place.path)


@dataclass(frozen=True, slots=True)
class Shown:
    """A key with its input."""

    label: str
    help: str
    required: bool
    part: Part


@dataclass(frozen=True, slots=True)
class VariantShown:
    """A shape that can be chosen; `part` is what it is made of, None for nothing more than that."""

    key: str
    label: str
    help: str
    chosen: bool
    part: Part | None


@dataclass(frozen=True, slots=True)
class Row:
    """An item of a list; `number` counts from 1."""

    id: str
    number: int
    part: Part
    is_new: bool = False


class Posted:
    """A form as it was sent: names and values. `do` is the button that was pressed."""

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self._values = values
        self._do = self.one("do")

    def has(self, name: str) -> bool:
        """Whether anything was sent by that name."""
        return name in self._values

    def one(self, name: str) -> str:
        """The first value; empty if there is none."""
        values = self._values.get(name, ())
        return _clean(values[0]) if values else ""

    def all(self, name: str) -> Sequence[str]:
        """All values, in order."""
        return self._values.get(name, ())

    def removes(self, name: str) -> bool:
        """Whether a row's *Remove* was pressed."""
        return self._do == f"remove:{name}"

    @property
    def adds(self) -> str:
        """The name of the list whose *Add* was pressed; empty for none."""
        return self._do.removeprefix("add:") if self._do.startswith("add:") else ""


def _clean(text: str) -> str:
    """What a definition can hold: no NUL character and no half of a surrogate pair."""
    text = same_lines(text).replace("\0", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
