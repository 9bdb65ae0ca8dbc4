"""The folders into which saved collections are written, a file for each, so that Airflow can read them.

A folder's mark says which revision of the store it holds, and which files belong to that. Files are written
aside and renamed, the mark last: a process that is killed leaves a folder that the next one puts in order.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

MARK = ".directory-sync.json"
CURRENT = "current"
"""Name of the folder that follows the store."""
BUNDLE = "directory_sync.airflow.bundle.DirectorySyncBundle"
"""The bundle as `[dag_processor] dag_bundle_config_list` names it."""
_PART = ".part"

log = logging.getLogger(__name__)


def file_name(name: str) -> str:
    """The name of a collection's file.

    The dash keeps it from being imported by mistake: Airflow puts the folder on Python's path, and a
    collection may be called as a library that others try to import.
    """
    return f"{_BEFORE}{name}{_AFTER}"


_BEFORE, _AFTER = "collection-", ".py"


def saved_names() -> frozenset[str]:
    """The names of the saved collections, as far as this machine's bundle has read them.

    Asks no store: it is called whenever Airflow parses a DAG file.
    """
    from airflow.dag_processing.bundles.base import get_bundle_base_folder

    found: set[str] = set()
    for bundle in configured_bundles():
        mark = read_mark(get_bundle_base_folder(bundle) / CURRENT)
        if mark is not None:
            found.update(name[len(_BEFORE) : -len(_AFTER)] for name in mark.sizes)
    return frozenset(found)


def configured_bundles() -> list[str]:
    """The names of the bundles of saved collections in Airflow's configuration; normally one."""
    from airflow.configuration import conf

    listed = conf.getjson("dag_processor", "dag_bundle_config_list", fallback=[])
    bundles = listed if isinstance(listed, list) else []
    return [
        str(each["name"])
        for each in bundles
        if isinstance(each, dict) and each.get("classpath") == BUNDLE and each.get("name")
    ]


@dataclass(frozen=True, slots=True)
class Mark:
    """What a folder holds.

    Attributes:
        revision: of the store.
        moment: when the version of that revision was saved, in ISO 8601; empty for revision 0.
        sizes: name of each file → its size in bytes.
    """

    revision: int
    moment: str
    sizes: Mapping[str, int]

    def is_of(self, revision: int, moment: datetime | None) -> bool:
        """Whether it is this revision, and not another one of its number in a store that was restored."""
        return (self.revision, self.moment) == (revision, _text(moment))


def read_mark(folder: Path) -> Mark | None:
    """The mark of a folder; None if there is none that can be read."""
    try:
        found: Any = json.loads((folder / MARK).read_text(encoding="utf-8"))
        return Mark(int(found["revision"]), str(found["moment"]), dict(found["sizes"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_complete(folder: Path, mark: Mark) -> bool:
    """Whether a folder holds all that its mark names, and no other file.

    Files below `/tmp` may be deleted by age, and a file may be empty after a power cut.
    """
    return _sizes(folder) == dict(mark.sizes)


def update(folder: Path, files: Mapping[str, str], *, revision: int, moment: datetime | None) -> None:
    """Let a folder hold exactly these files. What is the same stays untouched; its mark comes last.

    The caller holds the bundle's lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = {name: text.encode() for name, text in files.items()}
    for name, content in contents.items():
        _replace(folder / name, content)
    for entry in os.scandir(folder):
        if entry.name not in contents and entry.name != MARK and not entry.is_dir(follow_symlinks=False):
            Path(entry.path).unlink(missing_ok=True)
    mark = {
        "revision": revision,
        "moment": _text(moment),
        "sizes": {name: len(content) for name, content in contents.items()},
    }
    _replace(folder / MARK, json.dumps(mark).encode())


def make(folder: Path, files: Mapping[str, str], *, revision: int, moment: datetime | None) -> None:
    """Make a folder that holds these files; it is there at once, or not at all.

    The caller holds the bundle's lock.
    """
    mark = read_mark(folder)
    if mark is not None and mark.is_of(revision, moment) and is_complete(folder, mark):
        return  # another task was faster, and works with it
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".*{_PART}"):
        shutil.rmtree(left, ignore_errors=True)  # of a process that was killed
    part = folder.parent / f".{folder.name}{_PART}"
    update(part, files, revision=revision, moment=moment)
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)


def _replace(file: Path, content: bytes) -> None:
    try:
        if file.read_bytes() == content:
            return
        before = file.stat().st_mtime
    except OSError:
        before = 0.0
    part = file.with_name(f".{file.name}{_PART}")
    part.write_bytes(content)
    # Python takes what it has compiled for up to date if size and whole second are the same.
    if int(part.stat().st_mtime) <= int(before):
        os.utime(part, (int(before) + 1, int(before) + 1))
    part.replace(file)


def _sizes(folder: Path) -> dict[str, int]:
    found = {}
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name != MARK and entry.is_file(follow_symlinks=False):
                found[entry.name] = entry.stat(follow_symlinks=False).st_size
    return found


def _text(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()
