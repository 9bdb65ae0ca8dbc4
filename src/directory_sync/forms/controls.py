"""Inputs of a form: what each one shows of a definition's data, and what it makes of that when it is sent
back.

What was not changed is given back as it was, however it was written: a form that is sent as it was shown
changes nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import Any, Final

from directory_sync.forms.shown import Choice, Part, Place, Posted, Row, Shown, VariantShown, same_lines
from directory_sync.forms.values import Bare


class Missing(Enum):
    """There is no such key."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
_TRUE = frozenset({"true", "1", "yes", "on", "t", "y"})
"""What pydantic takes for true, in lower case."""


def is_true(data: Any) -> bool:
    """Whether a definition's value means true: `true`, `yes`, `on`."""
    return str(data).lower() in _TRUE


class Control(ABC):
    """One input, or several that belong together."""

    @abstractmethod
    def show(self, place: Place, data: Any) -> Part:
        """What stands in it. `data` is what counts: a default where the definition says nothing, or
        MISSING.
        """

    @abstractmethod
    def read(self, place: Place, data: Any, posted: Posted) -> Any:
        """What is in it after it was sent: the same object as `data` where nothing was changed, MISSING where
        nothing is left of it.
        """

    def sample(self) -> Any:
        """A value of which nothing is wrong."""
        return "x"


class Input(StrEnum):
    """What a single input is for."""

    TEXT = "text"
    LINES = "lines"
    NUMBER = "number"
    TICK = "tick"
    CHOICE = "choice"
    DURATION = "duration"
    LIMIT = "limit"
    MOMENT = "moment"


_BARE = frozenset({Input.NUMBER, Input.CHOICE, Input.DURATION, Input.MOMENT, Input.LIMIT})


@dataclass(frozen=True, slots=True)
class Single(Control):
    """One text, number, tick or choice.

    Attributes:
        input: what it is for.
        choices: of a choice; of a text what is suggested.
        empty: of a choice that may be left out, what that is called; None if it cannot.
    """

    input: Input = Input.TEXT
    choices: tuple[Choice, ...] = ()
    empty: str | None = None

    def show(self, place: Place, data: Any) -> Part:
        """One input."""
        text = self.text(data)
        if text is None:
            return Part(place, "kept", kept=True)
        choices = self.choices
        if self.input is Input.CHOICE:
            if not text or self.empty is not None:
                choices = (Choice("", self.empty or "Choose…"), *choices)
            if text not in {choice.value for choice in choices}:
                choices = (*choices, Choice(text, text))
        # A line break is lost in an input of one line.
        one_line = self.input in {Input.CHOICE, Input.TICK} or "\n" not in text
        kind = self.input if one_line else Input.LINES
        return Part(place, str(kind), value=text, choices=choices)

    def text(self, data: Any) -> str | None:
        """What stands in the input; None if it cannot show that."""
        if self.input is Input.TICK:
            return "true" if is_true(data) else ""
        if data is MISSING or data is None:
            return ""
        if (
            self.input is Input.LIMIT
            and isinstance(data, list)
            and all(isinstance(part, str) for part in data)
        ):
            return ", ".join(data)
        return same_lines(data) if isinstance(data, str) else None

    def read(self, place: Place, data: Any, posted: Posted) -> Any:
        """The text, if it is another one."""
        before = self.text(data)
        if before is None:
            return data
        sent = posted.one(place.name)
        if self.input is Input.TICK:
            sent = "true" if sent else ""
            return data if sent == before else bool(sent)
        if sent == before:
            return data
        sent = sent.strip()
        if not sent:
            return MISSING
        if self.input is Input.LIMIT and "," in sent:
            return [Bare(part.strip()) for part in sent.strip("[]").split(",")]
        return Bare(sent) if self.input in _BARE else sent

    def sample(self) -> Any:
        """A first choice, or something of the kind."""
        if self.choices and self.input is Input.CHOICE:
            return self.choices[0].value
        return {Input.DURATION: "1d", Input.NUMBER: "1", Input.TICK: True, Input.MOMENT: "2026-01-31"}.get(
            self.input, "x"
        )


@dataclass(frozen=True, slots=True)
class Field:
    """A key of a mapping, and its input.

    Attributes:
        key: in the definition.
        label, help: for people.
        control: the input.
        required: the definition must have the key.
        default: what counts without it, as data; MISSING for nothing.
    """

    key: str
    label: str
    control: Control
    help: str = ""
    required: bool = False
    default: Any = MISSING


