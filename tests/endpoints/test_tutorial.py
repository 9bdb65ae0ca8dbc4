"""The tutorial of the command line, followed word by word against the demo's branch office, in a folder that
looks like the reader's checkout.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.directories import Directory, branch_office
from demo.processes import Ledger
from demo.surroundings import write_environment

PROJECT = Path(__file__).resolve().parents[2]
TEXT = (PROJECT / "docs" / "tutorial-command-line.md").read_text(encoding="utf-8")

_COMMAND = re.compile(r"^\$ (.+)\n(?:\$ echo \$\?\n(\d+)\n)?", re.MULTILINE)
"""A command, and the exit status that the tutorial then has the reader look at; without one it is 0."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who follows the tutorial."""

    folder: Path
    directory: Directory

    def follow(self, text: str) -> dict[str, str]:
        """Save the files and type the commands that a text shows; checks each exit status.

        Returns command → what it printed.
        """
        printed: dict[str, str] = {}
        for match in re.finditer(
            r"`(\.local/[\w/.]+)`[^`]*\n\n```(?:csv|yaml)\n(.*?)^```$|^```console\n(.*?)^```$",
            text,
            re.MULTILINE | re.DOTALL,
        ):
            if match[1]:
                (self.folder / match[1]).write_text(match[2], encoding="utf-8")
            else:
                for command, status in _COMMAND.findall(match[3]):
                    printed[command] = self.type(command, int(status or 0))
        return printed

    def type(self, command: str, status: int) -> str:
        """Type one command; checks its exit status and returns what it printed."""
        done = subprocess.run(
            ["sh", "-c", f". .local/demo/environment.sh; {command}"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def interns(self) -> set[str]:
        """The names of the entries in ou=Interns, as ldapsearch finds them."""
        ldif = self.directory.search("ou=Interns,dc=branch,dc=example", "(employeeType=Intern)", "dn")
        return set(re.findall(r"^dn:+ (.*)$", ldif, re.MULTILINE))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A reader in front of a running branch office, where nobody is yet."""
    home = tmp_path / ".local" / "demo"
    for folder in ("data", "collections", "airflow"):
        (home / folder).mkdir(parents=True)
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl (package openssl)")
    with branch_office(home / "branch_office", Ledger(home / "processes")) as directory:
        settings = {"collections_folder": str(home / "collections"), "data_folder": str(home / "data")}
        write_environment(home, PROJECT, settings, {"branch_office": directory.connection()}, airflow={})
        yield Reader(tmp_path, directory)


def test_the_tutorial_works(reader: Reader) -> None:
    """Every file and command of the tutorial, in order, ends with the status it shows and has the effect it
    tells of.
    """
    beginning, *rest = re.split(r"^## \d.*$", TEXT, flags=re.MULTILINE)
    sections = dict(enumerate(rest, start=1))
    assert reader.follow(beginning)
    reader.type("directory-sync db upgrade", 0)  # in the demo Airflow has done it
    reader.follow(sections[1])

    complaint = reader.follow(sections[2])["directory-sync preview .local/demo/collections/interns.yaml"]
    for named in ("people", "branch_office", "telefoneNumber"):
        assert named in complaint

    looked = reader.follow(sections[3])
    assert (
        "Cubert" in looked["directory-sync query .local/demo/collections/interns.yaml --job people --first 3"]
    )
    assert (
        looked["directory-sync preview .local/demo/collections/interns.yaml --format ldif"].count(
            "changetype: add"
        )
        == 7
    )
    assert reader.interns() == set()

    reader.follow(sections[4])
    after = reader.interns()
    assert len(after) == 6
    assert "uid=sally.wong,ou=Interns,dc=branch,dc=example" in after
    assert "uid=tinny.tim,ou=Interns,dc=branch,dc=example" not in after

    reader.follow(sections[5])
    assert reader.interns() == after
