"""Who speaks to Airflow: a token, or a user name with a password. Neither is ever an argument or shown."""

from __future__ import annotations

import getpass
import os
import re
import sys
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path

from directory_sync.cli.exit_status import UsageError
from directory_sync.present.terminal import is_terminal
from directory_sync.printable import printable

TOKEN_VARIABLE = "DIRECTORY_SYNC_TOKEN"  # noqa: S105 - a variable's name
PASSWORD_VARIABLE = "DIRECTORY_SYNC_PASSWORD"  # noqa: S105

_LARGEST_TOKEN = 100_000
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""RFC 6750, section 2.1."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token of Airflow's API.

    Attributes:
        source: where it came from, for messages.
    """

    text: str = field(repr=False)
    source: str


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and password, for which Airflow gives a token."""

    user: str
    password: str = field(repr=False)


def find_login(arguments: Namespace) -> Token | Login:
    """Return who speaks: as the options say, else the token from the environment.

    Raises UsageError if no one is named.
    """
    if arguments.token_file is not None:
        return _token(_read(arguments.token_file), f"--token-file {arguments.token_file}")
    if arguments.user is not None:
        return Login(_storable(arguments.user, "--user"), _password(arguments.user))
    if text := os.environ.get(TOKEN_VARIABLE, "").strip():
        return _token(text, TOKEN_VARIABLE)
    raise UsageError(
        "Airflow has to know who you are. Give --user NAME, or a token of its API by --token-file FILE or"
        f" {TOKEN_VARIABLE}."
    )


def _token(text: str, source: str) -> Token:
    # What is no token is not sent: line breaks would be headers of their own.
    if not _TOKEN.fullmatch(text):
        raise UsageError(f"{source} holds no token. It is one line of letters, digits and -._~+/=.")
    return Token(text, source)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(_LARGEST_TOKEN).decode("ascii", errors="replace").strip()
    except OSError as error:
        raise UsageError(f"--token-file: {file} cannot be read ({error.strerror}).") from None


def _password(user: str) -> str:
    if password := os.environ.get(PASSWORD_VARIABLE):
        return _storable(password, PASSWORD_VARIABLE)
    if not is_terminal(sys.stdin):
        raise UsageError(f"--user needs a password: set {PASSWORD_VARIABLE}, or use a token (--token-file).")
    try:
        password = getpass.getpass(f"Password of {printable(user)}: ")
    except EOFError:
        password = ""
    if not password:
        raise UsageError("No password was given, so nothing was sent.")
    return _storable(password, "The password")


def _storable(text: str, what: str) -> str:
    """The text, or UsageError without it where it cannot be sent."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{what} holds characters that are not valid text in this locale.") from None
    return text
