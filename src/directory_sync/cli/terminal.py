"""Where output goes: results to standard output, messages and progress to standard error, colour only into a
terminal.
"""

from __future__ import annotations

import io
import os
import sys
from enum import StrEnum
from typing import TextIO

from directory_sync.run.printable import printable_lines

PROGRAM = "directory-sync"


class Colour(StrEnum):
    """Colours by what they mean (ECMA-48 SGR parameters)."""

    BOLD = "1"
    FAINT = "2"
    DANGER = "31"
    GOOD = "32"
    WARNING = "33"
    MOVE = "35"
    CHANGE = "36"


def is_terminal(stream: TextIO) -> bool:
    """Whether people look at this stream right now."""
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def has_colour(stream: TextIO) -> bool:
    """Whether colour is wanted: in a terminal that can, unless NO_COLOR is set (https://no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def coloured(text: str, colour: Colour, *, use: bool) -> str:
    """The text in a colour, or as it is."""
    return f"\x1b[{colour}m{text}\x1b[0m" if use else text


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
    """Tell the user something on standard error."""
    print(f"{PROGRAM}: {printable_lines(text)}", file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """Tell the user about something that may be wrong."""
    message(f"warning: {text}")


def discard_output() -> None:
    """Let further output vanish: nobody reads it any more, and Python would complain when it flushes at
    exit.
    """
    try:
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, sys.stdout.fileno())
        os.close(descriptor)
    except (OSError, ValueError):  # a replaced stream without a file behind it
        sys.stdout = io.StringIO()
