"""The mapping of a job as rows of a grid: what stands in each, and what was typed put back into the data.

A row that was not changed keeps its data as they are, however they are written; so do keys that the grid does
not show.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from directory_sync.forms.controls import is_true
from directory_sync.forms.shown import Posted, same_lines
from directory_sync.forms.values import Bare

MOST_ROWS = 1_000
NAME = "map"
"""Begins the names of all inputs of the grid."""
FLAGS = ("key", "new_only", "keep_if_empty", "exact")


@dataclass(frozen=True, slots=True)
class Input:
    """An input of one kind of transformation.

    Attributes:
        key: in the definition.
        label: for people.
        lines: several lines.
        listed: a list, with commas between its items.
        pairs: a mapping, with a line `code = value` for each.
        number: a whole number.
        source: it names source fields.
        choices: value → what people call it; empty where anything can be typed.
    """

    key: str
    label: str
    lines: bool = False
    listed: bool = False
    pairs: bool = False
    number: bool = False
    source: bool = False
    choices: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of transformation.

    Attributes:
        key: by which a definition has it; also its first input.
        label: what it does, as people say it.
        inputs: besides the flags.
        template: it can be turned into a template.
    """

    key: str
    label: str
    inputs: tuple[Input, ...]
    template: bool = False


_SOURCE = "Source field"
_ON_MISSING = Input(
    "on_missing",
    "If a source field has no value",
    choices={
        "": "Go on with an empty text in its place",
        "empty": "The destination field gets no value",
        "skip": "Skip the record",
        "fail": "The record is an error",
    },
)
KINDS: Mapping[str, Kind] = {
    kind.key: kind
    for kind in (
        Kind("from", "Copy a source field", (Input("from", _SOURCE, source=True),)),
        Kind("static", "Static: assign a fixed value", (Input("static", "Static text", lines=True),)),
        Kind(
            "join",
            "Join two or more source fields",
            (
                Input("join", "Source fields, with commas between them", listed=True, source=True),
                Input("separator", "Separator (a blank, if empty)"),
                _ON_MISSING,
            ),
            template=True,
        ),
        Kind(
            "left",
            "Left: the first characters of a source field",
            (
                Input("left", _SOURCE, source=True),
                Input("length", "Number of characters", number=True),
                _ON_MISSING,
            ),
            template=True,
        ),
        Kind(
            "substring",
            "Substring: a part of a source field",
            (
                Input("substring", _SOURCE, source=True),
                Input("start", "Characters to skip", number=True),
                Input("length", "Number of characters (to the end, if empty)", number=True),
                _ON_MISSING,
            ),
            template=True,
        ),
        Kind(
            "map",
            "Map: a table of codes and values",
            (
                Input("map", _SOURCE, source=True),
                Input("values", "A line for each: code = value", lines=True, pairs=True),
                Input("default", "Value for any other code (no value, if empty)"),
                _ON_MISSING,
            ),
            template=True,
        ),
        Kind(
            "template",
            "Template: compute it with Jinja",
            (Input("template", "Template", lines=True, source=True), _ON_MISSING),
        ),
        Kind(
            "resolve",
            "Resolve: the object that a DN stands for at the destination",
            (
                Input("resolve", "Source field with DNs", source=True),
                Input("match", "Field that is the same on both sides"),
                Input("within", "Only in this container (anywhere, if empty)"),
            ),
        ),
        Kind(
            "members",
            "Members: look up group members at the destination",
            (
                Input("members", "Source field with members", source=True),
                Input("match", "Field that is the same on both sides"),
                Input("within", "Only in this container (anywhere, if empty)"),
            ),
        ),
        Kind(
            "script",
            "Script: a Python function",
            (Input("script", "Dotted path of the function"), _ON_MISSING),
        ),
    )
}
"""What a form can show; other kinds that a definition has stay as they are."""


@dataclass(frozen=True, slots=True)
class MappingRow:
    """One row.

    Attributes:
        index: from 0; names of its inputs begin with `map.` and it.
        destination: the field that is written.
        kind: its kind; None for what a form cannot show.
        source: of a plain copy.
        flags: those that are set.
        delimiter: between values.
        inputs: each input of its kind with what stands in it.
    """

    index: int
    destination: str
    kind: Kind | None
    source: str
    flags: frozenset[str]
    delimiter: str
    inputs: tuple[tuple[Input, str], ...]

    def name(self, key: str) -> str:
        """Of an input."""
        return f"{NAME}.{self.index}.{key}"


