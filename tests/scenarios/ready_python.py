"""Python programs in processes of their own that have imported the whole library when they begin.

Run as a program it is the process that they are forked from, which has no file open: one for each process of
tests.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import directory_sync
from tests.scenarios.forked_python import become
from tests.scenarios.quick_engines import share_what_engines_learn

_LONGEST = 1 << 20
_AIRFLOWS = ("directory_sync.airflow", "directory_sync.portal")
"""What only Airflow's processes import."""


class ReadyPython(subprocess.Popen[str]):
    """As `subprocess.Popen([sys.executable, …], text=True)` is, without the second of a core's time that an
    interpreter takes to start and to import the store.

    Other than a `ForkedPython` it may use the same SQLite file as the tests: it is forked from a process that
    has no file open. Not for programs about what is imported, or how much memory they need.

    Args:
        command: what follows `sys.executable`: `-c`, a program and its arguments, or `-m`, a module and its
            arguments.
    """

    def __init__(self, command: Sequence[str], **more: Any) -> None:
        self._line: socket.socket | None = None
        super().__init__(command, text=True, **more)

    def _execute_child(self, command: Sequence[str], *given: Any) -> None:
        """Take the place of what subprocess does; the last of what it gives are both ends of three pipes."""
        cwd, environment, ends, new_session = given[4], given[5], given[9:15], given[20]
        asked = {
            "command": list(command),
            "cwd": str(cwd or os.getcwd()),  # noqa: PTH109 - as text
            "environment": dict(os.environ if environment is None else environment),
            "new_session": bool(new_session),
        }
        self._line, far = socket.socketpair()
        own = [number if end == -1 else end for number, end in enumerate((ends[0], ends[3], ends[5]))]
        socket.send_fds(_parent(), [json.dumps(asked).encode()], [*own, far.fileno()])
        far.close()
        self.pid = self._told()
        self._child_created = True
        self._close_pipe_fds(*ends)  # type: ignore[attr-defined]

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        """As `os.waitpid`, of a process that is another one's child."""
        if self._line is None or (wait_flags and not select.select([self._line], [], [], 0)[0]):
            return 0, 0
        status = self._told()
        self._line.close()
        self._line = None
        return self.pid, status

    def _told(self) -> int:
        """A number from the process that this one was forked from."""
        assert self._line is not None
        told = self._line.recv(4)
        # Else a program of which nothing is known would seem to have succeeded.
        assert len(told) == 4, "the process that others are forked from is gone"
        return int.from_bytes(told)

    def _internal_poll(self, _deadstate: Any = None, **_: Any) -> int | None:
        if self.returncode is None and self._child_created:
            pid, status = self._try_wait(os.WNOHANG)
            if pid:
                self._handle_exitstatus(status)  # type: ignore[attr-defined]
        return self.returncode


@functools.cache
def _parent() -> socket.socket:
    """The line to the process that programs are forked from; it ends when this process does."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with far:
        subprocess.Popen(
            [sys.executable, "-m", "tests.scenarios.ready_python", str(far.fileno())],
            pass_fds=[far.fileno()],
            stdin=subprocess.DEVNULL,
        ).returncode = 0  # no one waits for it
    return near


def _fork_programs(line: socket.socket) -> None:
    share_what_engines_learn()
    for found in pkgutil.walk_packages(directory_sync.__path__, "directory_sync."):
        if not found.name.startswith(_AIRFLOWS) and not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    importlib.import_module("sqlalchemy.dialects.postgresql.psycopg2")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    while True:
        asked, descriptors, _, _ = socket.recv_fds(line, _LONGEST, 4)
        if not asked:
            return
        if os.fork() == 0:
            line.close()
            _watch(json.loads(asked), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _watch(asked: dict[str, Any], descriptors: list[int]) -> None:
    """Fork the program, and tell its id and, once it has ended, its status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *standard, line = descriptors
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if asked["new_session"]:
            os.setsid()
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        become(asked["command"], *standard)
    for descriptor in standard:
        os.close(descriptor)
    os.write(line, pid.to_bytes(4))
    os.write(line, os.waitpid(pid, 0)[1].to_bytes(4))
    os._exit(0)


if __name__ == "__main__":
    _fork_programs(socket.socket(fileno=int(sys.argv[1])))
