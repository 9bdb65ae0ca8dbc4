"""Checks of folders and files: that they are there, that this user may use them, and that others may not."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from directory_sync import settings
from directory_sync.doctor.codes import Code
from directory_sync.doctor.examination import Examination, this_user
from directory_sync.doctor.findings import Finding, ok, problem, skipped, warning
from directory_sync.store.database import parse_url

_LITTLE = 100 * 1024 * 1024
"""Bytes below which a disk counts as nearly full."""
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ceph", "glusterfs"})
"""File systems on which SQLite's locks do not work."""


def home(examination: Examination) -> Iterator[Finding]:
    """Airflow's home folder."""
    if not examination.has_home and not examination.home.exists():
        yield problem(Code.HOME_MISSING, folder=str(examination.home), user=this_user())
        return
    yield from _folder(examination, "AIRFLOW_HOME", examination.home, writable=True)


def data(examination: Examination) -> Iterator[Finding]:
    """The folder of the files that jobs read and write."""
    yield from _folder(examination, "data_folder", settings.data_folder(), writable=True)


def collections(examination: Examination) -> Iterator[Finding]:
    """The folder of the definition files."""
    folder = examination.collections_folder()
    yield from _folder(examination, "collections_folder", folder, writable=False)


def templates(examination: Examination) -> Iterator[Finding]:
    """The folder of the deployment's own templates."""
    folder = settings.templates_folder(examination.collections_folder())
    if folder is None:
        yield skipped(Code.NO_TEMPLATES)
    else:
        yield from _folder(examination, "templates_folder", folder, writable=False)


def store_file(examination: Examination) -> Iterator[Finding]:
    """The store's file, where it is one."""
    del examination
    url = parse_url(settings.database_url())
    if url.get_backend_name() != "sqlite":
        return
    file = Path(str(url.database))
    if not file.is_file():
        return  # the store's own checks say so
    if _mode(file) & 0o077:
        yield warning(Code.FILE_OPEN, file=str(file), mode=f"{_mode(file):o}")
    else:
        yield ok(Code.FILE_CLOSED, file=str(file))
    if not _may(file.parent, os.W_OK | os.X_OK):
        yield problem(Code.FOLDER_UNWRITABLE, what="database_url", folder=str(file.parent), user=this_user())
    if (kind := _file_system(file)) in _NETWORK:
        yield problem(Code.STORE_ON_NETWORK, file=str(file), kind=kind)
    if (free := shutil.disk_usage(file.parent).free) < _LITTLE:
        yield warning(Code.DISK_NEARLY_FULL, folder=str(file.parent), free=free // (1024 * 1024))


def config_file(examination: Examination) -> Iterator[Finding]:
    """Whether others may read Airflow's configuration file, which holds keys and passwords."""
    file = examination.config_file
    if file.is_file() and _mode(file) & 0o007:
        yield warning(Code.FILE_OPEN, file=str(file), mode=f"{_mode(file):o}")


def _folder(examination: Examination, what: str, folder: Path, *, writable: bool) -> Iterator[Finding]:
    examination.needs_home(folder)
    facts = {"what": what, "folder": str(folder), "user": this_user()}
    try:
        found = folder.stat()
    except FileNotFoundError:
        yield problem(Code.FOLDER_MISSING, **facts)
        return
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        yield problem(Code.FOLDER_UNREACHABLE, reason=reason, **facts)
        return
    if not stat.S_ISDIR(found.st_mode):
        yield problem(Code.NOT_A_FOLDER, **facts)
    elif not _may(folder, os.R_OK | os.X_OK):
        yield problem(Code.FOLDER_UNREADABLE, **facts)
    elif writable and not _may(folder, os.W_OK):
        yield problem(Code.FOLDER_UNWRITABLE, **facts)
    elif found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        yield warning(Code.FOLDER_OPEN, **facts)
    else:
        yield ok(Code.FOLDER_FINE, writable=writable, **facts)


def _may(path: Path, rights: int) -> bool:
    return os.access(path, rights, effective_ids=os.access in os.supports_effective_ids)


def _mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def _file_system(file: Path) -> str:
    """The kind of file system that holds a file, as Linux tells it; empty elsewhere."""
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    mounts = [(parts[1], parts[2]) for parts in map(str.split, lines) if len(parts) > 2]
    where = str(file.resolve())
    within = [each for each in mounts if where == each[0] or where.startswith(each[0].rstrip("/") + "/")]
    return max(within, key=lambda each: len(each[0]), default=("", ""))[1]
