"""Values of a definition in words, for pages that show what was chosen and are no place for YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from directory_sync.forms.controls import is_true
from directory_sync.forms.words import CHOICES, LABELS, MODELS, label_of

_FLAGS = {
    "key": "key",
    "new_only": "new only",
    "keep_if_empty": "leaves a value where the source has none",
    "exact": "exact spelling",
    "secret": "secret",
}


def fact_words(key: str, value: Any) -> list[tuple[str, str]]:
    """A key of a job: label and words of each line that it takes."""
    if key == "fields" and isinstance(value, dict):
        return [(name, mapping_words(mapping)) for name, mapping in value.items()]
    label = label_of("Job", key)
    if key in ("source", "destination") and isinstance(value, dict):
        models = MODELS[key]
        return [
            (f"{label}: {_label(models, name)}", value_words(inner, models, name))
            for name, inner in value.items()
        ]
    if key == "limits" and isinstance(value, dict):
        return [(label, ", ".join(f"{kind} {limit_words(limit)}" for kind, limit in value.items()))]
    return [(label, value_words(value, ("Job",), key))]


def limit_words(limit: Any) -> str:
    """`10% and 200` for both, of which the smaller counts."""
    return " and ".join(map(str, limit)) if isinstance(limit, list) else str(limit)


def mapping_words(value: Any) -> str:
    """Where a field's value comes from: `join of first, last (key)`."""
    if not isinstance(value, dict):
        return value_words(value)
    known = _source(value)
    if known is None:
        return value_words(value)
    words, used = known
    notes = [note for flag, note in _FLAGS.items() if is_true(value.get(flag, ""))]
    rest = {
        key: each
        for key, each in value.items()
        if key not in used and (key not in _FLAGS or not is_true(each))
    }
    notes += [f"{label_of('Mapping', key).lower()}: {value_words(each)}" for key, each in rest.items()]
    return f"{words} ({', '.join(notes)})" if notes else words


def _source(data: Mapping[str, Any]) -> tuple[str, set[str]] | None:
    """The words of what a value comes from, and the keys that they tell; None for what has no words."""
    match data:
        case {"from": str(source)}:
            return source, {"from"}
        case {"static": str(text)}:
            return f"the text “{text}”", {"static"}
        case {"join": list(sources)}:
            between = data.get("separator", " ")
            with_it = "" if between == " " else f", with “{between}” between them"
            return f"join of {', '.join(map(str, sources))}{with_it}", {"join", "separator"}
        case {"left": str(source), "length": length}:
            return f"first {length} characters of {source}", {"left", "length"}
        case {"substring": str(source)}:
            length = f"{data['length']} characters" if "length" in data else "the rest"
            start = data.get("start", "0")
            return f"{length} of {source} after {start} characters", {"substring", "start", "length"}
        case {"map": str(source), "values": dict(codes)}:
            count = "1 code" if len(codes) == 1 else f"{len(codes)} codes"
            other = f"otherwise {data['default']}" if data.get("default") else "otherwise no value"
            return f"table of codes from {source}: {count}, {other}", {"map", "values", "default"}
        case {"template": str(text)}:
            return f"template {text}", {"template"}
        case {"resolve": str(source)}:
            return f"object that {source} stands for", {"resolve"}
        case {"members": str(source)}:
            return f"group members in {source}", {"members"}
        case {"script": str(path)}:
            return f"function {path}", {"script"}
        case {"generate_password": _}:
            return "a generated password", set()
    return None


def value_words(value: Any, models: tuple[str, ...] = (), key: str = "") -> str:
    """Any value; `models` and `key` tell whose it is, for its labels and choices."""
    if isinstance(value, dict):
        inner = MODELS.get(key, models)
        if key == "approval" or set(value) <= {"users", "roles"}:
            return _people_or_policy(value, inner)
        return "; ".join(
            f"{_label(inner, name)}: {value_words(each, inner, name)}" for name, each in value.items()
        )
    if isinstance(value, list):
        return ", ".join(value_words(each, models, key) for each in value)
    if value is None:
        return "none"
    text = {"true": "yes", "false": "no"}.get(str(value).lower(), str(value))
    for model in (*models, "*"):
        if text in (names := CHOICES.get((model, key), {})):
            return names[text]
    return text


def _people_or_policy(value: Mapping[str, Any], models: tuple[str, ...]) -> str:
    """`always: bob, role Approvers`, and what else a policy says."""
    if "approvers" not in value:
        users, roles = value.get("users"), value.get("roles")
        if value and set(value) <= {"users", "roles"}:
            named = [*_texts(users), *(f"role {role}" for role in _texts(roles))]
            return ", ".join(named) or "no one"
        return "; ".join(
            f"{_label(models, key)}: {value_words(each, models, key)}" for key, each in value.items()
        )
    when = value_words(value.get("when", "always"), models, "when").lower()
    rest = {key: each for key, each in value.items() if key not in ("approvers", "when")}
    more = [f"{_label(models, key)}: {value_words(each, models, key)}" for key, each in rest.items()]
    return "; ".join([f"{when}: {value_words(value['approvers'])}", *more])


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _label(models: tuple[str, ...], key: str) -> str:
    return label_of(next((model for model in models if (model, key) in LABELS), "*"), key)
