"""Where output goes: results to standard output, messages and progress to standard error, colour only into a
terminal.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TextIO

from directory_sync.printable import printable_lines

PROGRAM = "directory-sync"


def prepare_streams() -> None:
    """Make sure that no character of a result or message can end the command (an ASCII terminal, for
    example).
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def data_output() -> TextIO:
    """Standard output for JSON, CSV and LDIF: UTF-8 whatever the terminal's encoding is, because the formats
    say so.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    return sys.stdout


def message(text: str) -> None:
    """Tell the user something on standard error. On a full disk no one can be told."""
    with contextlib.suppress(OSError):
        print(f"{PROGRAM}: {printable_lines(text)}", file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """Tell the user about something that may be wrong."""
    message(f"warning: {text}")


def discard_output() -> None:
    """Let further output vanish: no one reads it any more, and Python would complain when it flushes at
    exit.
    """
    try:
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, sys.stdout.fileno())
        os.close(descriptor)
    except (OSError, ValueError):  # a replaced stream without a file behind it
        sys.stdout = io.StringIO()
