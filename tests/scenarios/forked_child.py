"""Work in a forked child that may be interrupted or killed, and that tells its parent where it is."""

from __future__ import annotations

import faulthandler
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

import pytest

Tell = Callable[[str], None]


class ForkedChild:
    """A process of its own, in a group of its own.

    What it raises is shown on standard error, and makes its status 1.
    """

    def __init__(self, work: Callable[[Tell], None]) -> None:
        """Begin; `work` gets what tells the parent a line."""
        self._reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(writing)
            self._lines = os.fdopen(self._reading, encoding="utf-8")
            return
        status = 1
        try:
            os.setsid()
            faulthandler.register(signal.SIGUSR1, file=2, all_threads=True)
            os.close(self._reading)
            work(lambda text: _write_line(writing, text))
            status = 0
        except BaseException:  # noqa: BLE001 - shown, and told by the status
            os.write(2, traceback.format_exc().encode(errors="backslashreplace"))
        finally:
            os._exit(status)

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGUSR1)
            time.sleep(1)
            os.kill(self.pid, signal.SIGKILL)

    def wait_for(self, stage: str) -> bool:
        """Read until it says so. False if it ended before."""
        return any(line.strip() == stage for line in self._lines)

    def end(self, patience: float = 120.0) -> int:
        """Wait until it has ended, and all that it started; its wait status. Nothing of it may stay behind.

        After so many seconds it is killed, and shows before where it was.
        """
        self._lines.close()
        killer = threading.Timer(patience, self._kill)
        killer.start()
        _, status = os.waitpid(self.pid, 0)
        killer.cancel()
        deadline = time.monotonic() + 10
        with suppress(ChildProcessError):
            while time.monotonic() < deadline:
                if os.waitpid(-self.pid, os.WNOHANG)[0] == 0:
                    time.sleep(0.005)
        with pytest.raises(ProcessLookupError):
            os.killpg(self.pid, 0)
        return status


def _write_line(descriptor: int, text: str) -> None:
    os.write(descriptor, f"{text}\n".encode())
