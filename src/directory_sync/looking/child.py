"""The process that looks: reads questions from its standard input, a line each, and writes a line for each.

Run as `python -m directory_sync.looking.child`. It ends when nothing is asked for a while, when no one is
left to ask, and when a look takes too long.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
from typing import BinaryIO

from directory_sync.looking.answering import answer
from directory_sync.looking.bounds import IDLE_SECONDS, MEMORY_BYTES
from directory_sync.looking.wire import answer_to_json, asked_from_json, error_to_json

GRACE_SECONDS = 5
"""After its time a look that still goes on is ended, also where no one is left who would end it."""


def main() -> None:
    """Answer until nothing is asked any more."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    # Passwords of connections are in its memory.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    questions, answers = sys.stdin.fileno(), _own_output()
    while select.select([questions], [], [], IDLE_SECONDS)[0]:
        line = bytearray()
        while not line.endswith(b"\n"):
            piece = os.read(questions, 1 << 16)
            if not piece:
                return
            line += piece
        answers.write(_answered(bytes(line)) + b"\n")
        answers.flush()


def _own_output() -> BinaryIO:
    """What answers are written to. What else is printed, by a script of a definition say, is no part of one
    and goes nowhere.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return answers


def _answered(line: bytes) -> bytes:
    try:
        question, given, seconds = asked_from_json(line)
        signal.alarm(int(seconds) + GRACE_SECONDS)
        return answer_to_json(answer(question, given, seconds))
    except Exception as error:  # noqa: BLE001 - who asked is told
        return error_to_json(error)
    finally:
        signal.alarm(0)


if __name__ == "__main__":
    main()
