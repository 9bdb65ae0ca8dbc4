"""Definitions in any notation that YAML has for them: quotes, braces, block texts, comments, line ends.

What they say may be incomplete or wrong, as a draft's text may be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml
from hypothesis import strategies as st

_ODD = st.sampled_from(
    [
        *("yes", "no", "off", "null", "~", "1e3", "007", "0x1F", "12:30", "2026-01-31", "<<", "="),
        *("a # b", "a: b", "- x", "'q'", '"', "*x", "&x", "!t", "%d", "@a", "`b", "{a}", "[b]", "a, b"),
        *("", " x ", "tab\there", "Ünï 😀", "x\\y", "CN=a,DC=b"),
        *("two\nlines", "two\n lines\n", "\n\nlate\n\n"),
    ]
)
_TEXT = st.sampled_from(["people", "corp", "OU=People,DC=lab", "5", "10%", "1d", "true", "false"]) | _ODD
_VALUE = _TEXT | st.none() | st.lists(_TEXT, max_size=3)


def _mapping(required: Mapping[str, Any], optional: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(dict(required), optional={**optional, "unknown": _VALUE})


_SIDE = (
    _mapping({"connection": _TEXT}, {"container": _TEXT, "scope": _TEXT, "filter": _TEXT})
    | _mapping({"file": _TEXT}, {"delimiter": _TEXT, "complete": _TEXT})
    | _VALUE
)
_LIMITS = _mapping({}, {"delete": _VALUE, "update": _TEXT, "create": _TEXT}) | _VALUE
_FIELD = _mapping({}, {"from": _TEXT, "key": _TEXT, "static": _TEXT, "join": _VALUE}) | _VALUE
_JOB = _mapping(
    {"name": _TEXT},
    {
        **dict.fromkeys(("description", "on_failure", "enabled", "object", "retries", "records"), _VALUE),
        "source": _SIDE,
        "destination": _SIDE,
        "limits": _LIMITS,
        "fields": st.dictionaries(_TEXT, _FIELD, max_size=3),
        "missing_at_source": _mapping({}, {"disable": _TEXT, "move": _TEXT, "delete": _TEXT}) | _VALUE,
    },
)
_COLLECTION = _mapping(
    {"name": _TEXT},
    {
        **dict.fromkeys(("title", "description", "owners", "tags", "schedule", "timezone", "start"), _VALUE),
        "limits": _LIMITS,
        "limit_window": _VALUE,
        "approval": _mapping({}, {"approvers": _mapping({}, {"users": _VALUE}), "when": _TEXT}),
        "jobs": st.lists(_JOB, max_size=3),
    },
)


@st.composite
def noted_definitions(draw: st.DrawFn) -> str:
    """A definition's text. Every comment in it is one of its own: `# 1`, `# 2`."""
    text = _Writer(draw).written(draw(_COLLECTION))
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return text if draw(st.integers(0, 4)) else text.removesuffix("\n").removesuffix("\r")


class _Writer:
    def __init__(self, draw: st.DrawFn) -> None:
        self.draw, self.comments = draw, 0

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == 1

    def comment(self, before: str) -> str:
        self.comments += 1
        return f"{before}# {self.comments}" if self.chance(3) else ""

    def written(self, data: Mapping[str, Any]) -> str:
        lines = ["---"] if self.chance(6) else []
        return "\n".join([*lines, *self.pairs(data, 0)]) + "\n"

    def pairs(self, data: Mapping[str, Any], indent: int) -> list[str]:
        lines: list[str] = []
        for key, value in data.items():
            if above := self.comment(" " * indent):
                lines.append(above)
            lines += self.value(f"{' ' * indent}{self.single(key, flow=True)}:", value, indent)
            lines += [""] if self.chance(8) else []
        return lines

    def value(self, begin: str, value: Any, indent: int) -> list[str]:
        """Lines with what comes after a key or a dash."""
        anchor = f" &a{self.draw(st.integers(0, 9))}" if self.chance(12) else ""
        if isinstance(value, str) and _fits_block(value) and self.chance(2):
            chomp = "" if value.endswith("\n") else "-"
            inner = [f"{' ' * (indent + 2)}{line}" for line in value.removesuffix("\n").split("\n")]
            return [f"{begin}{anchor} |{chomp}{self.comment(' ')}", *inner]
        is_long = isinstance(value, dict | list) and bool(value)
        if not is_long or self.chance(2):
            return [f"{begin}{anchor} {self.inline(value, flow=False)}{self.comment('   ')}"]
        if isinstance(value, dict):
            return [f"{begin}{anchor}{self.comment(' ')}", *self.pairs(value, indent + 2)]
        lines = [f"{begin}{anchor}{self.comment(' ')}"]
        shift = self.draw(st.sampled_from([0, 2])) if begin.rstrip().endswith(":") else 2
        for each in value:
            if isinstance(each, dict) and each and self.chance(2):
                first, *more = self.pairs_of_item(each, indent + shift + 2)
                lines += [f"{' ' * (indent + shift)}- {first.lstrip(' ')}", *more]
            else:
                lines += self.value(f"{' ' * (indent + shift)}-", each, indent + shift)
        return lines

    def pairs_of_item(self, data: Mapping[str, Any], indent: int) -> list[str]:
        (key, value), *rest = data.items()
        return [
            *self.value(f"{' ' * indent}{self.single(key, flow=True)}:", value, indent),
            *self.pairs(dict(rest), indent),
        ]

    def inline(self, value: Any, *, flow: bool) -> str:
        if isinstance(value, dict):
            inner = (f"{self.single(k, flow=True)}: {self.inline(v, flow=True)}" for k, v in value.items())
            return "{" + ", ".join(inner) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(self.inline(each, flow=True) for each in value) + "]"
        return self.draw(st.sampled_from(["null", "~"])) if value is None else self.single(value, flow=flow)

    def single(self, text: str, *, flow: bool) -> str:
        ways = [json.dumps(text, ensure_ascii=False)]
        if "\n" not in text and "\t" not in text:
            ways.append("'" + text.replace("'", "''") + "'")
        if _is_plain(text, flow=flow):
            ways = [text, text, *ways]
        return self.draw(st.sampled_from(ways))


def _fits_block(text: str) -> bool:
    """Whether it can stand below a `|`."""
    lines = text.removesuffix("\n").split("\n")
    return len(lines) > 1 and all(lines) and not lines[0].startswith(" ")


def _is_plain(text: str, *, flow: bool) -> bool:
    """Whether YAML reads it as it is where it has no quotes."""
    try:
        inside = yaml.load(f"[{text}, y]" if flow else f"a: {text}   # x\n", Loader=yaml.BaseLoader)  # noqa: S506 - texts only
        as_key = yaml.load(f"{{{text}: y}}", Loader=yaml.BaseLoader) if flow else {text: "y"}  # noqa: S506
    except yaml.YAMLError:
        return False
    nothing = text in ("", "~", "null", "<<")
    return not nothing and inside == ([text, "y"] if flow else {"a": text}) and as_key == {text: "y"}
