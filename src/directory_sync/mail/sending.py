"""What sends mails is handed in; here stands what it has to do, and what an SMTP server's refusals mean."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from typing import Protocol

from directory_sync.errors import MailError
from directory_sync.printable import printable

_LONGEST_TEXT = 300


class Sender(Protocol):
    """Sends mails, one after the other, over one session where it can."""

    @property
    def sender(self) -> str:
        """Who the mails come from, `Name <address>` or an address. Raises MailError if that is not known."""

    def send(self, message: EmailMessage, to: str, handing_over: Callable[[], None]) -> None:
        """Send a mail to one address; it returns when the server has accepted it. Raises MailError.

        `handing_over` is called when the server is ready to take the mail and has none of it yet; what it
        raises goes through, and nothing is sent then. It is called again where the mail is handed over a
        second time.
        """


def refusal(error: Exception, to: str) -> MailError:
    """What it means that an SMTP server did not take a mail (RFC 5321, section 4.2.1: 4xx is for now, 5xx for
    good).
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()), (450, b""))
        return MailError(
            f"The mail server refuses the address {to}: {_said(code, text)}.", for_good=code >= 500
        )
    if isinstance(error, smtplib.SMTPDataError):
        said = _said(error.smtp_code, error.smtp_error)
        return MailError(
            f"The mail server refuses the mail to {to}: {said}.", for_good=error.smtp_code >= 500
        )
    if isinstance(error, smtplib.SMTPAuthenticationError):
        # Not the server's text: some quote what was sent to them.
        return _no_mail(
            f"it refuses the login (code {error.smtp_code})",
            "Correct login and password of the mail connection.",
        )
    if isinstance(error, smtplib.SMTPSenderRefused):
        said = _said(error.smtp_code, error.smtp_error)
        return _no_mail(
            f"it refuses the sender: {said}", "Correct the setting mail_from, or allow the sender there."
        )
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return _no_mail("it broke the connection", "See its log.")
    if isinstance(error, smtplib.SMTPResponseException):
        return _no_mail(_said(error.smtp_code, error.smtp_error), "See its log.")
    if isinstance(error, OSError) and not isinstance(error, smtplib.SMTPException):
        reason = error.strerror or str(error) or type(error).__name__
        return _no_mail(
            f"it cannot be reached: {_short(reason)}",
            "See that it runs, and check host and port of the mail connection.",
        )
    return _no_mail(f"{type(error).__name__}: {_short(str(error))}", "Check the mail connection.")


def _no_mail(problem: str, remedy: str) -> MailError:
    return MailError(f"The mail server takes no mail: {problem.rstrip('.')}. {remedy}", concerns_all=True)


def _said(code: int, text: bytes | str) -> str:
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {_short(words)}".strip().rstrip(".")


def _short(text: str) -> str:
    text = printable(" ".join(text.split()))
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}\N{HORIZONTAL ELLIPSIS}"
