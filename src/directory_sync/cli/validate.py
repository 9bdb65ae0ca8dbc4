"""`directory-sync validate`: checks definition files without any connection."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from directory_sync import settings
from directory_sync.cli.definitions import show_problems, templates_for
from directory_sync.cli.exit_status import ExitStatus
from directory_sync.cli.terminal import data_output, warn
from directory_sync.definition.catalogue import FolderCatalogue
from directory_sync.definition.documents import read_document
from directory_sync.definition.loading import Broken, Loaded, judge, refuse_same_names
from directory_sync.definition.problems import Problem
from directory_sync.definition.reach import unreachable
from directory_sync.definition.support import unsupported
from directory_sync.errors import SettingsError
from directory_sync.printable import printable, printable_json
from directory_sync.rights.connection_rules import ConnectionRules
from directory_sync.rights.judgement import broken_rules
from directory_sync.rights.reading import read_connection_rules
from directory_sync.rights.words import rule_problems


def main(arguments: Namespace) -> ExitStatus:
    """Show every problem of the files; `WRONG_USAGE` if one of them cannot be used."""
    modules, rules = settings.script_modules(), _rules()
    results = _load(arguments.files, arguments.templates)
    problems = {result.origin: _problems(result, modules, rules) for result in results}
    if arguments.format == "json":
        _print_json(results, problems)
    else:
        show_problems((problem for found in problems.values() for problem in found), sys.stdout)
        _print_summary(results, problems)
    return ExitStatus.WRONG_USAGE if any(isinstance(result, Broken) for result in results) else ExitStatus.OK


def _load(paths: Sequence[Path], templates: Path | None) -> list[Loaded | Broken]:
    """Read all files; those that name the same collection are broken, wherever they are."""
    results: dict[Path, Loaded | Broken] = {}
    for path in paths:
        usable = templates_for(path, templates)
        found = FolderCatalogue(path, usable).all() if path.is_dir() else [judge(read_document(path), usable)]
        # A file that is named twice, or named and in a folder that is named, is one file.
        results |= {Path(result.origin).resolve(): result for result in found}
    return refuse_same_names(list(results.values()))


def _rules() -> ConnectionRules | None:
    """The deployment's rules for connections; what keeps them from being read goes to standard error."""
    try:
        return read_connection_rules(settings.connection_rules())
    except SettingsError as error:
        warn(str(error))
        return None


def _problems(
    result: Loaded | Broken, modules: tuple[str, ...], rules: ConnectionRules | None
) -> list[Problem]:
    problems = list(result.problems)
    if isinstance(result, Loaded):
        problems += unsupported(result.collection, script_modules=modules, places=result.places)
        if result.collection.notifications is not None:
            problems += unreachable(result.collection, settings.mail_reach(), result.places)
        broken = broken_rules(result.collection, rules, None, settings.administrator_roles())
        problems += rule_problems(broken, result.places, severity="warning")
    # Files of one folder have been compared with each other already.
    unique = {(problem.file, problem.line, problem.key, problem.message): problem for problem in problems}
    return sorted(
        unique.values(),
        key=lambda problem: (
            problem.file != result.origin,
            problem.file,
            problem.line,
            problem.column,
        ),
    )


def _print_json(results: Sequence[Loaded | Broken], problems: dict[str, list[Problem]]) -> None:
    files = [
        {
            "file": result.origin,
            "collection": result.name,
            "valid": isinstance(result, Loaded),
            "problems": [problem.to_json() for problem in problems[result.origin]],
        }
        for result in results
    ]
    print(printable_json({"files": files}, indent=2), file=data_output())


def _print_summary(results: Sequence[Loaded | Broken], problems: dict[str, list[Problem]]) -> None:
    """Say on standard error what the lines on standard output do not: what was checked, and what a good file
    will do.
    """
    for result in results:
        if isinstance(result, Loaded):
            jobs = len(result.collection.jobs)
            paused = ", paused until it is switched on" if result.collection.paused else ""
            text = f"{result.origin}: collection {result.name}, {jobs} job{'s' if jobs != 1 else ''}{paused}"
            print(printable(text), file=sys.stderr)
    if not results:
        print("There is no definition file here (*.yaml, *.yml, *.json).", file=sys.stderr)
    found = [problem for file in problems.values() for problem in file]
    if found:
        errors = sum(problem.severity == "error" for problem in found)
        print(f"{errors} error{'s' if errors != 1 else ''}, {len(found) - errors} warnings", file=sys.stderr)
