"""The processes of a started `airflow standalone`: each can be killed, as if its machine went away, and
replaced.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from demo.airflow_server import AirflowServer


class AirflowParts:
    """What `airflow standalone` has started, which it does not start again.

    Args:
        server: a started Airflow. What is started here instead of one of its parts is ended by `close`.
    """

    def __init__(self, server: AirflowServer) -> None:
        self._leader = server.process.pid
        self._home = server.log.parent
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        given = Path(f"/proc/{self._leader}/environ").read_bytes().decode(errors="surrogateescape")
        self._environment = dict(entry.split("=", 1) for entry in given.split("\0") if "=" in entry)

    def kill(self, part: str) -> None:
        """End a part (`triggerer`, `api-server`, …) and all its processes at once, without a word of
        warning.
        """
        started = self._started.pop(part, None)
        pid = started.pid if started else self._found(part)
        kill_tree(pid)
        if started:
            started.wait(10)

    def start(self, part: str, *arguments: str, **settings: str) -> None:
        """Start a part with the environment of the others, and some settings (`TRIGGERER__CAPACITY="10"`) of
        its own.
        """
        environment = self._environment | {f"AIRFLOW__{name}": value for name, value in settings.items()}
        with (self._home / f"{part}.log").open("ab") as log:
            self._started[part] = subprocess.Popen(
                [str(self._home / "bin" / "airflow"), part, *arguments],
                env=environment,
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def runs(self, part: str) -> bool:
        """Whether a part lives: the one that was started here, or else Airflow's own."""
        started = self._started.get(part)
        if started is not None:
            return started.poll() is None
        try:
            self._found(part)
        except LookupError:
            return False
        return True

    def close(self) -> None:
        """End what was started here, with everything below it."""
        for part in list(self._started):
            self.kill(part)

    def _found(self, part: str) -> int:
        name = re.compile(rb"airflow\0? ?" + part.encode().replace(b"-", b"[-_]"))
        for pid, parent in _parents():
            with suppress(OSError):
                if parent == self._leader and name.search(Path(f"/proc/{pid}/cmdline").read_bytes()):
                    return pid
        raise LookupError(f"Airflow has no {part}, or it was killed already.")


def kill_tree(pid: int) -> None:
    """Kill a process and everything below it; return when all are gone.

    Nobody can start another child meanwhile.
    """
    family = [pid]
    _signal(pid, signal.SIGSTOP)
    while more := [child for child, parent in _parents() if parent in family and child not in family]:
        family += more
        for child in more:
            _signal(child, signal.SIGSTOP)
    for member in family:
        _signal(member, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(_lives(member) for member in family) and time.monotonic() < deadline:
        time.sleep(0.02)


def _parents() -> Iterator[tuple[int, int]]:
    """All processes with their parents."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                # proc(5): the name in parentheses may itself hold spaces and parentheses.
                yield (
                    int(folder.name),
                    int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]),
                )


def _lives(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] not in "ZX"
    return False


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
