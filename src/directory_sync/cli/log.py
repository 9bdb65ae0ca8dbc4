"""Log lines of the command: to standard error, harmless for a terminal, above a progress bar if there is
one.
"""

from __future__ import annotations

import logging
import sys

from directory_sync.cli.terminal import PROGRAM
from directory_sync.printable import printable_lines


class _StandardErrorHandler(logging.Handler):
    """Writes to whatever standard error is at that moment: a progress bar replaces it while it is shown."""

    def __init__(self, *, tracebacks: bool) -> None:
        super().__init__()
        self._tracebacks = tracebacks

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
            text = self.format(record) if self._tracebacks else record.getMessage()
            print(f"{PROGRAM}: {level}{printable_lines(text)}", file=sys.stderr, flush=True)
        except Exception:  # noqa: BLE001 - logging never ends the program
            self.handleError(record)


def configure(level: int) -> None:
    """Show log lines of this package from a level on, and warnings of everything else; tracebacks only if
    debugging.
    """
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, _StandardErrorHandler):
            root.removeHandler(handler)
    root.addHandler(_StandardErrorHandler(tracebacks=level <= logging.DEBUG))
    logging.getLogger("directory_sync").setLevel(level)
