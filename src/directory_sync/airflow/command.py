"""The command `airflow directory-sync …`: the same as `directory-sync …`, reachable where only `airflow` is
on the path.
"""

from __future__ import annotations

import argparse
import sys

from airflow.cli.cli_config import ActionCommand, Arg, CLICommand


def get_cli_commands() -> list[CLICommand]:
    """Return what Airflow adds to its command line."""
    return [
        ActionCommand(
            name="directory-sync",
            help="Check, preview and run job collections of Directory Sync",
            description=(
                "The same as the command directory-sync; airflow directory-sync -- --help shows its own help."
            ),
            func=run,
            args=(Arg(("arguments",), help="As for directory-sync", nargs=argparse.REMAINDER),),  # type: ignore[no-untyped-call]
        )
    ]


def run(arguments: argparse.Namespace) -> None:
    """Hand everything after `airflow directory-sync` to the command line of this package and exit with its
    status.
    """
    from directory_sync.cli.main import main

    remaining = list(arguments.arguments)
    if remaining[:1] == ["--"]:
        del remaining[0]
    sys.exit(main(remaining))
