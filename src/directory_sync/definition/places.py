"""Where each key and value of a loaded collection stands, so that later checks can name file and line too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from directory_sync.definition.nodes import Entries, Items, Node, Path, Place, Scalar
from directory_sync.definition.problems import Code, Problem, Severity, path_text


@dataclass(frozen=True, slots=True)
class Places:
    """Places by path, for one collection.

    Attributes:
        file: the definition file, or `collection NAME`.
        line: where a problem stands that has no better place: 1, or 0 without a file.
        keys: path → where the key stands.
        values: path → where the value stands, for scalars.
    """

    file: str
    line: int = 1
    keys: Mapping[Path, Place] = field(default_factory=dict, repr=False)
    values: Mapping[Path, Place] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, root: Node, file: str) -> Places:
        """The places of a tree."""
        keys: dict[Path, Place] = {(): root.place}
        values: dict[Path, Place] = {}
        _collect(root, (), keys, values)
        return cls(file, 1, keys, values)

    @classmethod
    def none(cls, name: str) -> Places:
        """For a collection that did not come from a file."""
        return cls(f"collection {name}", 0)

    def problem(
        self,
        path: Path,
        message: str,
        hint: str = "",
        *,
        severity: Severity = "error",
        at_key: bool = False,
        code: Code | None = None,
    ) -> Problem:
        """A problem with the value at a path, or with its key; where the file does not have it, at what is
        around it.
        """
        place = self.key(path) if at_key else self.value(path)
        return Problem(place.file, place.line, place.column, path_text(path), message, hint, severity, code)

    def key(self, path: Path) -> Place:
        """Where the key stands, or the nearest one around it."""
        for end in range(len(path), -1, -1):
            if place := self.keys.get(path[:end]):
                return place
        return Place(self.file, self.line, 1)

    def value(self, path: Path) -> Place:
        """Where a text stands, the key of anything else."""
        return self.values.get(path) or self.key(path)


def _collect(node: Node, path: Path, keys: dict[Path, Place], values: dict[Path, Place]) -> None:
    if isinstance(node, Scalar):
        values[path] = node.place
    elif isinstance(node, Items):
        for index, item in enumerate(node.items):
            keys[*path, index] = item.place
            _collect(item, (*path, index), keys, values)
    elif isinstance(node, Entries):
        for key, entry in node.entries.items():
            keys[*path, key] = entry.key_place
            _collect(entry.node, (*path, key), keys, values)