def rows_of(fields: Any, *, spare: int = 1) -> tuple[MappingRow, ...]:
    """The rows of `fields:`, and empty ones."""
    given = fields if isinstance(fields, dict) else {}
    rows = [_row(index, name, value) for index, (name, value) in enumerate(given.items())]
    empty = [_row(len(rows) + number, "", {"from": ""}) for number in range(spare)]
    return (*rows, *empty)


def _row(index: int, name: str, value: Any) -> MappingRow:
    data = _long(value)
    kind = next((KINDS[key] for key in KINDS if key in data), None) if data is not None else None
    data = data or {}
    if kind is not None and any(_text(each, data.get(each.key)) is None for each in kind.inputs):
        kind = None
    inputs = (
        () if kind is None else tuple((each, _text(each, data.get(each.key)) or "") for each in kind.inputs)
    )
    delimiter = data.get("delimiter")
    return MappingRow(
        index,
        name,
        kind,
        inputs[0][1] if kind is not None and kind.key == "from" else "",
        frozenset(flag for flag in FLAGS if is_true(data.get(flag))),
        same_lines(delimiter) if isinstance(delimiter, str) else "",
        inputs,
    )


def _long(value: Any) -> dict[str, Any] | None:
    """A mapping of a field, with its shorthand written out."""
    if isinstance(value, str):
        return {"from": value}
    return dict(value) if isinstance(value, dict) else None


def _text(each: Input, value: Any) -> str | None:
    """What stands in an input; None if it cannot show that."""
    if value is None:
        return ""
    if each.pairs and isinstance(value, str):
        return same_lines(value)  # kept as it was typed: `wrong_line` says what is wrong with it
    if each.pairs:
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            return None
        plain = all(_is_line(code) and _is_line(text) and "=" not in code for code, text in value.items())
        return "\n".join(f"{code} = {text}" for code, text in value.items()) if plain else None
    if each.listed:
        fits = isinstance(value, list) and all(
            isinstance(one, str) and one and _is_line(one) and "," not in one for one in value
        )
        return ", ".join(value) if fits else None
    return same_lines(value) if isinstance(value, str) else None


def _is_line(text: str) -> bool:
    """Whether it is read back as it is from between separators."""
    return text == text.strip() and "\n" not in text and "\r" not in text


def posted_fields(fields: Any, values: Mapping[str, Sequence[str]]) -> Any:
    """What `fields:` shall be after the grid was sent: the same object if nothing was changed.

    Rows are known by the name that they had (`map.N.was`), so that an order or removal in another window
    mixes nothing up. A new row without a name is called as its source, so that it is not lost; `misnamed`
    tells of it, and of names that two rows have.
    """
    posted = Posted(values)
    given = fields if isinstance(fields, dict) else {}
    indices = [int(each) for each in posted.all(f"{NAME}.rows") if re.fullmatch(r"\d{1,4}", each)]
    if not indices:
        return fields
    sent: dict[str, tuple[str, Any]] = {}
    added: list[tuple[str, Any]] = []
    removed: set[str] = set()
    for index in indices[:MOST_ROWS]:
        was, name = _names(given, posted, index)
        if was and was not in given:
            continue  # it was removed in another window
        data = _changed(index, given[was] if was else {"from": ""}, posted, is_new=not was)
        if posted.one("do") == f"unmap:{index}":
            removed.add(was)
        elif was:
            sent[was] = (name or was, data)
        elif name := name or posted.one(f"{NAME}.{index}.from").strip():
            added.append((name, data))
    taken = {key for key in given if key not in removed and sent.get(key, (key,))[0] == key}
    result: dict[str, Any] = {}
    for key, value in given.items():
        name, data = sent.get(key, (key, value))
        if key in removed:
            continue
        result[name if name == key else _free(name, (*result, *taken))] = data
    for name, data in added:
        result[_free(name, (*result, *taken))] = data
    same = list(result) == list(given) and all(result[key] is given[key] for key in given)
    return fields if same else result


