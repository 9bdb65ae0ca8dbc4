"""The command against two real directories: a preview says exactly what a run does, and writes nothing."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ldap
import pytest

from directory_sync.cli.main import main
from tests.scenarios.people import containers, entry, ldif, people, person, person_dn
from tests.scenarios.slapd import Database, Slapd, SlapdMissing, free_port, slapd_root

CORP, LAB = "dc=corp,dc=example", "dc=lab,dc=example"
PEOPLE = 40

DEFINITION = """
name: corp_to_lab
jobs:
  - name: people
    on_failure: continue
    source:
      connection: corp
      container: ou=People,dc=corp,dc=example
      filter: (objectClass=inetOrgPerson)
    destination:
      connection: lab
      container: ou=People,dc=lab,dc=example
      filter: (objectClass=inetOrgPerson)
    object: inetOrgPerson
    rdn: uid
    missing_at_source: delete
    remove: all
    fields:
      uid: {from: uid, key: true}
      cn: cn
      sn: sn
      title: title
      mail: mail
      l: l
      jpegPhoto: jpegPhoto
    limits: {delete: DELETE_LIMIT}
  - name: groups
    source:
      connection: corp
      container: ou=Groups,dc=corp,dc=example
      filter: (objectClass=groupOfNames)
    destination:
      connection: lab
      container: ou=Groups,dc=lab,dc=example
      filter: (objectClass=groupOfNames)
    object: group
    fields:
      cn: {from: cn, key: true}
      description: description
      member: {members: member, match: uid}
"""


def stale_lab() -> Iterator[str]:
    """The lab as it was: people in part, with other titles, one who has left, and somebody with a comma in
    the name.
    """
    yield from containers(LAB)
    for one in people(PEOPLE // 2):
        attributes = one.attributes(LAB)
        for name in (
            "manager",
            "givenName",
            "displayName",
            "employeeNumber",
            "departmentNumber",
            "telephoneNumber",
        ):
            attributes.pop(name, None)
        if one.uid == person(3).uid:
            attributes["title"] = ["Käpt'n".encode()]
            attributes["mail"] = [b"old@example.org", *attributes["mail"]]
        yield entry(person_dn(one.uid, LAB), attributes)
    gone = {
        "objectClass": [b"inetOrgPerson"],
        "uid": [b"gone, long ago"],
        "cn": [b"Gone"],
        "sn": [b"\x1b[2JGone"],
    }
    yield entry(r"uid=gone\, long ago,ou=People," + LAB, gone)


@dataclass(frozen=True)
class Servers:
    """Both directories, and a third one that holds what the lab held at first."""

    corp: Slapd
    lab: Slapd
    copy: Slapd

    def dumps(self) -> tuple[str, str]:
        """Everything in both directories, operational attributes included."""
        return self.corp.dump(), self.lab.dump()


def start(stack: list[Slapd], server: Slapd, text: str) -> Slapd:
    """Load and start a server that is to be closed with the others."""
    stack.append(server)
    server.load(text)
    server.start()
    return server


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Servers]:
    """The directories, their connections in the environment, and a deployment with an empty store."""
    try:
        slapd_root()
    except SlapdMissing as error:
        pytest.skip(str(error))
    stack: list[Slapd] = []
    lab_text = "".join(stale_lab())
    try:
        servers = Servers(
            start(stack, Slapd(CORP), "".join(ldif(PEOPLE, suffix=CORP))),
            start(stack, Slapd(Database(LAB)), lab_text),
            start(stack, Slapd(Database(LAB)), lab_text),
        )
        connect(monkeypatch, "CORP", servers.corp)
        connect(monkeypatch, "LAB", servers.lab)
        monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
        monkeypatch.delenv("AIRFLOW_CONFIG", raising=False)
        assert main(["db", "upgrade"]) == 0
        yield servers
    finally:
        for server in stack:
            server.close()


def connect(monkeypatch: pytest.MonkeyPatch, name: str, server: Slapd, *, port: int | None = None) -> None:
    """Put a connection to a server into the environment."""
    connection = {
        "conn_type": "ldap",
        "host": "127.0.0.1",
        "port": port or server.port,
        "login": server.admin,
        "password": server.password,
        "extra": {"security": "none"},
    }
    monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The definition, with a limit that lets everything through."""
    return define(tmp_path, DEFINITION.replace("DELETE_LIMIT", "10"))


def define(folder: Path, text: str) -> Path:
    """Write a definition."""
    path = folder / "corp_to_lab.yaml"
    path.write_text(text)
    return path


def contents(server: Slapd) -> dict[str, dict[str, list[bytes]]]:
    """All entries with their user attributes; values in an order of their own."""
    connection = ldap.initialize(server.uri)
    try:
        connection.simple_bind_s(server.admin, server.password)
        found = connection.search_s(server.suffix, ldap.SCOPE_SUBTREE)
    finally:
        connection.unbind_s()
    return {
        dn.lower(): {name: sorted(values) for name, values in attributes.items()} for dn, attributes in found
    }


