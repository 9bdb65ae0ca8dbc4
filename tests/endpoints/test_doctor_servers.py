"""`directory-sync doctor` and servers: directories, mail servers and databases that are right, wrong, away,
or silent.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from directory_sync.doctor import connections, mail
from directory_sync.doctor.codes import Code
from directory_sync.doctor.findings import Finding, State
from directory_sync.doctor.telling import tell
from directory_sync.store import migrate
from directory_sync.store.store import Store
from tests.scenarios import directories
from tests.scenarios.certificates import Authority
from tests.scenarios.examined import deployment, examined, problems
from tests.scenarios.postgres import Postgres
from tests.scenarios.slapd import Slapd, free_port
from tests.scenarios.smtp import SmtpServer
from tests.scenarios.told_runs import ToldRun, telling

DEFINITION = """name: corp
jobs:
  - name: people
    object: inetOrgPerson
    source: {{connection: lab, container: "{source}"}}
    destination: {{file: people.csv}}
    fields: {{uid: {{from: uid, key: true}}, cn: cn}}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment; nothing that is asked may take longer than two seconds."""
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 2.0)
    monkeypatch.setattr(mail, "SECONDS", 2.0)
    return deployment(tmp_path, monkeypatch)


Connect = Callable[..., None]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Set a connection in the environment."""

    def set_connection(name: str, **values: Any) -> None:
        values.setdefault("host", "127.0.0.1")
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(values))

    return set_connection


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


@pytest.fixture
def lab(new_slapd: Callable[..., Slapd], authority: Authority, connect: Connect) -> Slapd:
    """A directory with TLS, and the connection `lab` to it."""
    suffix = "dc=lab,dc=example"
    amy = f"dn: uid=amy,ou=people,{suffix}\nobjectClass: inetOrgPerson\nuid: amy\ncn: Amy\nsn: Wong\n"
    ldif = f"{directories.tree(suffix, 'people')}\n\n{amy}"
    server = new_slapd(suffix, ldif=ldif, certificate=authority.issue("doctor"))
    connect("lab", **_ldaps(server, authority))
    return server


def _ldaps(server: Slapd, authority: Authority, **values: Any) -> dict[str, Any]:
    return {
        "conn_type": "ldap",
        "port": server.tls_port,
        "login": server.admin,
        "password": server.password,
        "extra": {"ca_certificate": str(authority.ca)},
        **values,
    }


def _one(code: Code, *names: str, **asked: Any) -> Finding:
    return next(each for each in examined(*names, **asked) if each.code is code)


def test_a_directory_is_logged_in_to(home: Path, lab: Slapd) -> None:
    """With verified TLS; flavour and contexts are told, and the containers of definitions are there."""
    (home / "dags/collections/corp.yaml").write_text(DEFINITION.format(source=f"ou=People,{lab.suffix}"))

    assert problems("connections") == {}
    found = _one(Code.CONNECTION_FINE, "connections")
    assert found.facts["flavour"] == "openldap"
    assert list(found.facts["contexts"]) == [lab.suffix]
    assert "dc=lab,dc=example" in tell(found).text


def test_a_container_that_is_not_there(home: Path, lab: Slapd) -> None:
    """Is named with its connection; a job may create it, so it is a warning."""
    (home / "dags/collections/corp.yaml").write_text(DEFINITION.format(source=f"ou=Peeple,{lab.suffix}"))

    wrong = problems("connections")
    assert set(wrong) == {Code.CONTAINER_MISSING}
    assert wrong[Code.CONTAINER_MISSING].facts["container"] == "ou=Peeple,dc=lab,dc=example"


@pytest.mark.usefixtures("home")
def test_what_is_wrong_with_a_connection(
    lab: Slapd, authority: Authority, connect: Connect, silent: int, tmp_path: Path
) -> None:
    """Each fault is told with what to do; none shows the password, and silence ends in time."""
    other = Authority(tmp_path / "other", "Another CA")
    connect("password", **_ldaps(lab, authority, password="swordfish"))
    connect("authority", **_ldaps(lab, other))
    connect("name", **_ldaps(lab, authority, host="localhost.localdomain.invalid"))
    connect("plain", **_ldaps(lab, authority, port=lab.port))
    connect("away", **_ldaps(lab, authority, port=free_port()))
    connect("silent", **_ldaps(lab, authority, port=silent))
    connect("silent_plain", **_ldaps(lab, authority, port=silent, extra={"security": "none"}))
    connect("type", conn_type="http")
    names = ("password", "authority", "name", "plain", "away", "silent", "silent_plain", "type", "lab")
    started = time.monotonic()
    found = examined("connections.directories", connections=names)
    told = {str(each.facts.get("connection")): tell(each) for each in found if each.state is State.PROBLEM}
    codes = {each.facts.get("connection"): each.code for each in found if each.state is State.PROBLEM}

    assert time.monotonic() - started < 30
    assert set(told) == set(names) - {"lab"}
    assert codes["type"] is Code.CONNECTION_TYPE
    assert "password is wrong" in told["password"].text
    assert "ca_certificate" in told["authority"].do
    assert "cannot be resolved" in told["name"].text
    assert "without TLS" in told["plain"].text
    assert "refused" in told["away"].text
    assert "nothing answers within 2 seconds" in told["silent"].text
    assert all(each.do for each in told.values())
    assert "swordfish" not in repr(found)
    assert lab.password not in repr(found)