@dataclass(frozen=True, slots=True)
class Group(Control):
    """Keys of one mapping. Others that it may have stay as they are.

    Attributes:
        fields: the keys.
        optional: the mapping may be left out; its keys are required only where it is there.
    """

    fields: tuple[Field, ...]
    optional: bool = False

    def show(self, place: Place, data: Any) -> Part:
        """All inputs."""
        if not isinstance(data, dict) and data is not MISSING and data is not None:
            return Part(place, "kept", kept=True)
        given = data if isinstance(data, dict) else {}
        parts = tuple(
            Shown(
                field.label,
                field.help,
                field.required and not (self.optional and not given),
                field.control.show(place.below(field.key), _given(given, field)),
            )
            for field in self.fields
        )
        return Part(place, "group", parts=parts)

    def read(self, place: Place, data: Any, posted: Posted) -> Any:
        """The mapping with what was changed."""
        if not isinstance(data, dict) and data is not MISSING and data is not None:
            return data
        given = data if isinstance(data, dict) else {}
        changed: dict[str, Any] = {}
        for each in self.fields:
            shown = _given(given, each)
            result = each.control.read(place.below(each.key), shown, posted)
            if result is not shown:
                changed[each.key] = result
        if not changed:
            return data
        return self.merged(given, changed) or MISSING

    def merged(self, given: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
        """A mapping with some keys changed, new ones where a careful person would put them."""
        merged = {key: changed.get(key, value) for key, value in given.items()}
        order = [each.key for each in self.fields]
        for index, key in enumerate(order):
            if key in changed and key not in merged:
                before = [other for other in order[:index] if other in merged]
                items = list(merged.items())
                at = next(
                    (i + 1 for i, (other, _) in enumerate(items) if before and other == before[-1]), None
                )
                items.insert(len(items) if at is None else at, (key, changed[key]))
                merged = dict(items)
        return {key: value for key, value in merged.items() if value is not MISSING}

    def sample(self) -> Any:
        """With what must be there only."""
        return {each.key: each.control.sample() for each in self.fields if each.required}


def _given(data: Mapping[str, Any], field: Field) -> Any:
    return data.get(field.key, field.default)


@dataclass(frozen=True, slots=True)
class Variant:
    """One of several shapes that a value may have.

    Attributes:
        key: names it in the form.
        label, help: for people.
        control: what it is made of; None for a fixed text, which is `key`.
    """

    key: str
    label: str
    control: Control | None = None
    help: str = ""


@dataclass(frozen=True, slots=True)
class Variants(Control):
    """A value that has one of several shapes.

    Attributes:
        variants: what there is to choose from; others that are there already are shown too.
        others: shapes that are known and not offered.
        which: the key of the variant that data have, by their shape; None if they have none.
        empty: what leaving the value out is called; None if it cannot be.
        blank: the variant that is chosen where there is no value.
    """

    variants: tuple[Variant, ...]
    which: Callable[[Any], str | None]
    empty: str | None = None
    blank: str = ""
    others: tuple[Variant, ...] = ()

    def show(self, place: Place, data: Any) -> Part:
        """All variants, and which one counts."""
        chosen = self.chosen(data)
        if chosen is None:
            return Part(place, "kept", kept=True)
        variants = self.all(data)
        if self.empty is not None:
            variants = (Variant("", self.empty), *variants)
        shown = tuple(
            VariantShown(
                each.key,
                each.label,
                each.help,
                each.key == chosen,
                None
                if each.control is None
                else each.control.show(self.inside(place, each), data if each.key == chosen else MISSING),
            )
            for each in variants
        )
        return Part(place, "variants", value=chosen, variants=shown)

    def read(self, place: Place, data: Any, posted: Posted) -> Any:
        """The variant that is chosen, with what stands in its inputs."""
        chosen = self.chosen(data)
        if chosen is None:
            return data
        sent = posted.one(place.name) if posted.has(place.name) else chosen
        variant = next((each for each in self.all(data) if each.key == sent), None)
        if variant is None:
            return MISSING if sent != chosen else data
        if variant.control is None:
            return data if sent == chosen else Bare(variant.key)
        before = data if sent == chosen else MISSING
        result = variant.control.read(self.inside(place, variant), before, posted)
        if (result is before and sent == chosen) or not isinstance(variant.control, Group):
            return result
        return self.in_shape(variant, variant.control, {} if result is MISSING else result)

    def in_shape(self, variant: Variant, group: Group, data: dict[str, Any]) -> dict[str, Any]:
        """The mapping as one of its variant, whatever is still to be typed: with the keys by which that is
        recognised.
        """
        for each in sorted(group.fields, key=lambda each: not each.required):
            if self.which(data) == variant.key:
                break
            if each.key not in data:
                data = {each.key: None, **data}
        return data

    def chosen(self, data: Any) -> str | None:
        """The variant that data are; empty for none, None for data that have no such shape."""
        if data is MISSING or data is None:
            return self.blank
        return self.which(data)

    def all(self, data: Any) -> tuple[Variant, ...]:
        """Those that can be chosen, and the one that is there."""
        chosen = self.chosen(data)
        if not chosen or any(each.key == chosen for each in self.variants):
            return self.variants
        known = next((each for each in self.others if each.key == chosen), None)
        return (*self.variants, known or Variant(chosen, chosen))

    @staticmethod
    def inside(place: Place, variant: Variant) -> Place:
        """The place of a variant's inputs: a name of its own, the same path."""
        return replace(place, name=f"{place.name}.{variant.key}")

    def sample(self) -> Any:
        """The first one."""
        first = self.variants[0]
        return first.key if first.control is None else first.control.sample()


@dataclass(frozen=True, slots=True)
class Rows(Control):
    """A list: a row for each item, and empty ones.

    Attributes:
        item: of each row.
        noun: what a row is called.
        spare: how many empty rows are shown without asking for them.
    """

    item: Control
    noun: str
    spare: int = 1

    def show(self, place: Place, data: Any) -> Part:
        """All rows."""
        if not self.is_shown(data):
            return Part(place, "kept", kept=True)
        items = data if isinstance(data, list) else []
        rows = [
            Row(str(index), index + 1, self.item.show(place.below(index), value))
            for index, value in enumerate(items)
        ]
        for index in range(self.spare + (place.name in place.more)):
            number = len(items) + index
            part = self.item.show(place.below(number, f"n{index}"), MISSING)
            rows.append(Row(f"n{index}", number + 1, part, is_new=True))
        return Part(place, "rows", rows=tuple(rows), noun=self.noun)

    def read(self, place: Place, data: Any, posted: Posted) -> Any:
        """The items of all rows that are not empty, in the order in which they were sent."""
        if not self.is_shown(data) or not posted.has(f"{place.name}.rows"):
            return data
        items = data if isinstance(data, list) else []
        result = []
        for row in posted.all(f"{place.name}.rows"):
            if posted.removes(f"{place.name}.{row}"):
                continue
            index = int(row) if row.isascii() and row.isdigit() and len(row) < 7 else None
            old = items[index] if index is not None and index < len(items) else MISSING
            value = self.item.read(place.below(len(items) if index is None else index, row), old, posted)
            if value is not MISSING:
                result.append(value)
        if len(result) == len(items) and all(new is old for new, old in zip(result, items, strict=True)):
            return data
        return result or MISSING

    @staticmethod
    def is_shown(data: Any) -> bool:
        """Whether it is a list, or nothing."""
        return isinstance(data, list) or data is MISSING or data is None

    def sample(self) -> Any:
        """One item."""
        return [self.item.sample()]


@dataclass(frozen=True, slots=True)
class Ticks(Control):
    """A list of some known texts: a tick for each."""

    choices: tuple[Choice, ...]

    def show(self, place: Place, data: Any) -> Part:
        """All of them, and what else the list holds."""
        given = self.given(data)
        if given is None:
            return Part(place, "kept", kept=True)
        known = {choice.value for choice in self.choices}
        more = tuple(Choice(value, value) for value in dict.fromkeys(given) if value not in known)
        return Part(place, "ticks", values=frozenset(given), choices=(*self.choices, *more))

    def read(self, place: Place, data: Any, posted: Posted) -> Any:
        """What is ticked; what was there keeps its order."""
        given = self.given(data)
        if given is None:
            return data
        sent = set(posted.all(place.name))
        if sent == set(given):
            return data
        offered = [choice.value for choice in self.choices]
        return [each for each in dict.fromkeys([*given, *offered]) if each in sent] or MISSING

    @staticmethod
    def given(data: Any) -> list[str] | None:
        """The list; None for what is none of texts."""
        if data is MISSING or data is None:
            return []
        return data if isinstance(data, list) and all(isinstance(each, str) for each in data) else None


@dataclass(frozen=True, slots=True)
class Fixed(Control):
    """A key that has one value only, because of the variant that was chosen."""

    value: str

    def show(self, place: Place, data: Any) -> Part:  # noqa: ARG002 - as all controls
        """Nothing."""
        return Part(place, "fixed")

    def read(self, place: Place, data: Any, posted: Posted) -> Any:  # noqa: ARG002 - as all controls
        """What is there, or the value."""
        return Bare(self.value) if data is MISSING else data

    def sample(self) -> Any:
        """The value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Converted(Control):
    """Something that a form shows in another shape than the definition has it.

    Attributes:
        control: of the other shape.
        forth: definition → shape; MISSING stays. None for what has no such shape.
        back: shape and the definition's data before → definition.
    """

    control: Control
    forth: Callable[[Any], Any]
    back: Callable[[Any, Any], Any]

    def show(self, place: Place, data: Any) -> Part:
        """In its other shape."""
        return self.control.show(place, self.forth(data))

    def read(self, place: Place, data: Any, posted: Posted) -> Any:
        """In the definition's shape, if it was changed."""
        shape = self.forth(data)
        result = self.control.read(place, shape, posted)
        return data if result is shape else self.back(result, data)

    def sample(self) -> Any:
        """In the definition's shape."""
        return self.back(self.control.sample(), MISSING)