def output(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command."""
    capsys.readouterr()
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_preview_in_every_format_writes_nothing(
    servers: Servers, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both sides are byte for byte as they were; there are changes; standard output is what the format
    says.
    """
    before = servers.dumps()
    outputs = {
        name: output(capsys, "preview", file, "--format", name) for name in ("table", "json", "csv", "ldif")
    }

    assert servers.dumps() == before
    assert {name: status for name, (status, _, _) in outputs.items()} == dict.fromkeys(outputs, 10)
    assert not any("\x1b" in out for _, out, _ in outputs.values())

    report = json.loads(outputs["json"][1])
    people_job, groups_job = report["jobs"]
    assert people_job["statistics"] | {"updated": 0} == people_job["statistics"] | {
        "read": PEOPLE, "created": PEOPLE // 2, "updated": 0, "deleted": 1, "conflicts": 0, "errors": 0,
    }  # fmt: skip
    assert groups_job["statistics"]["created"] == groups_job["statistics"]["read"] > 0

    changes = [change for job in report["jobs"] for change in job["changes"]]
    rows = list(csv.DictReader(io.StringIO(outputs["csv"][1])))
    assert [(row["action"], row["key"], row["field"]) for row in rows] == [
        (change["action"], change["key"], field["field"]) for change in changes for field in change["fields"]
    ]
    table = outputs["table"][1]
    assert all(f"  {change['key']}  " in table for change in changes)
    assert table.index("\n  delete") < table.index("\n  update") < table.index("\n  create")


def test_the_ldif_of_a_preview_does_what_a_run_does(
    servers: Servers, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`ldapmodify` carries the LDIF out on a copy; afterwards the copy and the lab hold the same, and nothing
    is left to do.
    """
    tool = shutil.which("ldapmodify")
    if tool is None:
        pytest.skip("ldapmodify is not installed")
    changes = tmp_path / "changes.ldif"
    changes.write_text(output(capsys, "preview", file, "--format", "ldif")[1])
    before = contents(servers.copy)
    subprocess.run(
        [
            tool,
            "-x",
            "-H",
            servers.copy.uri,
            "-D",
            servers.copy.admin,
            "-w",
            servers.copy.password,
            "-f",
            changes,
        ],
        env={**os.environ, "LDAPNOINIT": "1"},
        check=True,
        capture_output=True,
    )
    status, out, _ = output(capsys, "run", file)

    assert status == 0, out
    assert contents(servers.copy) == contents(servers.lab) != before
    assert output(capsys, "preview", file)[0] == 0


@pytest.mark.usefixtures("servers")
def test_a_run_does_what_its_preview_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report holds the changes and the digest of the preview, and the states say that they were carried
    out.
    """
    preview = json.loads(output(capsys, "preview", file, "--job", "people", "--format", "json")[1])["jobs"]
    path = file.with_name("report.json")
    status, out, err = output(capsys, "run", file, "--job", "people", "--report", path)
    done = json.loads(path.read_text())["jobs"]

    assert (status, err) == (0, "")
    assert out.startswith(f"people: succeeded; {PEOPLE} read, ")
    assert [job["changes"] for job in done] == [job["changes"] for job in preview]
    assert [job["digest"] for job in done] == [job["digest"] for job in preview]
    assert [job["statistics"] for job in done] == [job["statistics"] for job in preview]
    assert [job["state"] for job in done] == ["success"]


def test_a_limit_stops_before_the_first_write(
    servers: Servers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 3 and nothing written for that job; the job after it runs, as its failure action says; all
    is reported.
    """
    file = define(tmp_path, DEFINITION.replace("DELETE_LIMIT", "0"))
    before = servers.dumps()
    status, out, _ = output(capsys, "preview", file, "--job", "people")
    assert status == 3
    assert "limit delete: 1 planned, 0 allowed" in out
    path = tmp_path / "report.json"
    status, out, _ = output(capsys, "run", file, "--job", "people", "--report", path)
    assert status == 3
    assert re.search(
        r"^people: stopped by a limit; \d+ changes; planned: 1 deletion, [^;]*; nothing written; ",
        out,
        re.MULTILINE,
    )

    assert servers.dumps() == before
    report = json.loads(path.read_text())["jobs"][0]
    assert report["state"] == "stopped_by_limit"
    assert (report["statistics"]["deleted"], report["planned"]["deleted"]) == (0, 1)
    assert {change["action"] for change in report["changes"]} == {"create", "update", "delete"}


def test_records_with_errors_do_not_stop_the_others(
    servers: Servers, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two people with one uid at the source: exit status 6, both are listed, everybody else is carried
    over.
    """
    connection = ldap.initialize(servers.corp.uri)
    connection.simple_bind_s(servers.corp.admin, servers.corp.password)
    twin = person(30).uid
    connection.add_s(
        f"cn=Twin,ou=People,{CORP}",
        [("objectClass", [b"inetOrgPerson"]), ("cn", [b"Twin"]), ("sn", [b"Twin"]), ("uid", [twin.encode()])],
    )
    connection.unbind_s()
    path = file.with_name("report.json")
    status, out, _ = output(capsys, "run", file, "--job", "people", "--report", path)
    job = json.loads(path.read_text())["jobs"][0]

    assert status == 6
    assert job["state"] == "success_with_errors"
    assert [error["key"] for error in job["errors"]] == [twin, twin]
    assert f"  error: {twin} (" in out
    assert person_dn(twin, LAB).lower() not in contents(servers.lab)
    assert person_dn(person(31).uid, LAB).lower() in contents(servers.lab)


@pytest.mark.parametrize(
    "command", [["preview"], ["run"], ["query", "--job", "people"]], ids=lambda command: command[0]
)
def test_a_server_that_cannot_be_reached(
    servers: Servers,
    file: Path,
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit status 1 and a message that names connection and address; never the password; the other side is
    untouched.
    """
    port = free_port()
    connect(monkeypatch, "CORP", servers.corp, port=port)
    before = servers.lab.dump()
    status, out, err = output(capsys, command[0], file, *command[1:])

    assert status == 1
    assert "connection corp" in out + err
    assert str(port) in out + err
    assert servers.corp.password not in out + err
    assert "Traceback" not in out + err
    assert servers.lab.dump() == before


def test_a_connection_that_does_not_exist(
    servers: Servers, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an initialised Airflow the message names the variable that would help, and nothing of Airflow's
    own.
    """
    monkeypatch.delenv("AIRFLOW_CONN_CORP")
    # In a process of its own, because Airflow settles its home when it is first imported.
    done = subprocess.run(
        [sys.executable, "-m", "directory_sync.cli.main", "query", file, "--job", "people"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert "AIRFLOW_CONN_CORP" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert servers.corp.password not in done.stderr


@pytest.mark.usefixtures("servers")
def test_query_shows_what_both_sides_return(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first records, with the fields that the job uses; in a pipe one line each, harmless, several values
    joined.
    """
    status, out, err = output(capsys, "query", file, "--job", "people", "--first", "3")
    lines = [line.split("\t") for line in out.splitlines()]

    assert status == 0
    assert lines[0][0] == "object"
    assert set(lines[0][1:]) == {"uid", "cn", "sn", "title", "mail", "l", "jpegPhoto"}
    assert [len(line) for line in lines] == [8] * 4
    assert "3 records of " in err

    status, out, _ = output(
        capsys, "query", file, "--job", "people", "--side", "destination", "--first", "100"
    )
    assert status == 0
    assert len(out.splitlines()) == 1 + PEOPLE // 2 + 1
    assert r"\x1b[2JGone" in out
    assert "\x1b" not in out
    assert "old@example.org | " in out or " | old@example.org" in out
    assert " bytes>" in out


@pytest.mark.parametrize("format_", ["json", "csv"])
@pytest.mark.usefixtures("servers")
def test_query_as_data(file: Path, format_: str, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON and CSV hold the records and nothing else."""
    status, out, err = output(capsys, "query", file, "--job", "groups", "--first", "1", "--format", format_)

    assert (status, err) == (0, "")
    if format_ == "json":
        (record,) = json.loads(out)["records"]
        assert record["object"].endswith(f"ou=Groups,{CORP}")
        assert set(record["fields"]) == {"cn", "description", "member"}
    else:
        header, row = csv.reader(io.StringIO(out))
        assert header == ["object", "cn", "description", "member"]
        assert row[0].endswith(f"ou=Groups,{CORP}")


@pytest.mark.parametrize("command", ["preview", "run"])
def test_an_interrupt_ends_the_command_cleanly(
    servers: Servers, file: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while a server does not answer: exit status 130, one message, no traceback, and no process is
    left behind.
    """
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        connect(monkeypatch, "CORP", servers.corp, port=silent.getsockname()[1])
        process = subprocess.Popen(
            [sys.executable, "-m", "directory_sync.cli.main", command, file],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A shell that starts tests in the background lets them ignore Ctrl-C, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
        )
        waiting, _ = silent.accept()
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
        waiting.close()

    assert (process.returncode, out, err) == (130, "", "directory-sync: interrupted.\n")
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_a_terminal_sees_progress_and_colour(servers: Servers, file: Path) -> None:
    """In a terminal there is a progress bar while servers are read, which is gone before the coloured result
    appears.
    """
    screen, terminal = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {
        "TERM": "xterm",
        "COLUMNS": "200",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "directory_sync.cli.main", "preview", file, "--job", "people"],
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
        env=environment,
    )
    os.close(terminal)
    shown = b""
    # Linux reports EIO when the other end of a terminal is closed.
    with contextlib.suppress(OSError):
        while part := os.read(screen, 65536):
            shown += part
    os.close(screen)

    assert process.wait(20) == 10, shown
    result = shown.index(b"\x1b[1mpeople\x1b[0m: ")
    assert b"people: read" in shown[:result]
    assert b"people: read" not in shown[result:]
    assert b"\x1b[31mdelete \x1b[0m" in shown[result:]
    assert servers.corp.password.encode() not in shown
