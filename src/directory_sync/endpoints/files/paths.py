"""Where a file endpoint's file is, and opening it so that nothing outside the data folder and no device is
ever touched.
"""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, BinaryIO

from directory_sync.definition.addresses import FileEndpoint
from directory_sync.endpoints.evidence import Asked
from directory_sync.endpoints.whole import WholeSource
from directory_sync.errors import (
    AuthenticationError,
    EndpointError,
    EndpointUnavailable,
    IncompleteListing,
    MissingObjectError,
)

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


_READ_AT_ONCE = 1 << 16


def resolve_path(file: str, data_folder: Path) -> Path:
    """The absolute path of a file in the data folder, with symbolic links followed.

    Raises EndpointError for a path that is absolute, climbs with `..`, holds control characters, or leads out
    through a link.
    """
    label = f"file {file!r}"
    remedy = 'Give a path relative to the data folder, without ".." in it.'
    if not file or any(ord(character) < 32 or ord(character) == 127 for character in file):
        raise EndpointError("the path is empty or holds control characters.", endpoint=label, remedy=remedy)
    if (
        PurePosixPath(file).is_absolute()
        or PureWindowsPath(file).is_absolute()
        or PureWindowsPath(file).drive
    ):
        raise EndpointError("the path is absolute.", endpoint=label, remedy=remedy)
    if ".." in PurePosixPath(file).parts or ".." in PureWindowsPath(file).parts:
        raise EndpointError(
            'the path climbs out of its folder with ".." in it.', endpoint=label, remedy=remedy
        )
    try:
        root = data_folder.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise MissingObjectError(
            f"the data folder {data_folder} cannot be reached ({_reason(error)}).",
            endpoint=label,
            remedy="Create it, or change the setting data_folder.",
        ) from None
    try:
        path = (root / file).resolve()
    except (OSError, RuntimeError) as error:
        raise EndpointError(
            f"the path cannot be followed ({_reason(error)}).", endpoint=label, remedy=remedy
        ) from None
    if path == root or not path.is_relative_to(root):
        raise EndpointError(
            f"the path leads out of the data folder {root}.",
            endpoint=label,
            remedy="Put the file itself into the data folder instead of a link.",
        )
    return path


def open_file(path: Path, label: str) -> BinaryIO:
    """Open a regular file for reading.

    Raises MissingObjectError, AuthenticationError (rights) or EndpointError.
    """
    try:
        # Not blocking: opening a FIFO could wait for a writer indefinitely; the path is resolved, so a
        # link is an attack.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise MissingObjectError(
            "there is no such file.",
            endpoint=label,
            remedy=f"Put it to {path}, or correct the definition's file:.",
        ) from None
    except PermissionError:
        raise AuthenticationError(
            "the file may not be read.", endpoint=label, remedy=f"Give this user the right to read {path}."
        ) from None
    except OSError as error:
        raise EndpointUnavailable(f"the file cannot be opened ({_reason(error)}).", endpoint=label) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise EndpointError(
            "this is not a regular file.", endpoint=label, remedy="Name a file, not a folder or device."
        )
    return io.BufferedReader(_EndsWhereItEnded(descriptor, label), _READ_AT_ONCE)


class _EndsWhereItEnded(io.FileIO):
    """A file that is read no further than it was long when it was opened: one that grows faster than it is
    read would never end.
    """

    def __init__(self, descriptor: int, label: str) -> None:
        super().__init__(descriptor, "rb")
        self._label = label
        self._size = os.fstat(descriptor).st_size

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        count = super().readinto(buffer)
        if self.tell() > self._size:
            raise _changed(self._label)
        return count


@dataclass(frozen=True, slots=True)
class FileVersion:
    """What a file looked like when it was opened; tells whether someone wrote to it meanwhile."""

    device: int
    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, stream: BinaryIO) -> FileVersion:
        """The version of an open file."""
        return cls._from(os.fstat(stream.fileno()))

    @classmethod
    def _from(cls, status: os.stat_result) -> FileVersion:
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

    def must_still_be(self, path: Path, label: str) -> None:
        """Raise IncompleteListing if the file at the path is another one now, or was written to."""
        try:
            now = self._from(path.stat(follow_symlinks=False))
        except OSError:
            now = None
        if now != self:
            raise _changed(label)


def _changed(label: str) -> IncompleteListing:
    return IncompleteListing(
        "the file was changed while it was being read.",
        endpoint=label,
        remedy="Let the program that writes it finish first; best, it renames a new file over it.",
    )


class FileSource(WholeSource):
    """Base of sources that are files in the data folder."""

    def __init__(self, definition: FileEndpoint, data_folder: Path) -> None:
        self.label = f"file {definition.file}"
        self.path = resolve_path(definition.file, data_folder)
        self.asked = Asked(definition.file, filter=definition.filter or "")

    @property
    def identity(self) -> str:
        """The resolved path."""
        return str(self.path)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
