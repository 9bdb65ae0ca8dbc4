"""A process that has imported everything and is forked for each attempt, so that many attempts cost little.

Orders come as lines of JSON on standard input; the answers are the worker's process id and, later, its exit
status.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any, TextIO

Order = dict[str, Any]


def answers_only() -> TextIO:
    """Keep standard output for answers: whatever else is printed goes to standard error from now on."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def serve(work: Callable[[Order], int], answers: TextIO) -> None:
    """Carry out each order in a child, in a process group of its own, until standard input ends."""
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        order: Order = json.loads(line)

        def attempt(order: Order = order) -> int:
            answers.close()
            output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.close(output)
            os.environ.update(order["settings"])
            # A worker that hangs is asked where.
            faulthandler.register(signal.SIGUSR1, all_threads=True)
            return work(order)

        print(fork(attempt, lambda pid: print(pid, file=answers, flush=True)), file=answers, flush=True)


def fork(work: Callable[[], int | None], started: Callable[[int], None] = lambda pid: None) -> int:
    """Do something in a child; its exit status, negative for a signal."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setsid()
            status = work() or 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException:  # noqa: BLE001 - shown, and told by the status
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    started(pid)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)
