"""The commands and options of `directory-sync`.

Imports nothing of what the commands do, so that it starts at once.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from directory_sync import __version__
from directory_sync.cli.parser_basics import Commands, command, positive
from directory_sync.cli.parser_collections import add_collections
from directory_sync.cli.parser_requests import add_requests
from directory_sync.cli.terminal import PROGRAM
from directory_sync.definition.problems import suggest
from directory_sync.doctor.groups import Group

MODULES = {
    "validate": "directory_sync.cli.validate",
    "schema": "directory_sync.cli.schema",
    "preview": "directory_sync.cli.preview",
    "run": "directory_sync.cli.run",
    "query": "directory_sync.cli.query",
    "requests": "directory_sync.cli.requests",
    "collections": "directory_sync.cli.collections",
    "export": "directory_sync.cli.exporting",
    "import": "directory_sync.cli.importing",
    "db": "directory_sync.cli.db",
    "doctor": "directory_sync.cli.doctor",
}
"""Command → module whose function `main(arguments)` carries it out and returns the exit status."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=(
            "Checks, previews and runs job collections, without a running scheduler. Saves collections, and"
            " decides requests, in a running Airflow. Checks a deployment."
        ),
        epilog="Exit statuses and examples: docs/command-line.md.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_validate(commands)
    schema = command(
        commands, "schema", "print the JSON Schema of definition files", "For editors and other tools."
    )
    schema.add_argument(
        "--connection-rules",
        action="store_true",
        help="that of the file with the rules of connections instead",
    )
    _add_preview(commands)
    _add_run(commands)
    _add_query(commands)
    add_requests(commands)
    add_collections(commands)
    _add_db(commands)
    _add_doctor(commands)
    return parser


def _add_validate(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = command(
        commands,
        "validate",
        "check definitions",
        "Every problem is one line: FILE:LINE: key: what is wrong, what would be right. Needs no connection.",
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="definition file, or a folder of them"
    )
    parser.add_argument(
        "--format", choices=["text", "json"], default="text", help="how problems are shown (default: text)"
    )
    _add_templates(parser)


def _add_preview(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = command(
        commands,
        "preview",
        "plan the jobs and show what would change; writes nothing",
        "A job sees what the jobs before it would change.",
    )
    _add_file(parser)
    _add_job(parser, "preview only this job, as if no other job had run before it")
    parser.add_argument(
        "--format",
        choices=["table", "json", "csv", "ldif"],
        default="table",
        help="how the changes are shown (default: table)",
    )
    _add_folders(parser)


def _add_run(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = command(
        commands,
        "run",
        "plan and apply the jobs, here and now",
        "Jobs run in order, with their failure actions and limits, and are recorded in the store.",
    )
    _add_file(parser)
    _add_job(parser, "run only this job")
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="write what was done to this file, as JSON"
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="reason for the run; recorded with it")
    parser.add_argument(
        "--approved",
        type=positive,
        metavar="N",
        help="instead: apply request N, which is approved and was filed by a run from a terminal",
    )
    _add_folders(parser)


def _add_query(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = command(
        commands,
        "query",
        "show what a job's query returns",
        "Shows the fields that the job uses, of the first records in the order in which they are returned.",
    )
    _add_file(parser)
    parser.add_argument("--job", required=True, metavar="NAME", help="the job")
    parser.add_argument(
        "--side", choices=["source", "destination"], default="source", help="which side (default: source)"
    )
    parser.add_argument(
        "--first", type=positive, default=10, metavar="N", help="number of records (default: 10)"
    )
    parser.add_argument(
        "--format",
        choices=["table", "json", "csv"],
        default="table",
        help="how the records are shown (default: table)",
    )
    _add_folders(parser)


def _add_db(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "db",
        help="create, migrate or check the tables of the store; settle what broke off; grant; release a name",
        description=(
            "Create, migrate or check the tables of the store (setting database_url), settle what broke off,"
            " let an account read saved collections, or let the name of a collection go."
        ),
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    command(
        actions,
        "upgrade",
        "create or migrate the tables",
        "Creates what is missing, folders too. Safe to repeat.",
    )
    command(actions, "check", "see that the tables are there and of this version", "Changes nothing.")
    settle = command(
        actions,
        "settle",
        "settle plans, attempts and runs whose process is gone",
        "Looks at the objects of changes without a recorded outcome, records what was written, and closes"
        " what was left open. Writes nothing to any destination, and touches nothing whose process is alive.",
    )
    _add_data_folder(settle)
    grant = command(
        actions,
        "grant-reading",
        "let an account read the saved collections and nothing else",
        "For the account of Airflow's DAG processor, on PostgreSQL. Run it as the owner of the tables, after"
        " each migration. Safe to repeat.",
    )
    grant.add_argument("account", metavar="ACCOUNT", help="an account of the database server")
    release = command(
        actions,
        "release-name",
        "let the name of a collection from a file go",
        "For a file that was renamed or is gone: what runs or is saved under the name next gets it, with what"
        " its jobs know. A saved collection keeps its name until it is deleted.",
    )
    release.add_argument("name", metavar="NAME", help="name of the collection")


def _add_doctor(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = command(
        commands,
        "doctor",
        "check a deployment and say what to do",
        "Checks configuration, folders, store, definitions, Airflow, mail, connections and rights, and says"
        " what is wrong and what to do. Changes nothing.",
    )
    parser.add_argument(
        "--only",
        action="append",
        type=_group,
        metavar="GROUP",
        help=f"make only these checks: {', '.join(Group)}; may be repeated",
    )
    parser.add_argument(
        "--connection",
        action="append",
        metavar="NAME",
        help="test only this connection to a directory; may be repeated",
    )
    parser.add_argument(
        "--send-mail", metavar="TO", help="also send a mail to this address, to see whether it arrives"
    )
    parser.add_argument(
        "--format",
        choices=["table", "json"],
        default="table",
        help="how findings are shown (default: table)",
    )


def _group(text: str) -> Group:
    try:
        return Group(text)
    except ValueError:
        hint = suggest(text, Group, f"expected one of {', '.join(Group)}")
        raise argparse.ArgumentTypeError(hint) from None


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="definition file of the collection")


def _add_job(parser: argparse.ArgumentParser, help_: str) -> None:
    parser.add_argument("--job", metavar="NAME", help=help_)


def _add_templates(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--templates",
        type=Path,
        metavar="FOLDER",
        help="folder with templates in jobs/ and collections/ (default: the setting templates_folder)",
    )


def _add_folders(parser: argparse.ArgumentParser) -> None:
    _add_data_folder(parser)
    _add_templates(parser)


def _add_data_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-folder",
        type=Path,
        metavar="FOLDER",
        help="folder of the files that jobs read and write (default: the setting data_folder)",
    )
