"""What the options of all commands are made of."""

from __future__ import annotations

import argparse

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def command(
    commands: Commands[argparse.ArgumentParser], name: str, help_: str, more: str
) -> argparse.ArgumentParser:
    """Add a command that does something; it can be verbose, as every one can.

    Args:
        commands: the group that it belongs to.
        name: of the command.
        help_: what it does, as a phrase without a full stop.
        more: what else its help says.
    """
    parser = commands.add_parser(
        name, help=help_, description=f"{help_[0].upper()}{help_[1:]}. {more}", allow_abbrev=False
    )
    parser.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=0,
        help="say more about what is being done; twice: also debugging lines, and tracebacks of errors",
    )
    return parser


def positive(text: str) -> int:
    """A whole number from 1."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, not {text!r}")
    return number
