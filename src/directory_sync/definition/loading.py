"""Reads definition files into collections.

Every problem of a file is reported at once, with file, line, column and key.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from directory_sync.definition import templates as template_files
from directory_sync.definition.files import parse_tree, read_tree
from directory_sync.definition.models import NAME_PATTERN, Collection
from directory_sync.definition.nodes import Entries, Node, Scalar, to_data
from directory_sync.definition.places import Places
from directory_sync.definition.problems import Problem
from directory_sync.definition.validation import validate
from directory_sync.errors import DefinitionError

ENDINGS = (".yaml", ".yml", ".json")
"""Endings of definition files."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A collection that can be used.

    Attributes:
        collection: complete; what templates gave is in it, and its `template` keys are empty.
        problems: warnings only.
        file: as it was given.
        places: where its keys and values stand.
    """

    collection: Collection
    problems: tuple[Problem, ...]
    file: str
    places: Places = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The collection's name."""
        return self.collection.name


@dataclass(frozen=True, slots=True)
class Broken:
    """A file that cannot be used.

    Attributes:
        file: its path.
        name: the collection's name, as far as it can be told.
        problems: at least one error.
    """

    file: str
    name: str | None
    problems: tuple[Problem, ...]


def load_file(path: str | Path, *, templates: Path | None = None) -> Loaded:
    """Read one definition file. `templates` is a folder whose `jobs` and `collections` hold templates besides
    the built-in ones.

    Raises DefinitionError with all problems, errors and warnings, if there is an error.
    """
    return _usable(_load(*read_tree(Path(path)), str(path), templates))


def load_text(text: str, file: str, *, templates: Path | None = None) -> Loaded:
    """Read a definition from memory, as `load_file` does.

    `file` names it in problems; the ending `.json` means JSON.
    """
    return _usable(_load(*parse_tree(text, file), file, templates))


def load_folder(path: str | Path, *, templates: Path | None = None) -> list[Loaded | Broken]:
    """Read all `*.yaml`, `*.yml` and `*.json` files of a folder, in order of their names; one that is broken
    hides no other.

    Two files that name the same collection are both broken. Raises DefinitionError if the folder itself
    cannot be read.
    """
    folder = Path(path)
    try:
        found = sorted(
            file for file in folder.iterdir() if file.suffix in ENDINGS and not file.name.startswith(".")
        )
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        problem = Problem(
            str(path), 1, 1, "", f"the folder cannot be read: {reason}", "create it, or name another one"
        )
        raise DefinitionError([problem]) from None
    return refuse_same_names([_load(*read_tree(file), str(file), templates) for file in found])


def _usable(result: Loaded | Broken) -> Loaded:
    if isinstance(result, Broken):
        raise DefinitionError(result.problems)
    return result


def _load(root: Node | None, problems: list[Problem], file: str, templates: Path | None) -> Loaded | Broken:
    if not isinstance(root, Entries):
        return Broken(file, None, tuple(problems))
    from directory_sync.definition.checks import check

    of_templates = template_files.expand(root, templates)
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
        return Broken(file, _name_of(root), tuple(problems))
    return Loaded(collection, tuple(problems), file, places)


def _follows(problem: Problem, of_templates: list[Problem]) -> bool:
    """Whether something is missing only because its template could not be read."""
    return problem.message.endswith("is missing") and any(
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
                others = ", ".join(results[other].file for other in same if other != index)
                results[index] = _broken_by_name(results[index], name, others)
    return results


def _broken_by_name(result: Loaded | Broken, name: str, others: str) -> Broken:
    message, hint = f"the name {name} is also used in {others}", "give each collection a name of its own"
    if isinstance(result, Loaded):
        problem = result.places.problem(("name",), message, hint)
    else:
        problem = Problem(result.file, 1, 1, "name", message, hint)
    return Broken(result.file, name, (problem, *result.problems))
