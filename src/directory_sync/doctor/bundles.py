"""The DAG bundles of Airflow's configuration, and the DAG files in those that are folders of this machine.

Airflow is not imported: its configuration is read as the settings are.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from directory_sync.settings.reading import dags_folder, read_airflow

SECTION, OPTION = "dag_processor", "dag_bundle_config_list"
VARIABLE = f"AIRFLOW__{SECTION.upper()}__{OPTION.upper()}"
LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"
DAGS_FOLDER = {"name": "dags-folder", "classpath": LOCAL, "kwargs": {}}
"""Airflow's default."""
SAVED_CLASS = "directory_sync.airflow.bundle.DirectorySyncBundle"
"""The bundle of the collections that are saved in the store."""
SAVED = {"name": "directory-sync", "classpath": SAVED_CLASS, "kwargs": {}}
WHOLE_LIST = json.dumps([DAGS_FOLDER, SAVED])
"""Airflow's default and ours, as the option is written."""

_PLAIN = frozenset({"path", "refresh_interval"})
"""Arguments of a local bundle that hold no secret."""
_MARK = b"directory_sync.airflow"
_FILES_AT_MOST = 20_000
_BYTES_AT_MOST = 1024 * 1024


class BundleListError(Exception):
    """The option is not a list of bundles; the text says why and quotes none of it."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """One bundle of the list.

    Attributes:
        name, classpath: as configured.
        folder: of a local bundle; None for one whose files are elsewhere.
    """

    name: str
    classpath: str
    folder: Path | None


def read_bundles() -> tuple[Bundle, ...]:
    """The bundles that Airflow reads. Raises BundleListError, SettingsError."""
    text = read_airflow(SECTION, OPTION)
    if not text:
        return (_bundle(DAGS_FOLDER),)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise BundleListError("it is not JSON") from None
    if not isinstance(found, list) or not found:
        raise BundleListError("it is not a list of bundles" if found else "it is empty")
    bundles = [_bundle(each) for each in found]
    names = [bundle.name for bundle in bundles]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise BundleListError(f"two bundles are called {twice}")
    return tuple(bundles)


def with_saved() -> str:
    """The list as it would be with the bundle of saved collections; empty where an entry may hold a secret,
    or cannot be read.
    """
    text = read_airflow(SECTION, OPTION)
    try:
        found = json.loads(text) if text else [DAGS_FOLDER]
    except (ValueError, RecursionError):
        return ""
    harmless = all(
        each.get("classpath") == LOCAL and set(each.get("kwargs") or {}) <= _PLAIN for each in found
    )
    return json.dumps([*found, SAVED]) if harmless else ""


def in_environment() -> bool:
    """Whether the option is set by an environment variable."""
    return VARIABLE in os.environ


def dag_files(bundles: Sequence[Bundle]) -> list[Path]:
    """The Python files of local bundles that use this package, in order of their names."""
    return sorted({path for bundle in bundles if bundle.folder for path in _dag_files(bundle.folder)})


def _bundle(entry: Any) -> Bundle:
    if not isinstance(entry, dict):
        raise BundleListError("an entry is not a mapping")
    name, classpath, kwargs = entry.get("name"), entry.get("classpath"), entry.get("kwargs")
    if not (isinstance(name, str) and name and isinstance(classpath, str) and isinstance(kwargs, dict)):
        raise BundleListError("an entry lacks a name, a classpath, or kwargs, which may be {}")
    folder = None
    if classpath == LOCAL:
        path = kwargs.get("path")
        folder = Path(path).expanduser() if isinstance(path, str) and path else dags_folder()
    return Bundle(name, classpath, folder)


def _dag_files(folder: Path) -> Iterator[Path]:
    seen = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith((".", "__pycache__")))
        for name in sorted(names):
            seen += 1
            if seen > _FILES_AT_MOST:
                return
            path = Path(parent, name)
            if name.endswith(".py") and mentions(path, _MARK):
                yield path


def mentions(path: Path, text: bytes) -> bool:
    """Whether a file holds a text; not if it cannot be read or is very large."""
    try:
        # A pipe would wait for someone to write into it.
        if not path.is_file() or path.stat().st_size > _BYTES_AT_MOST:
            return False
        return text in path.read_bytes()
    except OSError:
        return False
