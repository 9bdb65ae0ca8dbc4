"""Short Python programs in processes of their own, forked instead of started: what they import is there."""

from __future__ import annotations

import gc
import os
import runpy
import subprocess
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any


class ForkedPython(subprocess.Popen[str]):
    """As `subprocess.Popen([sys.executable, …], text=True)` is, but all that this process has imported is
    there at once: starting an interpreter and importing the store takes a second of a core's time.

    Not for programs about what is imported, or how much memory they need, and not where this process has the
    same SQLite file open: SQLite's locks do not survive a fork.

    Args:
        command: what follows `sys.executable`: `-c`, a program and its arguments, or `-m`, a module and its
            arguments.
    """

    def __init__(self, command: Sequence[str], **more: Any) -> None:
        super().__init__(command, text=True, **more)

    def _execute_child(self, command: Sequence[str], *given: Any) -> None:
        """Take the place of what subprocess does; the last of what it gives are both ends of three pipes."""
        ends = given[9:15]
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            become(command, ends[0], ends[3], ends[5])
        self._child_created = True
        self._close_pipe_fds(*ends)  # type: ignore[attr-defined]


def become(command: Sequence[str], stdin: int, stdout: int, stderr: int) -> None:
    """Run the program and end."""
    status = 1
    try:
        # Nothing that the parent has opened may be closed by Python later on: its number is another file's.
        gc.disable()
        for descriptor, number in ((stdin, 0), (stdout, 1), (stderr, 2)):
            if descriptor != -1:
                os.dup2(descriptor, number)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        warnings.resetwarnings()  # what is an error in tests is none in programs
        warnings.simplefilter("ignore")
        kind, program, *arguments = command
        sys.argv = [kind, *arguments]
        if kind == "-c":
            exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
        else:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
