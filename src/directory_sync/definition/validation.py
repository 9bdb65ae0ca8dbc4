"""Turns plain data into models, and what pydantic reports into problems: place, nearest known key, what would
be right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from directory_sync.definition.limits import LimitError
from directory_sync.definition.models import NAME_PATTERN, Collection, Job
from directory_sync.definition.nodes import Path, Plain
from directory_sync.definition.places import Places
from directory_sync.definition.problems import Code, Problem, suggest

_STAND_IN = "unnamed"
_MAX_PROBLEMS = 500
"""More than anyone corrects before trying again."""


def validate(data: Plain, places: Places) -> tuple[Collection | None, list[int], list[Problem]]:
    """Make a collection of plain data.

    Returns the collection, the places in the file of its jobs, and the problems. With problems, the
    collection holds only what is right, so that it can be checked for further errors; it is None if too
    little is.
    """
    try:
        collection = Collection.model_validate(data)
    except ValidationError as error:
        wrong = [detail["loc"] for detail in error.errors(include_url=False)]
        return *_what_is_right(data, wrong), problems_of(error, data, places)
    return collection, list(range(len(collection.jobs))), []


def problems_of(
    error: ValidationError, data: Plain, places: Places, model: type[BaseModel] = Collection
) -> list[Problem]:
    """What pydantic reports of data that should have been a model, as problems."""
    details = error.errors(include_url=False)
    problems = [
        problem for detail in details[:_MAX_PROBLEMS] for problem in _problems(detail, data, places, model)
    ]
    if len(details) > _MAX_PROBLEMS:
        problems.append(
            places.problem((), f"has {len(details) - _MAX_PROBLEMS} more problems", "correct these first")
        )
    return problems


_SPARE_JOB_KEYS = frozenset(Job.model_fields) - {
    *("name", "source", "destination", "object", "object_classes", "rdn", "missing_at_destination", "fields")
}
"""Keys without which a job can be checked and nothing wrong is said of it."""


def _what_is_right(
    data: Plain, wrong: Sequence[tuple[str | int, ...]]
) -> tuple[Collection | None, list[int]]:
    jobs = data.get("jobs") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(jobs, list) or ("jobs",) in wrong:
        return None, []
    wrong_keys = {loc[0] for loc in wrong if loc and loc[0] != "jobs"}
    right: dict[int, Plain] = {}
    for index, job in enumerate(jobs):
        if (kept := _right_of_job(job, [loc[2:] for loc in wrong if loc[:2] == ("jobs", index)])) is not None:
            right[index] = kept
    rest = {key: value for key, value in data.items() if key not in wrong_keys}
    try:
        collection = Collection.model_validate({"name": _STAND_IN, **rest, "jobs": list(right.values())})
    except ValidationError:
        return None, []
    return collection, list(right)


def _right_of_job(job: Plain, wrong: Sequence[tuple[str | int, ...]]) -> Plain | None:
    """The job without what is wrong in it; None if that says too little to check it."""
    if not wrong or not isinstance(job, dict):
        return None if wrong else job
    fields = job.get("fields")
    kept = dict(job)
    kept_fields: dict[str, Plain] = dict(fields) if isinstance(fields, dict) else {}
    for loc in wrong:
        key = loc[0] if loc else None
        if key in _SPARE_JOB_KEYS or (len(loc) == 1 and key in job and key not in Job.model_fields):
            kept.pop(str(key), None)
        elif key == "fields" and len(loc) > 1 and isinstance(fields, dict) and loc[1] in fields:
            name = str(loc[1])
            # The field stays as a name, so that it is not missed; whether it was meant as the key counts too.
            given = fields[name]
            stand_in: Plain = (
                {"from": "x", "key": "true"} if isinstance(given, dict) and "key" in given else "x"
            )
            kept_fields[name] = stand_in
        else:
            return None
    return {**kept, "fields": kept_fields}


# -- one error of pydantic -----------------------------------------------------------------------------------


def _problems(detail: Any, data: Plain, places: Places, model: type[BaseModel]) -> Iterator[Problem]:
    kind: str = detail["type"]
    path, models, value = _follow(detail["loc"], data, model, missing=kind == "missing")
    key = str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        yield _unknown_key(path, models, places)
    elif kind == "missing":
        description = next(
            (field.description for model in models for name, field in _fields(model).items() if name == key),
            None,
        )
        hint = f"add it: {description}" if description else "add it"
        problem = places.problem(path[:-1], f"{key} is missing", hint, at_key=True, code=Code.MISSING)
        yield replace(problem, missing=key)
    elif detail["loc"] and detail["loc"][-1] == "[key]":
        message, hint = _message(kind, detail, key)
        yield places.problem(path, f"unknown key: {message}", hint, at_key=True)
    else:
        given = value if isinstance(value, str) else ""
        code = _code(kind, detail)
        yield replace(places.problem(path, *_message(kind, detail, value), code=code), given=given)


def _code(kind: str, detail: Any) -> Code | None:
    if isinstance(detail.get("ctx", {}).get("error"), LimitError):
        return Code.LIMIT
    return Code.NOT_A_MAPPING if kind == "dict_type" else None


def _follow(
    loc: tuple[str | int, ...], data: Any, model: type[BaseModel], *, missing: bool
) -> tuple[Path, tuple[type[BaseModel], ...], Any]:
    """Walk an error's location through the data and the models at once, leaving out the tags of unions."""
    path: list[str | int] = []
    models: tuple[type[BaseModel], ...] = (model,)
    steps = loc[:-1] if missing else loc
    for step in steps:
        tagged = tuple(model for model in models if step == f"<{model.__name__}>")
        if tagged:
            models = tagged
        elif isinstance(step, str) and isinstance(data, Mapping) and step in data:
            data = data[step]
            path.append(step)
            inner = [
                field.annotation for model in models for name, field in _fields(model).items() if name == step
            ]
            if inner:
                models = tuple(_models_in(inner[0]))
        elif isinstance(step, int) and isinstance(data, list) and step < len(data):
            data = data[step]
            path.append(step)
    return tuple(path) + tuple(loc[-1:] if missing else ()), models, data


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _unknown_key(path: Path, models: tuple[type[BaseModel], ...], places: Places) -> Problem:
    key = str(path[-1])
    known = [name for model in models[:1] for name in _fields(model)]
    if key == "query" and path[-2:-1] == ("destination",):
        return places.problem(
            path, "a query can only be read from", "name the table to write to: table", at_key=True
        )
    hint = suggest(key, known, f"valid keys: {', '.join(known)}")
    return places.problem(path, "unknown key", hint, at_key=True)


