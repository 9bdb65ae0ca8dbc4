"""Mail about requests from Airflow's tasks, through Airflow's SMTP connection, to a real server on this
machine.
"""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from directory_sync.airflow.mail import SmtpSender, deliver_mail, links
from directory_sync.approval.request import EventKind
from directory_sync.errors import MailError, StoreError
from directory_sync.store.outbox import Outbox
from directory_sync.store.store import Store
from tests.airflow.dag_runs import task_states
from tests.scenarios.certificates import Authority
from tests.scenarios.mail import file, text_of
from tests.scenarios.requests import decide
from tests.scenarios.smtp import SmtpServer

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

PLAIN = {"disable_ssl": True, "disable_tls": True, "timeout": 5, "retry_limit": 1}


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    """A server that takes everything."""
    with SmtpServer() as server:
        yield server


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets up mail: the connection `mail` to a port, and the settings."""

    def configure(
        port: int, *, host: str = "127.0.0.1", extra: dict[str, Any] | None = None, **settings: str
    ) -> None:
        connection = {
            "conn_type": "smtp",
            "host": host,
            "port": port,
            "extra": PLAIN if extra is None else extra,
        }
        monkeypatch.setenv("AIRFLOW_CONN_MAIL", json.dumps(connection))
        given = {
            "mail_connection": "mail",
            "mail_from": "Directory Sync <sync@corp.example>",
            "mail_domain": "corp.example",
        }
        for name, value in {**given, **settings}.items():
            monkeypatch.setenv(f"AIRFLOW__DIRECTORY_SYNC__{name.upper()}", value)

    return configure


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What our module says in the task log."""
    from airflow import settings

    assert settings  # its import sets logging up, which would remove the handler
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger, handler = logging.getLogger("directory_sync.airflow.mail"), Lines()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lines
    logger.removeHandler(handler)
    logger.setLevel(level)


def noted(store: Store, request: int) -> list[tuple[list[str], str]]:
    """Of each `mailed` event: who was reached, and the problem."""
    events = store.requests.get(request).events
    return [((event.data or {})["to"], event.text) for event in events if event.kind is EventKind.MAILED]


