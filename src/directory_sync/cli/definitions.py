"""Finds and reads the definitions that a command is given, and shows what is wrong with them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from directory_sync import settings
from directory_sync.cli.exit_status import UsageError
from directory_sync.definition.documents import read_document
from directory_sync.definition.loading import Loaded, load
from directory_sync.definition.models import Collection, Job
from directory_sync.definition.problems import Problem, explain, suggest
from directory_sync.definition.support import refuse_unsupported
from directory_sync.definition.templates import FolderTemplates, Templates
from directory_sync.present.terminal import is_terminal
from directory_sync.printable import printable_lines
from directory_sync.run.connection_use import refuse_broken_rules
from directory_sync.run.deployment import Deployment


def load_definition(file: Path, templates: Path | None) -> Loaded:
    """Read the definition of a collection; warnings go to standard error. Raises DefinitionError."""
    if file.is_dir():
        raise UsageError(f"{file} is a folder; this command needs the definition file of one collection.")
    loaded = load(read_document(file), templates_for(file, templates))
    show_problems(loaded.problems, sys.stderr)
    return loaded


def templates_for(file: Path, given: Path | None) -> Templates:
    """The templates that a file, or the files of a folder, may use: in the folder that is given, or that the
    setting names.
    """
    if given is None:
        return FolderTemplates(settings.templates_folder(file if file.is_dir() else file.parent))
    if not given.is_dir():
        raise UsageError(f"--templates: there is no folder {given}.")
    return FolderTemplates(given)


def find_job(collection: Collection, name: str) -> Job:
    """Return the job of that name. Raises UsageError that names the nearest one."""
    try:
        return collection.job(name)
    except KeyError:
        names = [job.name for job in collection.jobs]
        hint = suggest(name, names) or f"The jobs are {', '.join(names)}."
        raise UsageError(f"--job: collection {collection.name} has no job {name!r}; {hint}") from None


def choose_jobs(loaded: Loaded, name: str | None, deployment: Deployment) -> list[Job]:
    """Return the job of that name, or all jobs of the collection that are enabled.

    Raises:
        UsageError: there is no such job.
        RulesBroken: the collection breaks a rule of the deployment's connections.
        UnsupportedError: one of them is not supported here; the message names file and line.
    """
    collection = loaded.collection
    jobs = collection.enabled_jobs if name is None else [find_job(collection, name)]
    refuse_broken_rules(collection, deployment, roles=None, places=loaded.places)
    refuse_unsupported(collection, jobs, script_modules=deployment.script_modules, places=loaded.places)
    return jobs


def show_problems(problems: Iterable[Problem], stream: TextIO) -> None:
    """Print each problem on one line; in a terminal also the lines of the file that it is about."""
    for problem in problems:
        text = explain(problem) if is_terminal(stream) else str(problem)
        print(printable_lines(text), file=stream)
