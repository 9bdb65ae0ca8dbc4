"""`directory-sync …` in this process, as a user of a running API server."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest import mock

import pytest

from directory_sync.cli.main import main
from tests.scenarios.portal_server import PortalServer

Output = tuple[int, str, str]


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    with mock.patch.dict(os.environ, values):
        yield


def run_as(server: PortalServer, user: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> Output:
    """Exit status, standard output, standard error."""
    capsys.readouterr()
    with _environment({"DIRECTORY_SYNC_URL": server.url, "DIRECTORY_SYNC_TOKEN": server.token(user)}):
        status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err
