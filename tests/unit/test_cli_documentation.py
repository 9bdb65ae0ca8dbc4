"""`docs/command-line.md` and the parser say the same."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from directory_sync.cli.exit_status import MEANINGS, ExitStatus
from directory_sync.cli.parser import MODULES, build_parser
from directory_sync.present.rows import COLUMNS
from directory_sync.run.result import JobState

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
EVERYWHERE = {"-h", "--help", "-v", "--verbose"}


def leaves(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command that does something, with its parser."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield name, parser
    for group in groups:
        for command, below in group.choices.items():
            yield from leaves(below, f"{name} {command}".strip())


COMMANDS = dict(leaves(build_parser()))


def section(title: str) -> str:
    """The text below a heading of the second level."""
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def documented_options(text: str) -> set[str]:
    """What the first column of a section's table of options holds."""
    return {
        option
        for row in re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE)
        for option in re.findall(r"`([^`]+)`", row)
    }


def test_every_command_has_a_section() -> None:
    """The sections with a synopsis are exactly the commands."""
    assert set(re.findall(r"^## (.+)\n\n```\ndirectory-sync", PAGE, re.MULTILINE)) == set(COMMANDS)


def test_every_command_has_a_module() -> None:
    """The parser hands no command to a module that is not there."""
    assert {name.split()[0] for name in COMMANDS} == set(MODULES)


@pytest.mark.parametrize("command", COMMANDS)
def test_options_are_those_of_the_parser(command: str) -> None:
    """A command's table holds every option and argument that the parser knows, and no other; so does its
    synopsis.
    """
    actions = [action for action in COMMANDS[command]._actions if not EVERYWHERE & set(action.option_strings)]
    expected = {option for action in actions for option in action.option_strings or [str(action.metavar)]}
    synopsis = section(command).split("```")[1]

    assert documented_options(section(command)) == expected
    assert set(re.findall(r"--[a-z-]+", synopsis)) == {
        option for option in expected if option.startswith("--")
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_choices_and_defaults_are_those_of_the_parser(command: str) -> None:
    """The synopsis names every choice; the table says which is taken when nothing is said."""
    text = section(command)
    for action in COMMANDS[command]._actions:
        if action.choices is not None:
            assert f"{action.option_strings[0]} {'|'.join(action.choices)}]" in text
            assert f"`{action.default}` (default" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_verbose(command: str) -> None:
    """What the page says of every command holds for every command."""
    options = {option for action in COMMANDS[command]._actions for option in action.option_strings}

    assert documented_options(section("Options of every command")) == EVERYWHERE <= options


def test_exit_statuses_are_those_of_the_program() -> None:
    """Number and meaning of every exit status."""
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", section("Exit statuses"), re.MULTILINE)

    assert {int(number): meaning for number, meaning in rows} == {
        int(status): MEANINGS[status] for status in ExitStatus
    }


def test_job_states_are_those_of_the_program() -> None:
    """The page lists every state that a report can hold."""
    listed = section("The report").split("- `state`:", 1)[1].split("\n- ", 1)[0]

    assert set(re.findall(r"`(\w+)`", listed)) == {state.value for state in JobState}


def test_csv_columns_are_those_of_the_program() -> None:
    """The page lists the columns of a preview as CSV, in order."""
    listed = section("preview").split("in the columns ", 1)[1].split(". ", 1)[0]

    assert tuple(re.findall(r"`(\w+)`", listed)) == COLUMNS
