"""Knows every process that the demo started, also those of a demo that was killed, and ends exactly these.

A process that leads a session stands for all processes in that session. Reads `/proc`, so it works on Linux
only.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_LISTEN = "0A"  # include/net/tcp_states.h


@dataclass(frozen=True, slots=True)
class Process:
    """A process as the kernel knows it; start time in clock ticks since boot, so that a reused id is not
    mistaken for it.
    """

    pid: int
    session: int
    started: int
    parent: int


@dataclass(frozen=True, slots=True)
class _Started:
    name: str
    pid: int
    started: int
    boot: str


class Ledger:
    """The processes that were started, written to a file before anything else happens with them."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def add(self, name: str, pid: int) -> None:
        """Remember a process that was just started."""
        found = _process(pid)
        entry = _Started(name, pid, found.started if found else 0, _boot())
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(entry)) + "\n")

    def running(self) -> list[Process]:
        """All processes in the ledger that still live, with everything in their sessions and below them."""
        entries = self._entries()
        processes = {process.pid: process for process in _processes()}
        ours: dict[int, Process] = {}
        for entry in entries:
            leader = processes.get(entry.pid)
            if leader is not None and leader.started != entry.started:
                # The id now belongs to somebody else, which also means that the old session is empty.
                continue
            members = [p for p in processes.values() if p.session == entry.pid and p.started >= entry.started]
            ours.update({process.pid: process for process in [*members, *([leader] if leader else [])]})
        while below := [
            p for p in processes.values() if p.parent in ours and p.pid not in ours and p.pid != os.getpid()
        ]:
            ours.update({process.pid: process for process in below})
        return list(ours.values())

    def end_all(self, *, patience: float, hurry: Callable[[], bool] = lambda: False) -> int:
        """End them all: politely first, after `patience` seconds, or when somebody is in a hurry, for good.

        Returns how many.
        """
        processes = left = self.running()
        _signal(processes, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while (left := self._left(left)) and time.monotonic() < deadline and not hurry():
            time.sleep(0.1)
        while left:
            _signal(left, signal.SIGKILL)
            time.sleep(0.05)
            left = self._left(left)
        self._file.unlink(missing_ok=True)
        return len(processes)

    def _left(self, known: list[Process]) -> list[Process]:
        """What runs of our processes and of those that were known: one whose parent has ended first is still
        ours.
        """
        processes = {process.pid: process for process in _processes()}
        still = [p for p in known if p.pid in processes and processes[p.pid].started == p.started]
        return list({process.pid: process for process in (*still, *self.running())}.values())

    def _entries(self) -> list[_Started]:
        if not self._file.exists():
            return []
        boot, entries = _boot(), []
        for line in self._file.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError, TypeError):  # the last line of a demo that was killed while writing it
                entries.append(_Started(**json.loads(line)))
        return [entry for entry in entries if entry.boot == boot]


def listening_addresses(processes: list[Process]) -> set[str]:
    """The addresses at which these processes accept TCP connections, as the kernel writes them (`0100007F`:
    127.0.0.1).
    """
    sockets = set()
    for process in processes:
        with suppress(OSError):
            for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
                with suppress(OSError):
                    sockets.add(str(descriptor.readlink()))
    addresses = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                _, local, _, state, *_, inode = line.split()[:10]
                if state == _LISTEN and f"socket:[{inode}]" in sockets:
                    addresses.add(local.partition(":")[0])
    return addresses


def _signal(processes: list[Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _boot() -> str:
    return _BOOT.read_text(encoding="ascii").strip()


def _processes() -> Iterator[Process]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (process := _process(int(folder.name))):
            yield process


def _process(pid: int) -> Process | None:
    """The process with that id, or None if there is none or it is dead and only waits for its parent to
    notice.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # proc(5): the name in parentheses may itself hold spaces and parentheses.
    state, parent, _, session, *rest = stat.rpartition(")")[2].split()
    return None if state in "ZX" else Process(pid, int(session), int(rest[15]), int(parent))