def test_a_task_sends_what_is_due(
    store: Store,
    server: SmtpServer,
    configured: Callable[..., None],
    run_dag: Callable[..., DagRun],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """In a run of a DAG: settings, connection, role addresses and the deployment's own templates count; one
    session for all.
    """
    from airflow.sdk import DAG, task

    (tmp_path / "mail").mkdir()
    (tmp_path / "mail" / "asked.subject.txt").write_text("Ours: {{ request.id }}")
    configured(server.port, role_addresses="Heads=heads@corp.example", templates_folder=str(tmp_path))
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://af.example:8443/airflow/")
    request = file(store, users=("bea",), roles=("Heads",), reason="Ünïcode")
    url = str(store._database.url)

    with DAG("mails", schedule=None) as dag:

        @task
        def send() -> None:
            with Store.open(url) as opened:
                deliver_mail(opened)

        send()

    assert task_states(run_dag(dag)) == {"send": "success"}
    assert [(mail.sender, mail.to) for mail in server.received] == [
        ("sync@corp.example", ("bea@corp.example",)),
        ("sync@corp.example", ("heads@corp.example",)),
        ("sync@corp.example", ("ida@corp.example",)),
    ]
    assert server.sessions == 1
    for mail in server.received[:2]:
        assert mail.message["Subject"] == f"Ours: {request}"
        assert mail.message["From"] == "Directory Sync <sync@corp.example>"
        assert (
            f"https://af.example:8443/airflow/plugin/dirsync/airflow/dirsync/requests/{request}"
            in text_of(mail.message)
        )
        assert "Ünïcode" in text_of(mail.message)
    assert noted(store, request) == [(["bea@corp.example", "heads@corp.example", "ida@corp.example"], "")]


def test_without_a_connection_nothing_happens(
    store: Store, configured: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mail is off by default: nothing is looked up, sent or noted, and it is all there when it is switched
    on.
    """
    configured(1, mail_connection="")
    request = file(store)
    monkeypatch.setattr(Outbox, "claim_mail", lambda *_, **__: pytest.fail("asked the outbox"))
    deliver_mail(store)
    assert noted(store, request) == []


def test_the_log_says_what_was_sent(
    store: Store, server: SmtpServer, configured: Callable[..., None], logged: list[str]
) -> None:
    """A line for each mail, and one for each problem."""
    configured(server.port)
    server.refuse = {"zoe@corp.example": "451 4.7.1 come back\x1b[2J later"}
    request = file(store)
    deliver_mail(store)
    sent, _, problem = logged
    assert sent == f"Mail was sent. request={request} about=filed to=bea@corp.example"
    assert "was not sent to everyone" in problem
    assert "The mail server refuses the address zoe@corp.example: 451 4.7.1 come back" in problem
    assert "\x1b" not in problem


def test_an_address_that_is_refused_for_good_is_given_up(
    store: Store, server: SmtpServer, configured: Callable[..., None]
) -> None:
    """The other mails of the same session go out; the history says who was not reached, and why."""
    configured(server.port)
    server.refuse = {"bea@corp.example": "550 5.1.1 no such user"}
    request = file(store)
    deliver_mail(store)
    deliver_mail(store)
    assert [mail.to for mail in server.received] == [("zoe@corp.example",), ("ida@corp.example",)]
    [event] = [event for event in store.requests.get(request).events if event.kind is EventKind.MAILED]
    [unreached] = (event.data or {})["unreached"]
    assert unreached["name"] == "bea"
    assert unreached["why"] == "The mail server refuses the address bea@corp.example: 550 5.1.1 no such user."
    assert server.commands.count("rcpt TO:<bea@corp.example>") == 1


def test_a_session_that_the_server_ends_is_opened_again(
    store: Store, server: SmtpServer, configured: Callable[..., None]
) -> None:
    """Some servers take one mail per session."""
    configured(server.port)
    server.mails_per_session = 1
    request = file(store, users=("bea", "zoe", "max"))
    deliver_mail(store)
    assert [mail.to[0].partition("@")[0] for mail in server.received] == ["bea", "zoe", "max", "ida"]
    assert server.sessions == 4
    assert noted(store, request)[0][1] == ""


def test_a_server_that_breaks_off_is_tried_later(
    store: Store, server: SmtpServer, configured: Callable[..., None]
) -> None:
    """A mail that was not acknowledged does not count as sent."""
    configured(server.port)
    server.drop_data = 9
    request = file(store)
    deliver_mail(store)
    assert server.received == []
    assert noted(store, request) == [
        ([], "The mail server takes no mail: it broke the connection. See its log.")
    ]
    assert server.sessions == 1


def _nobody_listens() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize(
    ("greeting", "said"),
    [
        (
            None,
            (
                "it cannot be reached: Connection refused. See that it runs, and check host and port of the"
                " mail connection."
            ),
        ),
        ("554 5.7.1 go away", "554 5.7.1 go away. See its log."),
        ("421 4.3.2 too busy", "421 4.3.2 too busy. See its log."),
    ],
    ids=["refused", "no service", "busy"],
)
def test_no_server_costs_no_task(
    store: Store, server: SmtpServer, configured: Callable[..., None], greeting: str | None, said: str
) -> None:
    """What the task was about is done; the problem stands in the request's history, once, and the mail goes
    out later.
    """
    configured(_nobody_listens() if greeting is None else server.port)
    if greeting is not None:
        server.greeting = greeting
    request = file(store)
    deliver_mail(store)
    deliver_mail(store)
    assert noted(store, request) == [([], f"The mail server takes no mail: {said}")]
    assert server.received == []


@pytest.mark.parametrize("connection", ["", "not json", '{"conn_type": "smtp"}'])
def test_a_connection_that_cannot_be_used_costs_no_task(
    store: Store, configured: Callable[..., None], monkeypatch: pytest.MonkeyPatch, connection: str
) -> None:
    """The history names it; nothing of it is shown."""
    configured(1)
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", connection)
    request = file(store)
    deliver_mail(store)
    [(_, problem)] = noted(store, request)
    assert problem


def test_a_wrong_setting_costs_no_task(
    store: Store, configured: Callable[..., None], logged: list[str]
) -> None:
    """The log names the setting, and no mail is lost."""
    configured(1, role_addresses="nonsense")
    request = file(store)
    deliver_mail(store)
    assert ["role_addresses" in line for line in logged] == [True]
    assert noted(store, request) == []


def test_a_store_that_is_away_costs_no_task(
    store: Store, server: SmtpServer, configured: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither does a defect of ours."""
    configured(server.port)

    def fail(error: Exception) -> Callable[..., Any]:
        def raise_it(*_: Any, **__: Any) -> Any:
            raise error

        return raise_it

    for error in (StoreError("away"), ZeroDivisionError()):
        monkeypatch.setattr(Outbox, "claim_mail", fail(error))
        deliver_mail(store)


@pytest.mark.parametrize("trusted", [True, False])
def test_certificates_are_verified(
    store: Store,
    configured: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    trusted: bool,
) -> None:
    """With StartTLS, which is the connection's default: an unknown authority gets no mail, and nothing goes
    in clear.
    """
    authority = Authority(tmp_path / "ca")
    issued = authority.issue("localhost")
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    with SmtpServer(certificate=(str(issued.certificate), str(issued.key))) as server:
        configured(server.port, host="localhost", extra={"disable_ssl": True, "timeout": 5})
        request = file(store, users=("bea",))
        deliver_mail(store)
        if trusted:
            assert [mail.encrypted for mail in server.received] == [True, True]
        else:
            assert server.received == []
            assert "certificate verify failed" in noted(store, request)[0][1]


def test_the_sender_may_stand_in_the_connection(
    store: Store, server: SmtpServer, configured: Callable[..., None]
) -> None:
    """Where the setting is empty; if neither says who, both are named."""
    configured(server.port, extra={**PLAIN, "from_email": "af@corp.example"}, mail_from="")
    request = file(store, users=("bea",))
    deliver_mail(store)
    assert [mail.sender for mail in server.received] == ["af@corp.example"] * 2
    configured(server.port, mail_from="")
    decide(store, request, "bea")
    deliver_mail(store)
    assert "Set mail_from, or from_email in the extra of mail" in noted(store, request)[-1][1]
    with pytest.raises(MailError):
        _ = SmtpSender("mail").sender


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://localhost:8080", "http://localhost:8080/plugin/dirsync/dirsync"),
        ("https://host/airflow/", "https://host/airflow/plugin/dirsync/airflow/dirsync"),
        ("/", ""),
        ("", ""),
        ("javascript:alert(1)", ""),
    ],
)
def test_links_lead_into_airflow(monkeypatch: pytest.MonkeyPatch, base: str, url: str) -> None:
    """Below a path, Airflow has the path twice; without an address there is no link."""
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base)
    assert links().portal == url


