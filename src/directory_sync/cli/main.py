"""The entry point of `directory-sync`: hands over to a command, and turns what goes wrong into a message and
an exit status.
"""

from __future__ import annotations

import errno
import importlib
import sys
import traceback
from argparse import Namespace
from collections.abc import Sequence
from typing import cast

from directory_sync.cli.exit_status import ExitStatus, UsageError
from directory_sync.cli.parser import MODULES, build_parser
from directory_sync.cli.terminal import discard_output, message, prepare_streams
from directory_sync.errors import DefinitionError, DirectorySyncError, NotAllowed

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Args:
        argv: arguments without the program's name; default: those of this process.
    """
    prepare_streams()
    try:
        status = _run(build_parser().parse_args(argv))
        # Here, so that a reader who is gone is noticed now and not by Python when it exits.
        sys.stdout.flush()
    except SystemExit as done:  # the parser has said what there is to say
        return done.code if isinstance(done.code, int) else ExitStatus.OK
    except BrokenPipeError:
        discard_output()
        return ExitStatus.BROKEN_PIPE
    except OSError as error:
        discard_output()
        message(f"standard output cannot be written ({error.strerror}).")
        return ExitStatus.FAILED
    except KeyboardInterrupt:
        message("interrupted.")
        return ExitStatus.INTERRUPTED
    return status


def _run(arguments: Namespace) -> ExitStatus:
    try:
        _configure_logging(arguments.verbose)
        module = importlib.import_module(MODULES[arguments.command])
        return cast(ExitStatus, module.main(arguments))
    except BrokenPipeError:
        raise
    except UsageError as error:
        message(str(error))
        return ExitStatus.WRONG_USAGE
    except DefinitionError as error:
        return _show_problems(error)
    except DirectorySyncError as error:
        _show_traceback(arguments)
        message(str(error))
        return ExitStatus.NOT_ALLOWED if isinstance(error, NotAllowed) else ExitStatus.FAILED
    except OSError as error:
        if error.errno not in _NO_ROOM:
            return _unexpected(arguments, error)
        message(f"{error.strerror}. Make room for output and temporary files, and run the command again.")
        return ExitStatus.FAILED
    except Exception as error:  # noqa: BLE001 - no one wants to read a traceback who did not ask for it
        return _unexpected(arguments, error)


def _unexpected(arguments: Namespace, error: Exception) -> ExitStatus:
    _show_traceback(arguments)
    hint = "" if arguments.verbose > 1 else "Add -vv to see where. "
    message(f"unexpected error ({type(error).__name__}): {str(error).rstrip('.')}. {hint}Please report it.")
    return ExitStatus.FAILED


def _show_problems(error: DefinitionError) -> ExitStatus:
    from directory_sync.cli.definitions import show_problems

    show_problems(error.problems, sys.stderr)
    return ExitStatus.WRONG_USAGE


def _show_traceback(arguments: Namespace) -> None:
    if arguments.verbose > 1:
        from directory_sync.printable import printable_lines

        print(printable_lines(traceback.format_exc()), file=sys.stderr)


def _configure_logging(verbose: int) -> None:
    """Log lines go to standard error: warnings always, what is being done with -v, everything with -vv."""
    import logging

    from directory_sync.cli.log import configure

    configure((logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)])


if __name__ == "__main__":
    sys.exit(main())
