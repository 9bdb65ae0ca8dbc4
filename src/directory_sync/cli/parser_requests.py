"""The options of `directory-sync requests …`. Imports nothing of what the commands do."""

from __future__ import annotations

import argparse
from pathlib import Path

from directory_sync.cli.parser_basics import Commands, command, positive

_FILTERS = {
    "--job": ("NAME", "only of this job"),
    "--requester": ("NAME", "only those that this user asked for"),
    "--approver": ("NAME", "only those that this user is asked to decide"),
    "--decided-by": ("NAME", "only those that this user has approved, denied or cancelled"),
    "--object": ("TEXT", "only those that change an object whose name holds this text"),
    "--description": ("TEXT", "only those whose description or reason holds this text"),
    "--event": ("EVENT", "only those to which this has happened: rerouted, escalated, expired, …"),
    "--until": ("TIME", "only those filed before this time, or on this day at the latest"),
}


def add_requests(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command with all that can be done."""
    parser = commands.add_parser(
        "requests",
        help="list, show and decide requests for approval",
        description="List, show and decide requests for approval, through the REST API of a running Airflow.",
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_list(actions)
    _add_show(actions)
    _add_decisions(actions)
    _add_reroute(actions)
    cancel = command(actions, "cancel", "withdraw a request", "For its requester, and for administrators.")
    _add_number(cancel)
    _add_reason(cancel, "why; recorded with the request")
    add_login(cancel)


def _add_list(actions: Commands[argparse.ArgumentParser]) -> None:
    parser = command(
        actions, "list", "list requests", "Newest first; without filters those that wait for your decision."
    )
    parser.add_argument(
        "--list",
        choices=["inbox", "mine", "all"],
        default="inbox",
        help=(
            "inbox: those that wait for your decision (default); mine: those that you asked for; all: for"
            " administrators"
        ),
    )
    parser.add_argument(
        "--state",
        action="append",
        metavar="STATE",
        help=(
            "only in this state: pending, approved, denied, expired, cancelled, stale or applied; may be"
            " repeated"
        ),
    )
    parser.add_argument(
        "--collection", action="append", metavar="NAME", help="only of this collection; may be repeated"
    )
    parser.add_argument(
        "--from", dest="from_", metavar="TIME", help="only those filed on this day (2026-01-31) or later"
    )
    for option, (metavar, help_) in _FILTERS.items():
        parser.add_argument(option, metavar=metavar, help=help_)
    parser.add_argument(
        "--first", type=positive, default=50, metavar="N", help="number of requests (default: 50)"
    )
    parser.add_argument(
        "--format",
        choices=["table", "json"],
        default="table",
        help="how the requests are shown (default: table)",
    )
    add_login(parser)


def _add_show(actions: Commands[argparse.ArgumentParser]) -> None:
    parser = command(
        actions,
        "show",
        "show one request",
        "What would change, limits, who is asked, what has happened, and the plan's digest.",
    )
    _add_number(parser)
    parser.add_argument("--changes", action="store_true", help="also every change, with old and new values")
    parser.add_argument(
        "--format",
        choices=["table", "json", "csv", "ldif"],
        default="table",
        help="how it is shown (default: table); csv and ldif: only the changes",
    )
    add_login(parser)


def _add_decisions(actions: Commands[argparse.ArgumentParser]) -> None:
    for name, help_, needs_reason in (
        ("approve", "approve a request", False),
        ("deny", "deny a request", True),
    ):
        parser = command(
            actions,
            name,
            help_,
            "Shows it in short and asks; without a terminal, --digest has to say which plan is meant.",
        )
        _add_number(parser)
        _add_reason(parser, "why; the requester is told", required=needs_reason)
        parser.add_argument(
            "--digest",
            metavar="DIGITS",
            help="beginning of the plan's digest, at least 12 digits; then the command does not ask",
        )
        parser.add_argument("--yes", action="store_true", help="in a terminal: show it, but do not ask")
        add_login(parser)


def _add_reroute(actions: Commands[argparse.ArgumentParser]) -> None:
    parser = command(actions, "reroute", "ask others too", "Those who were asked before can still decide.")
    _add_number(parser)
    parser.add_argument(
        "--to-user", action="append", metavar="NAME", help="user who is asked; may be repeated"
    )
    parser.add_argument(
        "--to-role", action="append", metavar="NAME", help="role whose members are asked; may be repeated"
    )
    _add_reason(parser, "why; recorded with the request")
    parser.add_argument(
        "--confirm-unknown",
        action="store_true",
        help="ask them even if Airflow does not know them, or does not let them see the collection",
    )
    add_login(parser)


def _add_number(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("request", type=positive, metavar="N", help="number of the request")


def _add_reason(parser: argparse.ArgumentParser, help_: str, *, required: bool = False) -> None:
    parser.add_argument("--reason", required=required, default="", metavar="TEXT", help=help_)


def add_login(parser: argparse.ArgumentParser) -> None:
    """Add where Airflow is, and who asks."""
    group = parser.add_argument_group(
        "Airflow and login", "No option takes a password or token, because others could read it."
    )
    group.add_argument(
        "--url",
        metavar="URL",
        help="address of Airflow (default: DIRECTORY_SYNC_URL, or Airflow's [api] base_url)",
    )
    who = group.add_mutually_exclusive_group()
    who.add_argument(
        "--user",
        metavar="NAME",
        help="log in as this user; the password is asked for, or in DIRECTORY_SYNC_PASSWORD",
    )
    who.add_argument(
        "--token-file", type=Path, metavar="FILE", help="file with a token (default: DIRECTORY_SYNC_TOKEN)"
    )
    group.add_argument(
        "--ca-certificate", type=Path, metavar="FILE", help="trust only the certificates in this PEM file"
    )
    group.add_argument(
        "--insecure-http", action="store_true", help="let the login go over the network unprotected"
    )