def test_mail_that_no_task_sends_does_not_wait_for_the_schedule(
    airflow_database: Path, configured: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API server has the maintenance run at once, which sends it; not twice, not without mail, not while
    it is paused.
    """
    from airflow.models.dag import DagModel
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete, select, update

    from directory_sync.airflow.upkeep_dag import UPKEEP_DAG_ID, upkeep_dags
    from directory_sync.portal.airflow_runs import send_mail_soon
    from tests.airflow.dag_runs import register

    def queued() -> int:
        with create_session() as session:
            return len(session.scalars(select(DagRun.id).where(DagRun.dag_id == UPKEEP_DAG_ID)).all())

    assert airflow_database.exists()
    send_mail_soon()  # Airflow does not know the DAG yet: logged, not raised
    register(upkeep_dags()[UPKEEP_DAG_ID])
    with create_session() as session:  # what other tests have left in this Airflow
        session.execute(delete(DagRun).where(DagRun.dag_id == UPKEEP_DAG_ID))
    monkeypatch.delenv("AIRFLOW__DIRECTORY_SYNC__MAIL_CONNECTION", raising=False)
    send_mail_soon()
    assert queued() == 0
    configured(1)
    send_mail_soon()
    send_mail_soon()
    assert queued() == 1
    with create_session() as session:
        session.execute(delete(DagRun).where(DagRun.dag_id == UPKEEP_DAG_ID))
        session.execute(update(DagModel).where(DagModel.dag_id == UPKEEP_DAG_ID).values(is_paused=True))
    send_mail_soon()
    assert queued() == 0


# -- whatever hangs ------------------------------------------------------------------------------------------


@pytest.fixture
def silent_directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A people directory that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = {
            "conn_type": "ldap",
            "host": "127.0.0.1",
            "port": silent.getsockname()[1],
            "extra": {"security": "none"},
        }
        monkeypatch.setenv("AIRFLOW_CONN_CORP", json.dumps(connection))
        for name, value in {"connection": "corp", "base": "ou=people,dc=example,dc=org"}.items():
            monkeypatch.setenv(f"AIRFLOW__DIRECTORY_SYNC__PEOPLE_{name.upper()}", value)
        yield


@pytest.mark.usefixtures("silent_directory")
def test_a_people_directory_that_hangs_costs_one_short_time_for_all(
    store: Store, server: SmtpServer, configured: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever needs no look-up gets their mail at once, the others later; nobody waits for each name in
    turn.
    """
    from directory_sync.airflow import mail

    assert mail.LOOK_UP_SECONDS <= 10
    monkeypatch.setattr(mail, "LOOK_UP_SECONDS", 2.0)
    configured(server.port, role_addresses="Heads=heads@corp.example", mail_domain="")
    first = file(store, users=("bea", "zoe", "max", "kim"), roles=("Heads",))
    second = file(store, users=("bea", "zoe"), roles=("Heads",), name="other")
    started = time.monotonic()
    deliver_mail(store)
    assert time.monotonic() - started < 9  # 6 looked up one by one would take 12 s
    assert [each.to for each in server.received] == [("heads@corp.example",)] * 2
    names = {first: "bea, zoe, max, kim and ida", second: "bea, zoe and ida"}
    for request in (first, second):
        [(reached, problem)] = noted(store, request)
        assert reached == ["heads@corp.example"]
        assert problem.startswith(
            f"The mail addresses of {names[request]} could not be looked up. people directory (connection"
            " corp)"
        )
        assert problem.count("it has not answered all questions within 2 s.") == 1
    [later] = [row for row in _outbox(store) if row.request == first]
    assert later.tries == 1


def test_what_was_begun_is_noted_only_where_the_server_may_have_it(
    store: Store, server: SmtpServer, configured: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its content goes, once per mail: not where the server refuses the address or does not let
    anybody in.
    """
    configured(server.port)
    server.refuse = {"bea@corp.example": "451 4.7.1 come back later"}
    begun: list[tuple[str, str]] = []
    start = Outbox.start_mail

    def start_mail(self: Store, due: Any, address: str, **options: Any) -> bool:
        begun.append((address, server.commands[-1].partition(" ")[0]))
        return start(self, due, address, **options)

    monkeypatch.setattr(Outbox, "start_mail", start_mail)
    request = file(store, users=("bea", "zoe"))
    deliver_mail(store)
    assert begun == [("zoe@corp.example", "rcpt"), ("ida@corp.example", "rcpt")]
    assert noted(store, request)[0][0] == ["zoe@corp.example", "ida@corp.example"]


def test_a_delivery_is_left_to_itself_when_there_is_something_to_do(
    store: Store, configured: Callable[..., None], logged: list[str]
) -> None:
    """However long the mail server takes: the task goes on within a moment, and what is left stays due."""
    from directory_sync.airflow.mail import deliver_until

    with socket.create_server(("127.0.0.1", 0)) as silent:
        configured(silent.getsockname()[1])
        request = file(store)
        started = time.monotonic()
        deliver_until(lambda: time.monotonic() - started > 0.2)
        assert time.monotonic() - started < 8  # the server would be waited for 10 s
        assert "There is something to do now" in logged[-1]
    assert noted(store, request) == []
    assert [row.request for row in _outbox(store)] == [request]


def _outbox(store: Store) -> list[Any]:
    from sqlalchemy import select

    from directory_sync.store.tables import OutboxRow

    with store._database.read() as connection:
        query = select(OutboxRow.subject_id.label("request"), OutboxRow.tries)
        return list(connection.execute(query))
