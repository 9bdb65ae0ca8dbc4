"""`directory-sync export`: definition files, or saved collections of a running Airflow, as one YAML file."""

from __future__ import annotations

import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from directory_sync.cli.collections_session import Collections, read_text
from directory_sync.cli.definitions import show_problems, templates_for
from directory_sync.cli.exit_status import ExitStatus, UsageError
from directory_sync.cli.requests_session import open_session
from directory_sync.cli.terminal import data_output
from directory_sync.collections.documents import join
from directory_sync.definition.catalogue import FolderCatalogue
from directory_sync.definition.documents import read_document
from directory_sync.definition.loading import Broken, Loaded, judge, refuse_same_names


def main(arguments: Namespace) -> ExitStatus:
    """Write the file. Raises UsageError, DefinitionError, and as `collections` where Airflow is asked."""
    if sum([bool(arguments.files), bool(arguments.name), arguments.all]) != 1:
        raise UsageError("export: give definition files, or --name NAME, or --all.")
    if arguments.files:
        return _files(arguments)
    with open_session(arguments) as session:
        _write(Collections(session).export(arguments.name or []), arguments.output)
    return ExitStatus.OK


def _files(arguments: Namespace) -> ExitStatus:
    found: dict[Path, Loaded | Broken] = {}
    for path in arguments.files:
        usable = templates_for(path, None)
        each = FolderCatalogue(path, usable).all() if path.is_dir() else [judge(read_document(path), usable)]
        found |= {Path(result.origin).resolve(): result for result in each}
    results = refuse_same_names(list(found.values()))
    if wrong := [result for result in results if isinstance(result, Broken)]:
        show_problems((problem for result in wrong for problem in result.problems), sys.stderr)
        return ExitStatus.WRONG_USAGE
    _write([join(read_text(Path(result.origin)) for result in results)], arguments.output)
    return ExitStatus.OK


def _write(parts: Iterable[str], output: Path | None) -> None:
    if output is None:
        for part in parts:
            data_output().write(part)
        return
    # Written aside, so that an older file stays whole if the answer breaks off.
    try:
        handle, aside = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.writelines(parts)
            Path(aside).replace(output)
        except BaseException:
            with suppress(OSError):
                Path(aside).unlink()
            raise
    except OSError as error:
        raise UsageError(f"--output: {output} cannot be written ({error.strerror}).") from None
