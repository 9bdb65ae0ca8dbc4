"""Mail about requests and runs, sent from Airflow's tasks through Airflow's own SMTP connection."""

from __future__ import annotations

import contextlib
import logging
import smtplib
import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from directory_sync.errors import DirectorySyncError, MailError

if TYPE_CHECKING:
    from types import TracebackType

    from airflow.providers.smtp.hooks.smtp import SmtpHook

    from directory_sync.definition.models import Job
    from directory_sync.mail.addresses import Addresses
    from directory_sync.mail.links import Links
    from directory_sync.store.store import Store

LOOK_UP_SECONDS = 10.0
"""For all mail addresses of one delivery together.

Mails whose addresses are not known by then are tried again later.
"""

log = logging.getLogger(__name__)


def deliver_until(is_over: Callable[[], bool]) -> None:
    """Send what mail is due, but no longer than until something is more important. What is left then, another
    task sends.

    Args:
        is_over: asked every moment; the delivery is left to itself as soon as it says so. It has a store of
            its own, and a sender that ends with its process is taken over within a minute.
    """
    from directory_sync import settings

    if not settings.mail_connection():
        return
    from directory_sync.airflow.collection_task import open_store

    def deliver() -> None:
        with contextlib.suppress(DirectorySyncError), open_store() as store:
            deliver_mail(store)

    delivery = threading.Thread(target=deliver, name="mail", daemon=True)
    delivery.start()
    while delivery.is_alive():
        delivery.join(_MOMENT)
        if delivery.is_alive() and is_over():
            log.info("There is something to do now; mail that is left is sent by another task.")
            return


_MOMENT = 0.5
"""Seconds between two looks whether there is something more important to do than mail."""


def deliver_after(store: Store, job: Job) -> None:
    """Send what mail is due after a job has ended, unless other jobs wait for it: their writes come first.

    What is left then, their gates send while they wait, or the task that closes the run.
    """
    if not job.wait_for_approval:
        deliver_mail(store)


def deliver_mail(store: Store) -> None:
    """Send what mail is due. Call it after what was to be written was written, and in the
    upkeep DAG.

    Does nothing if the setting `mail_connection` is empty. Never raises because of mail: what cannot be sent
    now is in the requests' history and in the task log, and is tried again later.
    """
    from directory_sync import settings
    from directory_sync.printable import printable

    try:
        if connection := settings.mail_connection():
            _deliver(store, connection)
    except DirectorySyncError as error:
        log.warning("Mail was not sent; it will be tried again. %s", printable(str(error)))
    except Exception:
        # What a task has done for a directory counts, whatever happens to mail about it.
        log.exception(
            "Mail was not sent because of an unexpected error; it will be tried again. Report this."
        )


def _deliver(store: Store, connection: str) -> None:
    from directory_sync import settings
    from directory_sync.mail.outbox import deliver
    from directory_sync.mail.templates import Templates
    from directory_sync.printable import printable

    with _addresses() as addresses, SmtpSender(connection, settings.mail_from()) as sender:
        result = deliver(
            store,
            sender=sender,
            addresses=addresses,
            links=links(),
            templates=Templates(_templates_folder()),
        )
    for sent in result.sent:
        log.info(
            "Mail was sent. %s=%d about=%s to=%s", sent.topic, sent.subject, sent.about, printable(sent.to)
        )
    for message in (*result.problems, *result.warnings):
        log.warning("%s", printable(message))


def links() -> Links:
    """The addresses of Airflow, and of the portal's pages within it; empty if Airflow's is not configured."""
    from airflow.sdk.configuration import conf

    from directory_sync.airflow.request_link import portal_path
    from directory_sync.mail.links import Links

    parts = urlsplit(str(conf.get("api", "base_url", fallback="") or "").strip())
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return Links()
    host = f"{parts.scheme}://{parts.netloc}"
    return Links(airflow=f"{host}{parts.path.rstrip('/')}", portal=f"{host}{portal_path()}")