@pytest.mark.usefixtures("home")
def test_a_connection_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is told with a variable that can be set as it is told: it is read, and leads to a server."""
    (line,) = tell(problems("connections", connections=("nowhere",))[Code.CONNECTION_MISSING]).lines
    name, _, value = line.partition("=")
    monkeypatch.setenv(name, value.strip("'"))
    wrong = problems("connections", connections=("nowhere",))

    assert name == "AIRFLOW_CONN_NOWHERE"
    assert set(wrong) == {Code.CONNECTION_WRONG}
    assert "/path/to/ca.pem, which cannot be read" in tell(wrong[Code.CONNECTION_WRONG]).text


@pytest.mark.usefixtures("home")
def test_an_unsafe_connection_is_a_warning(lab: Slapd, connect: Connect) -> None:
    """It works, and is told as unsafe."""
    connect("unsafe", conn_type="ldap", port=lab.port, extra={"security": "none", "page_sise": 1})
    wrong = [each for each in examined("connections", connections=("unsafe",)) if each.state is State.WARNING]

    assert [each.code for each in wrong] == [Code.CONNECTION_DOUBTFUL] * 2
    assert "Did you mean page_size?" in tell(wrong[1]).text


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("base", "name", "code"),
    [
        ("ou=People,dc=lab,dc=example", "uid", Code.PEOPLE_FINE),
        ("ou=Peeple,dc=lab,dc=example", "uid", Code.PEOPLE_BASE_MISSING),
        ("no dn at all", "uid", Code.PEOPLE_BASE_MISSING),
        ("ou=People,dc=lab,dc=example", "sAMAccountName", Code.PEOPLE_NONE),
    ],
)
def test_the_people_directory(
    lab: Slapd, monkeypatch: pytest.MonkeyPatch, base: str, name: str, code: Code
) -> None:
    """It answers, has the container, and shows people by the attribute of their names."""
    assert lab
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__PEOPLE_CONNECTION", "lab")
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__PEOPLE_BASE", base)
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__PEOPLE_NAME", name)

    assert [each.code for each in examined("connections.people")] == [code]


# -- mail ----------------------------------------------------------------------------------------------------


@pytest.fixture
def mails(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment that sends mail through the connection `post`."""
    assert home
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__MAIL_CONNECTION", "post")
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__MAIL_FROM", "Sync <sync@x.example>")


PLAIN = {"disable_ssl": True, "disable_tls": True}
STARTTLS = {"disable_ssl": True}


@pytest.mark.usefixtures("mails")
def test_a_mail_server_is_greeted_and_gets_no_mail(connect: Connect) -> None:
    """Nothing is sent unless that was asked for."""
    with SmtpServer() as server:
        connect("post", conn_type="smtp", port=server.port, extra=PLAIN)
        assert set(problems("mail")) == {Code.MAIL_IN_CLEAR}
        assert Code.MAIL_SERVER_FINE in {each.code for each in examined("mail")}
        assert server.received == []
        assert Code.MAIL_SENT in {each.code for each in examined("mail", send_to="ann@x.example")}
        assert [each.to for each in server.received] == [("ann@x.example",)]
        assert server.received[0].message["From"] == "Sync <sync@x.example>"


