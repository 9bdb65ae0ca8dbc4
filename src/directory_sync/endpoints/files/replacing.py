"""Giving a file new content as a whole: one writer at a time, and readers see the old file or the new one,
never a part.
"""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from directory_sync.errors import AuthenticationError, EndpointError, EndpointUnavailable

LOCK_PATIENCE = 30.0
"""Seconds that a writer waits for another one in the same folder."""

NEW_FILE_MODE = 0o640
NEW_FOLDER_MODE = 0o750


@contextmanager
def writing_to(path: Path, label: str) -> Iterator[None]:
    """Keep other writers away from a file, make its folder if need be, and remove what a killed writer left
    behind.

    The lock is on the folder (flock): it needs no file of its own, and the kernel takes it away when its
    holder dies. Raises EndpointUnavailable when another writer does not finish in time.
    """
    try:
        path.parent.mkdir(mode=NEW_FOLDER_MODE, parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise writing_failed(error, path, label) from None
    try:
        _lock(folder, path, label)
        for left_behind in path.parent.glob(_glob_escape(_temporary_prefix(path)) + "*"):
            with suppress(OSError):
                left_behind.unlink()
        yield
    finally:
        os.close(folder)


def replace_content(
    path: Path, label: str, write: Callable[[BinaryIO], None], before_replace: Callable[[], None]
) -> None:
    """Write new content next to the file and put it in the file's place, durably.

    The mode, and where allowed the owner, of an existing file are kept. To be called inside `writing_to`.

    `before_replace` is called when the content is complete; it may raise to leave the file as it is.
    """
    temporary: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=_temporary_prefix(path), dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as stream:
            _keep_mode_and_owner(path, stream.fileno())
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        before_replace()
        temporary.replace(path)
        temporary = None
        _sync_folder(path.parent)
    except OSError as error:
        raise writing_failed(error, path, label) from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink()


def check_writable(path: Path, label: str) -> None:
    """Raise EndpointError if the file cannot be replaced or, if it is not there, created."""
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise EndpointError(
            f"{folder} is not a folder.", endpoint=label, remedy="Correct the definition's file:."
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise writing_failed(PermissionError(), path, label)


def writing_failed(error: OSError, path: Path, label: str) -> EndpointError:
    """What to raise when a file cannot be written; the old file is still there, whole."""
    if isinstance(error, PermissionError):
        return AuthenticationError(
            "the file may not be written.",
            endpoint=label,
            remedy=f"Give this user the right to write to {path.parent}.",
        )
    return EndpointUnavailable(
        f"the file cannot be written ({error.strerror or error}).",
        endpoint=label,
        remedy="The file is as it was before. Look at the disk's free space and its health.",
    )


def _lock(folder: int, path: Path, label: str) -> None:
    deadline = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise EndpointUnavailable(
                    "another process has been writing to the same folder for too long.",
                    endpoint=label,
                    remedy=f"See who holds a lock on {path.parent}, then run the job again.",
                ) from None
            time.sleep(0.05)
        except OSError as error:
            raise writing_failed(error, path, label) from None
        else:
            return


def _temporary_prefix(path: Path) -> str:
    return f".{path.name}.directory-sync-"


def _glob_escape(text: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in text)


def _keep_mode_and_owner(path: Path, descriptor: int) -> None:
    try:
        old = path.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, NEW_FILE_MODE)
        return
    # The owner first: changing it clears set-id bits and may not be allowed, which is no reason to fail.
    with suppress(PermissionError):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