# -- words ---------------------------------------------------------------------------------------------------

_WANTED = {
    "string_type": "a text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "int_from_float": "a whole number",
    "list_type": "a list",
    "dict_type": "a mapping of keys and values",
    "model_type": "a mapping of keys and values",
    "model_attributes_type": "a mapping of keys and values",
}


def _message(kind: str, detail: Any, value: Any) -> tuple[str, str]:
    """What is wrong and what would be right."""
    context = detail.get("ctx", {})
    if kind in _WANTED:
        return f"expected {_WANTED[kind]}, found {_shape(value)}", ""
    if kind in ("literal_error", "enum"):
        expected = context["expected"]
        known = [word.strip("' ") for word in expected.replace(" or ", ", ").split(", ")]
        near = suggest(value, known) if isinstance(value, str) else ""
        return (
            f"expected {' or '.join([', '.join(known[:-1]), known[-1]]) if len(known) > 1 else known[0]}",
            near,
        )
    if kind == "value_error":
        return str(context["error"]), ""
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(
            context["pattern"], ("is not written as it must be", f"the pattern is {context['pattern']}")
        )
    if kind in _BOUNDS:
        return _BOUNDS[kind](context), ""
    return str(detail["msg"]), ""


_PATTERNS = {
    NAME_PATTERN: (
        "is not a valid name",
        "use small letters, digits and _, beginning with a letter, as in corp_to_lab",
    ),
    r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$": (
        "is not the dotted path of a function",
        "write MODULE.FUNCTION, as in transforms.badge_number",
    ),
}
_BOUNDS: dict[str, Callable[[Any], str]] = {
    "string_too_short": lambda context: (
        "must not be empty" if context["min_length"] == 1 else f"needs {context['min_length']} characters"
    ),
    "string_too_long": lambda context: f"has more than {context['max_length']} characters",
    "too_short": lambda context: (
        f"needs at least {context['min_length']} of them, found {context['actual_length']}"
    ),
    "too_long": lambda context: (
        f"takes at most {context['max_length']} of them, found {context['actual_length']}"
    ),
    "greater_than_equal": lambda context: f"must be at least {context['ge']}",
    "less_than_equal": lambda context: f"must be at most {context['le']}",
}


def _shape(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return "a list"
    return "a mapping" if isinstance(value, Mapping) else "another text"