def _names(given: Mapping[str, Any], posted: Posted, index: int) -> tuple[str, str]:
    """The field that a row had, empty for a new one, and the one that was typed."""
    was, typed = posted.one(f"{NAME}.{index}.was"), posted.one(f"{NAME}.{index}.destination")
    sent_of_it = was.replace("\n", "")  # by a browser, of an input with one line
    was = next((each for each in given if same_lines(each) == was), was)
    return was, was if typed == sent_of_it else typed.strip()


def misnamed(fields: Any, values: Mapping[str, Sequence[str]]) -> str:
    """What is wrong with the names in the grid as it was sent, so that rows were kept by other names than
    were typed; empty for nothing.
    """
    posted = Posted(values)
    given = fields if isinstance(fields, dict) else {}
    names: set[str] = set()
    for row in posted.all(f"{NAME}.rows")[:MOST_ROWS]:
        index = int(row) if re.fullmatch(r"\d{1,4}", row) else 0
        was, name = _names(given, posted, index)
        if (was and was not in given) or posted.one("do") == f"unmap:{index}":
            continue
        source = posted.one(f"{NAME}.{index}.from").strip()
        if not was and not name and source:
            return (
                f"The line with the source {source[:100]} has no field of the destination. It is kept with"
                " the name of its source: change it, or remove the line."
            )
        name = name or was
        if name and name.lower() in names:
            return (
                f"Two lines write the field {name[:100]}. The second is kept by another name: change it, or"
                " remove the line."
            )
        names.add(name.lower())
    return ""


def _free(name: str, taken: Iterable[str]) -> str:
    """A second row of one name keeps what was typed, under a name of its own."""
    names = set(taken)
    while name in names:
        name += "_2"
    return name


def _changed(index: int, value: Any, posted: Posted, *, is_new: bool = False) -> Any:
    """What a row's mapping shall be; the same object if nothing was changed."""
    before = _long(value)
    row = _row(index, "", value)
    if before is None or row.kind is None:
        return value
    data = dict(before)
    for each in row.kind.inputs:
        if not posted.has(row.name(each.key)):
            continue
        text = posted.one(row.name(each.key))
        if text != (_text(each, before.get(each.key)) or ""):
            _put(data, each, text, first=each is row.kind.inputs[0])
    kind = KINDS.get(posted.one(row.name("kind")), row.kind)
    if kind is not row.kind:
        data = _as_kind(row.kind, data, kind)
    for flag in FLAGS:
        if posted.has(row.name("flags")) and (posted.one(row.name(flag)) != "") != (flag in row.flags):
            data.pop(flag, None)
            if flag not in row.flags:
                data[flag] = True
    if posted.has(row.name("delimiter")) and posted.one(row.name("delimiter")) != row.delimiter:
        data.pop("delimiter", None)
        if delimiter := posted.one(row.name("delimiter")):
            data["delimiter"] = delimiter
    if data == before and not is_new:
        return value
    short = set(data) == {"from"} and (is_new or isinstance(value, str))
    return data["from"] if short else data


