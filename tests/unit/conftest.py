"""Unit tests use no network, start no process and write no file: what does is in another folder."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import TYPE_CHECKING

import croniter  # noqa: F401 - asks the program `file` about the machine, once
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_FORBIDDEN = {
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.mkdir",
    "os.posix_spawn",
    "os.remove",
    "os.rename",
    "os.system",
    "shutil.rmtree",
    "socket.bind",
    "socket.connect",
    "sqlite3.connect",
    "subprocess.Popen",
}
"""Events of `sys.audit`."""
_TEMPORARY = tempfile.gettempdir()
_watching = False
_seen: list[str] = []


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if not _watching:
        return
    if event in _FORBIDDEN:
        _note(event, f"{arguments!r:.200}", unless=False)
    elif event == "open":
        path, _, flags = arguments
        if isinstance(path, str) and isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR):
            # A spool has no name: what is opened is the folder that it is in.
            _note(event, path, unless=path in {os.devnull, _TEMPORARY})


def _note(event: str, path: str, *, unless: bool) -> None:
    # What Python and hypothesis keep for the next time.
    if not unless and not any(part in path for part in ("__pycache__", ".hypothesis")):
        _seen.append(f"{event} {path}")


sys.addaudithook(_audit)


@pytest.fixture(autouse=True)
def without_io() -> Iterator[None]:
    """Fail a test that does what unit tests do not do."""
    global _watching  # noqa: PLW0603 - an audit hook cannot be removed
    _watching = True
    _seen.clear()
    try:
        yield
    finally:
        _watching = False
    if _seen:
        pytest.fail("a unit test used files, processes or the network: " + "; ".join(_seen[:3]))
