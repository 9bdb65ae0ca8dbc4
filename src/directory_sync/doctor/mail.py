"""Checks of mail: the connection, the sender, and the server, with TLS as the connection says.

Nothing is sent unless that was asked for.
"""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from ssl import SSLCertVerificationError, SSLContext, SSLError, create_default_context

from directory_sync import settings
from directory_sync.doctor.codes import Code
from directory_sync.doctor.examination import Examination
from directory_sync.doctor.findings import CannotTell, Finding, State, ok, problem, warning
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.errors import EndpointError, NoConnection
from directory_sync.mail.sending import refusal
from directory_sync.mail.template_check import template_problems

SECONDS = 8.0
"""For each answer of the server."""


@dataclass(frozen=True, slots=True)
class _Server:
    """What a connection of the type `smtp` says, as Airflow's provider reads it."""

    connection: ConnectionInfo

    @property
    def ssl(self) -> bool:
        return not self.connection.extra.get("disable_ssl", False)

    @property
    def starttls(self) -> bool:
        return not self.connection.extra.get("disable_tls", False)

    @property
    def context(self) -> SSLContext | None:
        """None: the certificate is not verified."""
        wanted = self.connection.extra.get("ssl_context")
        if wanted not in {None, "default", "none"}:
            raise CannotTell(Code.MAIL_CONTEXT_WRONG, State.PROBLEM, connection=self.connection.id)
        return None if wanted == "none" else create_default_context()

    @property
    def address(self) -> str:
        port = self.connection.port or (465 if self.ssl else 25)
        return f"{self.connection.host}:{port}"


def server(examination: Examination) -> Iterator[Finding]:
    """The mail server: it is reached, protected and logged in to as Airflow would."""
    connection = _connection(examination)
    yield from _sender(connection)
    mail = _Server(connection)
    facts = {"connection": connection.id, "server": mail.address}
    if mail.context is None:
        yield warning(Code.MAIL_NOT_VERIFIED, **facts)
    elif not mail.ssl and not mail.starttls:
        yield warning(Code.MAIL_IN_CLEAR, **facts)
    try:
        with _session(mail) as session:
            if examination.send_to:
                yield from _send(session, connection, examination.send_to)
            else:
                yield ok(Code.MAIL_SERVER_FINE, login=connection.login or "-", **facts)
    except SSLCertVerificationError as error:
        yield problem(Code.MAIL_CERTIFICATE, reason=error.verify_message, **facts)
    except SSLError as error:
        code = Code.MAIL_TLS_AT_ONCE if mail.ssl else Code.MAIL_TLS
        yield problem(code, reason=error.reason or type(error).__name__, **facts)
    except smtplib.SMTPNotSupportedError:
        yield problem(Code.MAIL_NO_STARTTLS if mail.starttls else Code.MAIL_NO_LOGIN, **facts)
    except TimeoutError:
        yield problem(Code.MAIL_SILENT, seconds=SECONDS, **facts)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        if isinstance(error.__context__, TimeoutError):  # which smtplib tells as a broken connection
            yield problem(Code.MAIL_SILENT, seconds=SECONDS, **facts)
            return
        yield problem(Code.MAIL_REFUSED, said=str(refusal(error, examination.send_to)), **facts)


def _connection(examination: Examination) -> ConnectionInfo:
    name = settings.mail_connection()
    settings.mail_from()
    if not name:
        state = State.PROBLEM if examination.send_to else State.SKIPPED
        raise CannotTell(Code.MAIL_OFF, state)
    try:
        connection = examination.connection(name)
    except NoConnection:
        variable = f"AIRFLOW_CONN_{name.upper()}"
        raise CannotTell(
            Code.MAIL_CONNECTION_MISSING, State.PROBLEM, connection=name, variable=variable
        ) from None
    except EndpointError as error:
        raise CannotTell(Code.MAIL_CONNECTION_WRONG, State.PROBLEM, said=str(error)) from None
    if connection.type != "smtp":
        raise CannotTell(
            Code.MAIL_CONNECTION_TYPE, State.PROBLEM, connection=name, type=connection.type or "none"
        )
    if not connection.host:
        raise CannotTell(Code.MAIL_NO_HOST, State.PROBLEM, connection=name)
    return connection


def _from(connection: ConnectionInfo) -> str:
    return settings.mail_from() or str(connection.extra.get("from_email") or "")


def _sender(connection: ConnectionInfo) -> Iterator[Finding]:
    sender = _from(connection)
    if not sender:
        yield problem(Code.MAIL_SENDER_MISSING, connection=connection.id)
    elif "@" not in parseaddr(sender)[1]:
        yield problem(Code.MAIL_SENDER_WRONG, sender=sender)


@contextlib.contextmanager
def _session(mail: _Server) -> Iterator[smtplib.SMTP]:
    connection = mail.connection
    port = connection.port or 0
    if mail.ssl:
        session: smtplib.SMTP = smtplib.SMTP_SSL(connection.host, port, timeout=SECONDS, context=mail.context)
    else:
        session = smtplib.SMTP(connection.host, port, timeout=SECONDS)
    try:
        session.ehlo()
        if mail.starttls and not mail.ssl:
            session.starttls(context=mail.context)
            session.ehlo()
        if connection.login and connection.password and connection.extra.get("auth_type") != "oauth2":
            session.login(connection.login, connection.password)
        yield session
    finally:
        with contextlib.suppress(smtplib.SMTPException, OSError):
            session.quit()


def _send(session: smtplib.SMTP, connection: ConnectionInfo, to: str) -> Iterator[Finding]:
    message = EmailMessage()
    try:
        message["From"], message["To"] = _from(connection), to
    except ValueError:
        yield problem(Code.MAIL_ADDRESS_WRONG, to=to)
        return
    message["Subject"] = "Directory Sync: test"
    message["Date"], message["Message-ID"] = formatdate(), make_msgid()
    message.set_content("directory-sync doctor has sent this to see whether mail arrives.\n")
    try:
        session.send_message(message, from_addr=parseaddr(_from(connection))[1], to_addrs=[to])
    except (smtplib.SMTPException, OSError) as error:
        yield problem(Code.MAIL_NOT_SENT, to=to, said=str(refusal(error, to)))
    else:
        yield ok(Code.MAIL_SENT, to=to)


def without_effect(examination: Examination) -> Iterator[Finding]:
    """Whether settings about mail have an effect."""
    del examination
    given = settings.role_addresses() or settings.mail_domain() or settings.notification_domains()
    if given and not settings.mail_connection():
        yield warning(Code.MAIL_SETTINGS_UNUSED)


def templates(examination: Examination) -> Iterator[Finding]:
    """The deployment's own mail templates: each is tried with an example."""
    folder = settings.templates_folder(examination.collections_folder())
    own = None if folder is None else folder / "mail"
    if own is None or not own.is_dir():
        return
    wrong = template_problems(own)
    for said in wrong:
        yield warning(Code.MAIL_TEMPLATE_WRONG, said=said)
    if not wrong:
        yield ok(Code.MAIL_TEMPLATES_FINE, folder=str(own))