@contextlib.contextmanager
def _addresses() -> Iterator[Addresses]:
    from directory_sync import settings
    from directory_sync.airflow.connections import AirflowConnections
    from directory_sync.mail.addresses import Addresses
    from directory_sync.run.timed_people import TimedPeople

    domain, roles, where = settings.mail_domain(), settings.role_addresses(), settings.people_directory()
    domains = settings.notification_domains()
    if where is None:
        yield Addresses(None, domain, roles, domains)
        return
    with TimedPeople(where, AirflowConnections(), seconds=LOOK_UP_SECONDS) as people:
        yield Addresses(people.mail_of, domain, roles, domains)


def _templates_folder() -> Path | None:
    from airflow.sdk.configuration import conf

    from directory_sync import settings

    folder = settings.templates_folder(Path(conf.get("core", "dags_folder")))
    return None if folder is None else folder / "mail"


class SmtpSender:
    """Sends through an Airflow connection of the type `smtp`. Connects with the first mail, and again if
    the server hangs up.

    Args:
        connection: its id.
        sender: who the mails come from; empty for what the connection's extra `from_email` says.
    """

    def __init__(self, connection: str, sender: str = "") -> None:
        self._connection = connection
        self._sender = sender
        self._hook: SmtpHook | None = None

    @property
    def sender(self) -> str:
        """Who the mails come from. Raises MailError if neither setting nor connection says so."""
        sender = self._sender or self._connected().from_email
        if not sender:
            raise MailError(
                f"Mail has no sender. Set mail_from, or from_email in the extra of {self._connection}.",
                concerns_all=True,
            )
        return str(sender)

    def send(self, message: EmailMessage, to: str, handing_over: Callable[[], None]) -> None:
        """Send a mail to one address. Raises MailError, and what `handing_over` raises."""
        from directory_sync.mail.sending import refusal

        fresh = self._hook is None
        try:
            self._hand_over(message, to, handing_over)
        except smtplib.SMTPServerDisconnected as error:
            # Servers end a session that has idled, or that has sent enough.
            self.close()
            if fresh:
                raise refusal(error, to) from None
            try:
                self._hand_over(message, to, handing_over)
            except (smtplib.SMTPException, OSError) as again:
                self.close()
                raise refusal(again, to) from None
        except (smtplib.SMTPException, OSError) as error:
            raise refusal(error, to) from None

    def close(self) -> None:
        """End the session. May be called twice."""
        hook, self._hook = self._hook, None
        if hook is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                hook.__exit__(None, None, None)  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _hand_over(self, message: EmailMessage, to: str, handing_over: Callable[[], None]) -> None:
        client = self._connected()._smtp_client  # noqa: SLF001 the hook's own way of sending makes HTML only, and tries five times
        if not isinstance(client, smtplib.SMTP):
            raise smtplib.SMTPServerDisconnected
        _, origin = parseaddr(str(message["From"]))
        data = client.data

        def announced(content: Any) -> tuple[int, bytes]:
            # The server has taken sender and address: from here on it may have the mail.
            handing_over()
            return data(content)

        client.data = announced  # type: ignore[method-assign,assignment]
        try:
            client.send_message(message, from_addr=origin, to_addrs=[to])
        except (smtplib.SMTPException, OSError):
            raise
        except Exception:
            self.close()  # in the middle of a transaction
            raise
        finally:
            client.data = data  # type: ignore[method-assign]

    def _connected(self) -> SmtpHook:
        if self._hook is None:
            from airflow.providers.smtp.hooks.smtp import SmtpHook

            from directory_sync.mail.sending import refusal

            try:
                self._hook = SmtpHook(self._connection).get_conn()
            except (smtplib.SMTPException, OSError) as error:
                raise refusal(error, "") from None
            except Exception as error:  # noqa: BLE001 Airflow's own errors; their text may quote the connection
                raise MailError(
                    f"The mail connection {self._connection} cannot be used ({type(error).__name__}). Check"
                    " it under Admin → Connections: type SMTP, host, port, and disable_ssl or disable_tls in"
                    " its extra.",
                    concerns_all=True,
                ) from None
        return self._hook
