"""Reads documents into collections.

Every problem of a document is reported at once, with file, line, column and key.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from directory_sync.definition.documents import Document, read_tree
from directory_sync.definition.models import NAME_PATTERN, Collection
from directory_sync.definition.nodes import Entries, Scalar, to_data
from directory_sync.definition.places import Places
from directory_sync.definition.problems import Code, Problem
from directory_sync.definition.templates import BUILT_IN, Templates, expand
from directory_sync.definition.validation import validate
from directory_sync.errors import DefinitionError


@dataclass(frozen=True, slots=True)
class Loaded:
    """A collection that can be used.

    Attributes:
        document: what it was read from.
        collection: complete; what templates gave is in it, and its `template` keys are empty.
        problems: warnings only.
        places: where its keys and values stand.
    """

    document: Document
    collection: Collection
    problems: tuple[Problem, ...]
    places: Places = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The collection's name."""
        return self.collection.name

    @property
    def origin(self) -> str:
        """Where it comes from, as problems name it."""
        return self.document.origin


@dataclass(frozen=True, slots=True)
class Broken:
    """A document that cannot be used.

    Attributes:
        document: what was read.
        name: the collection's name, as far as it can be told.
        problems: at least one error.
    """

    document: Document
    name: str | None
    problems: tuple[Problem, ...]

    @property
    def origin(self) -> str:
        """Where it comes from, as problems name it."""
        return self.document.origin


def load(document: Document, templates: Templates = BUILT_IN) -> Loaded:
    """Read a definition.

    Raises DefinitionError with all problems, errors and warnings, if there is an error.
    """
    result = judge(document, templates)
    if isinstance(result, Broken):
        raise DefinitionError(result.problems)
    return result


def load_text(text: str, origin: str, templates: Templates = BUILT_IN) -> Loaded:
    """Read a definition that is in no catalogue, as `load` does."""
    return load(Document("", text, origin), templates)


def judge(document: Document, templates: Templates = BUILT_IN) -> Loaded | Broken:
    """Read a definition, without raising anything."""
    result = _judge(document, templates)
    kept_as = document.kept_as
    if not kept_as or result.name == kept_as:
        return result
    if isinstance(result, Broken):
        return Broken(document, kept_as, result.problems)
    message, hint = f"the collection is kept under the name {kept_as}", f"write name: {kept_as}"
    problem = result.places.problem(("name",), message, hint)
    return Broken(document, kept_as, (problem, *result.problems))


def _judge(document: Document, templates: Templates) -> Loaded | Broken:
    root, problems = read_tree(document)
    if not isinstance(root, Entries):
        return Broken(document, None, tuple(problems))
    from directory_sync.definition.checks import check

    of_templates = expand(root, templates)
    file = document.origin
    places = Places.of(root, file)
    collection, jobs, of_shape = validate(to_data(root), places)
    problems = [
        *problems,
        *of_templates,
        *(problem for problem in of_shape if not _follows(problem, of_templates)),
    ]
    if collection is not None:
        # A warning may come from what is left out because it is wrong; an error may not.
        problems.extend(
            found for found in check(collection, places, jobs) if not of_shape or found.severity == "error"
        )
    problems.sort(key=lambda problem: (problem.file != file, problem.file, problem.line, problem.column))
    if collection is None or any(problem.severity == "error" for problem in problems):
        return Broken(document, _name_of(root), tuple(problems))
    return Loaded(document, collection, tuple(problems), places)


def _follows(problem: Problem, of_templates: list[Problem]) -> bool:
    """Whether something is missing only because its template could not be read."""
    return problem.code is Code.MISSING and any(
        problem.key.startswith(other.key.removesuffix("template").removesuffix("."))
        for other in of_templates
        if other.key.endswith("template")
    )


def _name_of(root: Entries) -> str | None:
    entry = root.entries.get("name")
    name = entry.node.text if entry is not None and isinstance(entry.node, Scalar) else None
    return name if name is not None and len(name) <= 100 and re.fullmatch(NAME_PATTERN, name) else None


def refuse_same_names(results: list[Loaded | Broken]) -> list[Loaded | Broken]:
    """Return the results with those that name the same collection broken, each naming the others."""
    by_name: dict[str, list[int]] = defaultdict(list)
    for index, result in enumerate(results):
        if result.name is not None:
            by_name[result.name].append(index)
    for name, same in by_name.items():
        if len(same) > 1:
            for index in same:
                others = ", ".join(results[other].origin for other in same if other != index)
                results[index] = _broken_by_name(results[index], name, others)
    return results


def _broken_by_name(result: Loaded | Broken, name: str, others: str) -> Broken:
    message, hint = f"the name {name} is also used in {others}", "give each collection a name of its own"
    if isinstance(result, Loaded):
        problem = result.places.problem(("name",), message, hint)
    else:
        problem = Problem(result.origin, 1, 1, "name", message, hint)
    return Broken(result.document, name, (problem, *result.problems))