@pytest.mark.usefixtures("mails")
def test_what_is_wrong_with_a_mail_server(
    connect: Connect, silent: int, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS, certificate, refusal and silence are told apart, in a bounded time."""
    issued = authority.issue("post")
    pair = (str(issued.certificate), str(issued.key))

    def post(port: int, extra: dict[str, Any], **values: Any) -> set[Code]:
        connect("post", conn_type="smtp", port=port, extra=extra, **values)
        return set(problems("mail", send_to="ann@x.example"))

    with SmtpServer(certificate=pair) as server:
        assert post(server.port, STARTTLS) == {Code.MAIL_CERTIFICATE}
        assert post(server.port, {**STARTTLS, "ssl_context": "none"}) == {Code.MAIL_NOT_VERIFIED}
        assert post(server.port, {**STARTTLS, "ssl_context": "nonsense"}) == {Code.MAIL_CONTEXT_WRONG}
        assert post(server.port, {}) == {Code.MAIL_TLS_AT_ONCE}
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
        assert post(server.port, STARTTLS) == set()
    with SmtpServer() as server:
        assert post(server.port, STARTTLS) == {Code.MAIL_NO_STARTTLS}
        assert post(server.port, PLAIN, login="me", password="swordfish") == {
            *(Code.MAIL_IN_CLEAR, Code.MAIL_NO_LOGIN)
        }
    with SmtpServer(refuse={"ann@x.example": "550 5.1.1 no such user"}) as server:
        assert post(server.port, PLAIN) == {Code.MAIL_IN_CLEAR, Code.MAIL_NOT_SENT}
    with SmtpServer(greeting="554 go away") as server:
        assert post(server.port, PLAIN) == {Code.MAIL_IN_CLEAR, Code.MAIL_REFUSED}
    started = time.monotonic()
    assert post(silent, PLAIN) == {Code.MAIL_IN_CLEAR, Code.MAIL_SILENT}
    assert post(silent, {}) == {Code.MAIL_SILENT}
    assert time.monotonic() - started < 20
    assert post(free_port(), {}) == {Code.MAIL_REFUSED}
    assert post(25, {}, host="") == {Code.MAIL_NO_HOST}


@pytest.mark.usefixtures("mails")
def test_what_is_wrong_with_the_mail_settings(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection, its type, and the sender."""
    assert set(problems("mail")) == {Code.MAIL_CONNECTION_MISSING}
    monkeypatch.setenv("AIRFLOW_CONN_POST", "{swordfish")
    wrong = problems("mail")
    assert set(wrong) == {Code.MAIL_CONNECTION_WRONG}
    assert "swordfish" not in repr(wrong)
    connect("post", conn_type="http")
    assert set(problems("mail")) == {Code.MAIL_CONNECTION_TYPE}
    with SmtpServer() as server:
        connect("post", conn_type="smtp", port=server.port, extra=PLAIN)
        monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__MAIL_FROM", "nobody")
        assert set(problems("mail")) == {Code.MAIL_IN_CLEAR, Code.MAIL_SENDER_WRONG}
        monkeypatch.delenv("AIRFLOW__DIRECTORY_SYNC__MAIL_FROM")
        assert set(problems("mail")) == {Code.MAIL_IN_CLEAR, Code.MAIL_SENDER_MISSING}


# -- databases -----------------------------------------------------------------------------------------------


@pytest.fixture
def store(home: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty PostgreSQL database that is the deployment's store."""
    assert home
    url = postgres.create_database()
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URL", url)
    return url


def test_a_postgresql_store(store: str) -> None:
    """Empty, older, right, and newer tables are told apart; the clock is compared."""
    assert set(problems("store")) == {Code.STORE_EMPTY}
    migrate.upgrade(store, migrate.REVISIONS[-2])
    assert set(problems("store")) == {Code.STORE_OLD}
    migrate.upgrade(store)
    assert problems("store") == {}
    assert {each.code for each in examined("store")} == {
        *(Code.STORE_FINE, Code.STORE_RIGHTS_FINE, Code.CLOCK_FINE, Code.NOTHING_LEFT_OPEN)
    }
    _run(store, "UPDATE directory_sync_alembic_version SET version_num = '9999'")
    assert set(problems("store")) == {Code.STORE_NEW}


def test_an_account_without_rights(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables that it may not write are named, with the statement that grants it."""
    migrate.upgrade(store)
    _run(
        store,
        "DROP ROLE IF EXISTS reader",
        "CREATE ROLE reader LOGIN",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
    )
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URL", store.replace("owner@", "reader@"))
    wrong = problems("store")

    assert set(wrong) == {Code.STORE_RIGHTS_MISSING}
    for line in tell(wrong[Code.STORE_RIGHTS_MISSING]).lines:
        _run(store, line)
    assert problems("store") == {}


@pytest.mark.usefixtures("home")
def test_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is one finding, without the password in its address."""
    url = f"postgresql://me:swordfish@127.0.0.1:{free_port()}/store"
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URL", url)
    found = examined("store")

    assert {each.code for each in found} == {Code.STORE_UNREACHABLE, Code.STORE_NOT_READY}
    assert "swordfish" not in repr(found)


def _run(url: str, *statements: str) -> None:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg2:"))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_what_was_left_open(home: Path) -> None:
    """Attempts and runs of processes that are gone are told, and left as they are."""
    url = f"sqlite:///{home}/directory_sync.db"
    with Store.open(url) as store:
        run = ToldRun(store, telling("failure"), trigger="terminal")
        store.runs.start_job(run.snapshot.id, "people")
        assert problems("store") == {}
        _run(
            url,
            "UPDATE directory_sync_job_run SET started = '2026-01-01 00:00:00.000000'",
            "UPDATE directory_sync_collection_run SET started = '2026-01-01 00:00:00.000000'",
        )
        for _ in range(2):
            facts = problems("store")[Code.LEFT_OPEN].facts
            assert (facts["plans"], facts["attempts"], facts["runs"]) == (0, 1, 0)
            assert list(facts["names"]) == [f"{run.snapshot.collection.name}.people"]  # type: ignore[arg-type]
        store.leftovers.close_left_attempts()
        assert problems("store")[Code.LEFT_OPEN].facts["runs"] == 1
        store.leftovers.close_left_runs()
        assert problems("store") == {}
