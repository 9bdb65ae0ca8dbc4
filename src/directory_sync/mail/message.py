"""A mail as it goes over the wire (RFC 5322): addresses, threading, and the marks that keep machines from
answering it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from directory_sync.approval.request import Request
from directory_sync.definition.mail_addresses import checked_address
from directory_sync.errors import MailError
from directory_sync.mail.templates import Rendered
from directory_sync.printable import printable
from directory_sync.store.runs import Snapshot


@dataclass(frozen=True, slots=True)
class Thread:
    """What mails about one subject have in common.

    Attributes:
        name: as sentences name the subject: `request 12`.
        id: short, the same for all of them, and of no other subject.
        list: name of the list that mail programs file them under.
    """

    name: str
    id: str
    list: str


def request_thread(request: Request) -> Thread:
    """The thread of a request. Numbers begin again in another store, and a plan may be asked about twice."""
    id = f"{request.id}.{_hash(f'{request.filed.isoformat()} {request.digest}', 6)}"
    return Thread(f"request {request.id}", id, "requests")


def run_thread(run: Snapshot) -> Thread:
    """The thread of a run."""
    id = f"run{run.id}.{_hash(f'{run.started.isoformat()} {run.collection.name} {run.run_id}', 6)}"
    return Thread(f"run {printable(run.run_id)} of {run.collection.name}", id, "runs")


def message(
    rendered: Rendered, *, thread: Thread, event: int, sender: str, to: str, at: datetime
) -> EmailMessage:
    """The mail to one address.

    It has the same Message-ID each time, so that a mail which is sent twice is recognised as one. All mails
    of a thread refer to one ancestor that no mail is, so that mail programs show them together, no matter
    who got which.

    Args:
        rendered: its words.
        thread, event: what it is about.
        sender: `Name <address>` or an address. Raises MailError if it is neither.
        to: a checked address.
        at: when it is sent.
    """
    origin = _sender(sender)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = origin
    mail["To"] = Address(addr_spec=to)
    mail["Subject"] = rendered.subject
    mail["Date"] = format_datetime(at)
    # Short, because a folded Message-ID, though allowed, is lost on some servers.
    mail["Message-ID"] = f"<{thread.id}.{event}.{_hash(to.lower(), 4)}@{origin.domain}>"
    mail["In-Reply-To"] = mail["References"] = f"<{thread.id}@{origin.domain}>"
    mail["List-Id"] = f"Directory Sync {thread.list} <{thread.list}.directory-sync.{origin.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notices
    mail["X-Auto-Response-Suppress"] = "All"  # what Exchange understands instead ([MS-OXCMAIL] 2.2.3.2.14)
    mail.set_content(rendered.text)
    mail.add_alternative(rendered.html, subtype="html")
    return mail


def _hash(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def _sender(text: str) -> Address:
    name, address = parseaddr(text)
    checked = checked_address(address)
    if checked is None or not text.isprintable():
        raise MailError(
            f"{text!r} is no sender for mail. Correct the setting mail_from, or from_email in the mail"
            " connection's extra.",
            concerns_all=True,
        )
    try:
        return Address(display_name=name, addr_spec=checked)
    except (ValueError, HeaderParseError):
        return Address(addr_spec=checked)