def _as_kind(old: Kind, data: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """The mapping as one of another kind; the source field goes with it."""
    source = next((_text(each, data.get(each.key)) or "" for each in old.inputs if each.source), "")
    own = {each.key for each in old.inputs}
    kept = {key: value for key, value in data.items() if key not in own or key == "on_missing"}
    if not any(each.key == "on_missing" for each in kind.inputs):
        kept.pop("on_missing", None)
    first = kind.inputs[0]
    fields = [part.strip() for part in source.split(",") if part.strip()]
    if first.listed:
        value: Any = fields
    elif first.key == "template":
        value = " ".join(f"{{{{ {variable(field)} }}}}" for field in fields)
    else:
        value = (fields[0] if fields else "") if first.source else ""
    return {first.key: value, **kept}


def _put(data: dict[str, Any], each: Input, text: str, *, first: bool) -> None:
    if each.pairs:
        data[each.key] = same_lines(text) if wrong_line(text) else dict(_pairs(text))
    elif each.listed:
        data[each.key] = [part.strip() for part in text.split(",") if part.strip()]
    elif not text and not first:
        data.pop(each.key, None)
    elif each.number:
        data[each.key] = Bare(text.strip())
    elif each.key == "separator" or each.lines:
        data[each.key] = text
    else:
        data[each.key] = text.strip()


def _pairs(text: str) -> list[tuple[str, str]]:
    lines = (line.partition("=") for line in same_lines(text).split("\n") if line.strip())
    return [(code.strip(), value.strip()) for code, _, value in lines]


def wrong_line(text: str) -> str:
    """What is wrong with the first line of a table of codes that is wrong, in a sentence; empty if none
    is.
    """
    first: dict[str, int] = {}
    for number, line in enumerate(same_lines(text).split("\n"), start=1):
        code, sign, _ = line.partition("=")
        code = code.strip()
        if not line.strip():
            continue
        if not sign:
            return f"Line {number} has no “=”: write code = value"
        if code in first:
            return f"Line {number} has the code of line {first[code]} again: write each code once"
        first[code] = number
    return ""


def with_same_names(fields: Any, source: Iterable[str], destination: Iterable[str]) -> dict[str, Any]:
    """*Map same names*: with a copy for each destination field that has a source field of the same name and
    is not mapped yet, or is a copy of nothing yet. Letters in any case.
    """
    given = dict(fields) if isinstance(fields, dict) else {}
    lines = {name.lower(): name for name in given}
    known = {name.lower(): name for name in source}
    for name in destination:
        if name.lower() not in known:
            continue
        line = lines.setdefault(name.lower(), name)
        data = _long(given.get(line, ""))
        if data is not None and data.get("from") == "":
            copied = known[name.lower()]
            given[line] = copied if set(data) == {"from"} else {**data, "from": copied}
    return given


def as_template(value: Any) -> Any:
    """*Edit as template*: the same as a template, of a join, left, substring or map; else what was given.

    The same for source fields with at most one value; a record with several fails, until the template
    chooses one. Blanks around the result are lost in a template. What has a delimiter stays as it is, unless
    it is a join: a template's text is always split at it, and these only where the source holds one value.
    """
    data = _long(value)
    row = _row(0, "", value)
    if data is None or row.kind is None or not row.kind.template:
        return value
    if data.get("delimiter") is not None and row.kind.key != "join":
        return value
    text = _template_text(row.kind.key, data)
    if text is None:
        return value
    own = {each.key for each in row.kind.inputs} - {"on_missing"}
    return {"template": text, **{key: each for key, each in data.items() if key not in own}}


def _template_text(kind: str, data: Mapping[str, Any]) -> str | None:
    try:
        match kind:
            case "join":
                fields = ", ".join(map(variable, data["join"]))
                return f"{{{{ [{fields}]|select|join({quoted(data.get('separator', ' '))}) }}}}"
            case "left":
                return f"{{{{ {variable(data['left'])}[:{int(data['length'])}] }}}}"
            case "substring":
                start = int(data.get("start", 0))
                end = "" if data.get("length") is None else str(start + int(data["length"]))
                return f"{{{{ {variable(data['substring'])}[{start or ''}:{end}] }}}}"
            case _:
                field = variable(data["map"])
                table = ", ".join(f"{quoted(code)}: {quoted(text)}" for code, text in data["values"].items())
                default = quoted(data.get("default", ""))
                # As a text: a list of several values would be no code of the table, and get the default.
                code = f"{{{table}}}[{field} ~ '']"
                return f"{{% if {field} %}}{{{{ {code}|default({default}) }}}}{{% endif %}}"
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = frozenset(
    {
        *("record", "range", "skip", "fail", "self"),
        *("true", "false", "none", "and", "or", "not", "in", "is", "if"),
    }
)


def variable(field: str) -> str:
    """A source field in a template."""
    plain = _WORD.fullmatch(field) and field.lower() not in _RESERVED and field not in ("else", "loop")
    return field if plain else f"record[{quoted(field)}]"


def quoted(text: str) -> str:
    """A text in a template."""
    return (
        json.dumps(str(text), ensure_ascii=False)
        if "'" in text
        else f"'{json.dumps(str(text), ensure_ascii=False)[1:-1]}'"
    )
