"""Where files with definitions are kept.

A catalogue gives documents; what they define is told here, for all kinds of catalogues alike. None of them
may ask the network: Airflow reads definitions each time it parses the DAG file, on every worker.
"""

from __future__ import annotations

import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from directory_sync.definition.documents import Document, read_document
from directory_sync.definition.loading import Broken, Loaded, judge, refuse_same_names
from directory_sync.definition.problems import Problem
from directory_sync.definition.templates import BUILT_IN, Templates
from directory_sync.errors import DefinitionError

ENDINGS = (".yaml", ".yml", ".json")
"""Endings of definition files."""

QUIET = timedelta(minutes=10)
"""How long a folder must have been as it is now, before what is missing in it counts as gone."""


class Catalogue(ABC):
    """Documents that define collections, each another one.

    `templates` are those that the documents may use.
    """

    def __init__(self, templates: Templates = BUILT_IN) -> None:
        self.templates = templates

    @abstractmethod
    def documents(self) -> Iterator[Document]:
        """All documents, in a fixed order. Raises DefinitionError if it cannot be told which there are."""

    @abstractmethod
    def mentioning(self, name: str) -> Iterator[Document]:
        """The documents that may define the collection of this name, found quickly.

        One that gives its name in an unusual way may be left out.
        """

    @abstractmethod
    def is_settled(self) -> bool:
        """Whether a collection that is missing now is certainly no longer defined.

        Raises DefinitionError if that cannot be told.
        """

    def all(self) -> list[Loaded | Broken]:
        """What each document defines. One that is broken takes no other away.

        Two documents that name the same collection are both broken. Raises DefinitionError as `documents`.
        """
        return refuse_same_names([judge(document, self.templates) for document in self.documents()])

    def get(self, name: str) -> Loaded | None:
        """The collection of this name, if it can be told without looking at all documents; None if not."""
        found = []
        for document in self.mentioning(name):
            result = judge(document, self.templates)
            if isinstance(result, Broken):
                return None  # it may claim the name too
            if result.name == name:
                found.append(result)
        return found[0] if len(found) == 1 else None

    def names(self) -> frozenset[str] | None:
        """The names of all collections that are defined, broken ones included; None if that is not certain.

        It is not while the catalogue is not settled, is empty, or holds a document that does not say which
        collection it is. Raises DefinitionError as `documents`.
        """
        if not self.is_settled():
            return None
        names = [each.name for each in self.all()]
        known = frozenset(name for name in names if name is not None)
        return known if known and None not in names else None


class FolderCatalogue(Catalogue):
    """The files `*.yaml`, `*.yml` and `*.json` of a folder, in order of their names."""

    def __init__(self, folder: Path, templates: Templates = BUILT_IN) -> None:
        super().__init__(templates)
        self.folder = folder

    def documents(self) -> Iterator[Document]:
        """All files. Raises DefinitionError if the folder cannot be read."""
        return (read_document(self.folder / entry.name) for entry in self._entries())

    def mentioning(self, name: str) -> Iterator[Document]:
        """Files in which something is called `name`."""
        wanted = name.encode()
        pattern = re.compile(rb"""\bname["']?\s*:\s*["']?%s\b""" % re.escape(wanted))
        # There may be thousands, and every task looks: so nothing but reading, and a plain search before the
        # pattern.
        for entry in self._entries():
            try:
                if not entry.is_file():
                    if _is_dangling(entry):
                        yield read_document(Path(entry.path))
                    continue
                with open(entry.path, "rb", buffering=0) as file:  # noqa: PTH123 - several times faster than Path
                    data = file.read()
            except OSError:
                yield read_document(Path(entry.path))  # which says what is wrong
                continue
            if wanted in data and pattern.search(data):
                yield read_document(Path(entry.path))

    def is_settled(self) -> bool:
        """Not if the folder was changed a moment ago, as while a new checkout is made, nor if no file is
        in it, as where a volume is not mounted.

        Raises DefinitionError if the folder cannot be read.
        """
        if not self._entries():
            return False
        try:
            changed = max(_changed(path) for path in (self.folder, *self.folder.iterdir()))
        except OSError as error:
            raise self._unreadable(error) from None
        return time.time() - changed >= QUIET.total_seconds()

    def _entries(self) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.folder) as entries:
                return sorted(
                    (each for each in entries if each.name.endswith(ENDINGS) and each.name[0] != "."),
                    key=lambda each: each.name,
                )
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> DefinitionError:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        message, hint = f"the folder cannot be read: {reason}", "create it, or name another one"
        return DefinitionError([Problem(str(self.folder), 1, 1, "", message, hint)])


def _is_dangling(entry: os.DirEntry[str]) -> bool:
    """Whether it is a symbolic link to nothing: its file may be back in a moment."""
    return entry.is_symlink() and not os.path.exists(entry.path)  # noqa: PTH110 - as it is at hand


def _changed(path: Path) -> float:
    """When a file, or else the link to it, was changed last."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return path.lstat().st_mtime
