"""The options of `directory-sync collections …`, `export` and `import`. Imports nothing of what they do."""

from __future__ import annotations

import argparse
from pathlib import Path

from directory_sync.cli.parser_basics import Commands, command, positive
from directory_sync.cli.parser_requests import add_login

_REPORT_FILTERS = (
    ("--job", "NAME", "only of this job"),
    ("--search", "TEXT", "only where this is part of the key, an object's id, a field's name or a value"),
    ("--field", "NAME", "only changes of this field"),
    ("--action", "ACTION", "only such changes: create, update, move, disable or delete"),
    ("--result", "RESULT", "only with this result; open: those of which nothing has become yet"),
)


def add_collections(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the commands with all that can be done."""
    parser = commands.add_parser(
        "collections",
        help="list, show, save, rename, delete, run and stop saved collections, and report on runs",
        description=(
            "List, show, save, rename, delete, run and stop collections that are saved in the store, through"
            " the REST API of a running Airflow."
        ),
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_looking(actions)
    _add_saving(actions)
    _add_rename(actions)
    _add_running(actions)
    _add_export(commands)
    _add_import(commands)


def _add_looking(actions: Commands[argparse.ArgumentParser]) -> None:
    listing = command(actions, "list", "list saved collections", "All that you may see, by name.")
    _add_format(listing)
    add_login(listing)
    show = command(actions, "show", "show a saved collection", "Its definition, exactly as it was saved.")
    _add_name(show)
    show.add_argument("--version", type=positive, metavar="N", help="this version (default: the newest one)")
    show.add_argument(
        "--format",
        choices=["yaml", "json"],
        default="yaml",
        help="yaml: the definition (default); json: everything about it",
    )
    add_login(show)
    versions = command(
        actions,
        "versions",
        "list the versions of a collection",
        "Who saved each, when and why, and what changed; of a deleted collection too.",
    )
    _add_name(versions)
    _add_format(versions)
    add_login(versions)


def _add_saving(actions: Commands[argparse.ArgumentParser]) -> None:
    save = command(
        actions,
        "save",
        "save a definition file as a new collection, or as a new version",
        "In a terminal it shows what would change and asks; without one, --expected has to say which version"
        " was edited.",
    )
    save.add_argument("file", type=Path, metavar="FILE", help="definition file of one collection")
    _add_expected(save, "number of the version that you have edited, 0 for a new collection")
    _add_comment(save)
    add_login(save)
    delete = command(
        actions,
        "delete",
        "delete a saved collection",
        "Refused while a run of it goes on or a request waits, unless --stop is given. Its versions, runs and"
        " requests stay.",
    )
    _add_name(delete)
    delete.add_argument(
        "--confirm", metavar="NAME", help="the name again; without it, a terminal asks for it"
    )
    delete.add_argument(
        "--stop",
        action="store_true",
        help="stop its runs and cancel its requests, and delete it when they have ended",
    )
    _add_wait(delete, 120, "with --stop: seconds to wait for that (default: 120)")
    _add_expected(delete, "number of the newest version that you have seen (default: the newest one)")
    _add_comment(delete)
    add_login(delete)
    restore = command(
        actions,
        "restore",
        "save an earlier version again",
        "As a new version; also of a deleted collection. It is checked as a new one is.",
    )
    _add_name(restore)
    restore.add_argument("number", type=positive, metavar="N", help="number of the version")
    _add_expected(restore, "number of the newest version that you have seen (default: the newest one)")
    _add_comment(restore)
    add_login(restore)


def _add_rename(actions: Commands[argparse.ArgumentParser]) -> None:
    rename = command(
        actions,
        "rename",
        "give a saved collection another name",
        "Refused while a run of it goes on or a request waits. Its versions, runs and requests follow it, and"
        " so does what its jobs know; Airflow's own history stays under the old name. The title is changed by"
        " saving.",
    )
    _add_name(rename)
    rename.add_argument("to", metavar="NEW", help="the new name, which no collection has or had")
    _add_expected(rename, "number of the newest version that you have seen (default: the newest one)")
    _add_comment(rename)
    add_login(rename)


def _add_running(actions: Commands[argparse.ArgumentParser]) -> None:
    for name, help_, more in (
        ("run", "start a run of a collection in Airflow", "Saved or from a file; it does not wait for it."),
        (
            "preview",
            "start a preview of a collection in Airflow",
            "The run plans, and writes nothing. With --edited, no run is started: you alone get the answer.",
        ),
    ):
        parser = command(actions, name, help_, more)
        _add_name(parser)
        parser.add_argument(
            "--job", action="append", metavar="NAME", help="only this job; may be repeated (default: all)"
        )
        parser.add_argument(
            "--reason", default="", metavar="TEXT", help="reason for the run; recorded with it"
        )
        if name == "preview":
            parser.add_argument(
                "--edited",
                type=Path,
                metavar="FILE",
                help="instead of a run: what the definition in this file, which is not saved, would do, and"
                " what the edit itself causes",
            )
            _add_format(parser)
        add_login(parser)

    watch = command(
        actions,
        "watch",
        "tell how far a run in Airflow is",
        "What each job has read, planned and applied, until the run has ended.",
    )
    _add_run(watch)
    watch.add_argument("--once", action="store_true", help="tell it once, and do not wait for the end")
    watch.add_argument(
        "--format",
        choices=["table", "json"],
        default="table",
        help="how it is shown (default: table); json: once, everything about the run",
    )
    add_login(watch)
    report = command(
        actions,
        "report",
        "show the report of a run",
        "All changes of the run, by pattern and one by one, with the result of each.",
    )
    _add_run(report)
    for option, metavar, help_ in _REPORT_FILTERS:
        report.add_argument(option, dest=f"only_{option[2:]}", metavar=metavar, help=help_)
    report.add_argument(
        "--pattern",
        dest="only_pattern",
        type=_number,
        metavar="N",
        help="with --job: only the changes of this line of the patterns, from 1; 0: those without a line",
    )
    report.add_argument(
        "--order",
        choices=["consequence", "plan"],
        default="consequence",
        help="the most serious kind first (default), or as in the plan; of table and json",
    )
    report.add_argument(
        "--format",
        choices=["table", "json", "csv", "ldif"],
        default="table",
        help="how it is shown (default: table); csv and ldif: only the changes",
    )
    add_login(report)
    stop = command(
        actions,
        "stop",
        "stop a run in Airflow for good",
        "Its worker finishes the operations under way and records their outcomes. Later jobs do not run, its"
        " requests are cancelled, and nothing resumes it.",
    )
    _add_run(stop)
    stop.add_argument("--reason", default="", metavar="TEXT", help="why; kept with the run")
    _add_wait(stop, 0, "seconds to wait until it has ended (default: 0, not at all)")
    add_login(stop)


def _add_run(parser: argparse.ArgumentParser) -> None:
    _add_name(parser)
    parser.add_argument("run_id", metavar="RUN_ID", help="id of the run, as Airflow calls it")


def _add_wait(parser: argparse.ArgumentParser, default: int, help_: str) -> None:
    parser.add_argument("--wait", type=_number, default=default, metavar="SECONDS", help=help_)


def _add_export(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = command(
        commands,
        "export",
        "write collections into one YAML file",
        "Definition files, without any connection; or saved collections, through the REST API of a running"
        " Airflow. Definitions hold no secrets.",
    )
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="definition file, or a folder of them"
    )
    parser.add_argument(
        "--name", action="append", metavar="NAME", help="instead: this saved collection; may be repeated"
    )
    parser.add_argument("--all", action="store_true", help="instead: all saved collections that you may see")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write to this file (default: standard output)"
    )
    add_login(parser)


def _add_import(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = command(
        commands,
        "import",
        "save the collections of a YAML file",
        "Each is saved whole or not at all, and one that cannot be saved keeps no other from being saved.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="file with one or more definitions")
    parser.add_argument(
        "--clash",
        choices=["ask", "refuse", "skip", "replace"],
        default="ask",
        help="what to do where a name is taken (default: ask; without a terminal, refuse)",
    )
    parser.add_argument(
        "--rename",
        action="append",
        metavar="OLD=NEW",
        help="save this collection by another name; may be repeated",
    )
    parser.add_argument("--check", action="store_true", help="say what would be done, and save nothing")
    _add_comment(parser)
    _add_format(parser)
    add_login(parser)


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="name of the collection")


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=["table", "json"], default="table", help="how it is shown (default: table)"
    )


def _add_expected(parser: argparse.ArgumentParser, help_: str) -> None:
    parser.add_argument("--expected", type=_number, metavar="N", help=help_)


def _add_comment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--comment", default="", metavar="TEXT", help="why; kept with the version")


def _number(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0, not {text!r}")
    return number
