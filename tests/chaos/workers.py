"""Processes that carry out a run: the command in a terminal, and an Airflow task; and how nothing of them may
stay behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

PATIENCE = 90.0
"""Seconds after which an attempt counts as hanging."""
_PR_SET_CHILD_SUBREAPER = 36
_NICE = ("nice", "-n", "2")


class Hanging(AssertionError):
    """An attempt that does not end."""


def adopt(*, yes: bool = True) -> None:
    """Whether children of a killed child become ours, so that none can hide as a zombie of somebody else."""
    assert ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0) == 0


@dataclass(frozen=True)
class Ended:
    """How an attempt ended.

    Attributes:
        status: exit status, negative for a signal; of Airflow 0 for a run that succeeded.
        text: everything it printed.
    """

    status: int
    text: str


class Attempt(Protocol):
    """A process that works on a run, in a process group of its own."""

    pid: int

    def running(self) -> bool:
        """Whether it has not ended yet."""

    def end(self) -> Ended:
        """Wait for its end. Raises Hanging."""


class Runner(Protocol):
    """Starts attempts."""

    kind: str

    def start(self, definition: Path, run: str, settings: Mapping[str, str]) -> Attempt:
        """Begin an attempt at a run; with the same name again, a retry."""


class TerminalRunner:
    """`directory-sync run`: each attempt is a run of its own."""

    kind = "terminal"

    def __init__(self, folder: Path) -> None:
        self._output = folder / "terminal.log"

    def start(self, definition: Path, run: str, settings: Mapping[str, str]) -> Attempt:
        command = [*_NICE, str(Path(sys.executable).with_name("directory-sync")), "run", str(definition)]
        with self._output.open("wb") as output:
            process = subprocess.Popen(
                command,
                env={**os.environ, **settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return _TerminalAttempt(process, self._output)


class _TerminalAttempt:
    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.pid = process.pid
        self._process = process
        self._output = output

    def running(self) -> bool:
        return self._process.poll() is None

    def end(self) -> Ended:
        try:
            status = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Hanging(_hanging(self.pid, self._output)) from None
        finally:
            _nobody_left(self.pid)
        return Ended(status, self._output.read_text(errors="replace"))


class ForkingRunner:
    """Attempts are forked from a process that has imported everything already.

    Args:
        kind: `command` for the terminal's command, `airflow` for the tasks of a DAG.
        folder: where output goes, and Airflow lives.
        settings: environment variables.
    """

    def __init__(self, kind: str, folder: Path, settings: Mapping[str, str]) -> None:
        self.kind = kind
        self._output = folder / f"{kind}.log"
        errors = folder / f"{kind}-stderr.log"
        self._errors = errors.open("wb")
        self._process = subprocess.Popen(
            [*_NICE, sys.executable, "-m", f"tests.chaos.{kind}_process", str(folder / kind)],
            env={**os.environ, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )
        answer = self.answer()
        if answer != "ready":
            raise RuntimeError(f"the {kind} process did not start: {answer} {errors.read_text()[-2000:]}")

    def start(self, definition: Path, run: str, settings: Mapping[str, str]) -> Attempt:
        assert self._process.stdin is not None
        order = {
            "definition": str(definition),
            "run": run,
            "settings": dict(settings),
            "output": str(self._output),
        }
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return _ForkedAttempt(int(self.answer()), self, self._output)

    def answer(self) -> str:
        """The next line of the process."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()


class _ForkedAttempt:
    def __init__(self, pid: int, runner: ForkingRunner, output: Path) -> None:
        self.pid = pid
        self._runner = runner
        self._output = output

    def running(self) -> bool:
        state = _state(self.pid)
        return state is not None and state != "Z"

    def end(self) -> Ended:
        deadline = time.monotonic() + PATIENCE
        while self.running():
            if time.monotonic() > deadline:
                text = _hanging(self.pid, self._output)
                self._runner.answer()
                _nobody_left(self.pid)
                raise Hanging(text)
            time.sleep(0.01)
        status = int(self._runner.answer())
        _nobody_left(self.pid)
        return Ended(status, self._output.read_text(errors="replace"))


def _state(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()[0]


def children(pid: int) -> Sequence[int]:
    """Ids of the processes that a process has started and that still run: the readers of a worker, also
    behind `nice`.
    """
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found += map(int, task.read_text().split())
    return found


def _group(pid: int) -> Iterator[tuple[int, str]]:
    """Processes of a group: id and state."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            words = stat.read_text().rpartition(")")[2].split()
            if int(words[2]) == pid:
                yield int(stat.parent.name), words[0]


def _nobody_left(pid: int) -> None:
    """See that all that a worker has started ends soon after it, and reap it."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-pid, os.WNOHANG)[0]:
                pass
        if not list(_group(pid)):
            return
        time.sleep(0.02)
    left = [(other, state, Path(f"/proc/{other}/wchan").read_text()) for other, state in _group(pid)]
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    raise AssertionError(f"processes are left behind by {pid}: {left}")


def _hanging(pid: int, output: Path) -> str:
    """Where a hanging worker is, as far as it says so when it is asked; it is killed."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGUSR1)
        time.sleep(1)
    seen = [
        f"process {other} ({state}): {Path(f'/proc/{other}/wchan').read_text()}"
        for other, state in _group(pid)
    ]
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    return "\n".join([f"no end after {PATIENCE:g} s", *seen, output.read_text(errors="replace")[-6000:]])
