"""Words for findings about mail."""

from __future__ import annotations

from collections.abc import Mapping

from directory_sync.doctor.codes import Code
from directory_sync.doctor.wording.words import Words, words

WORDS: Mapping[Code, Words] = {
    Code.MAIL_OFF: words(
        "No mail is sent: the setting mail_connection is empty. To send mail, create a connection of the type"
        " SMTP and name it there."
    ),
    Code.MAIL_CONNECTION_MISSING: words(
        "There is no connection {connection} here, which mail_connection names.",
        "Create it under Admin → Connections (type SMTP), or set this where tasks run; if it is set there"
        " already, run this command there:",
        """{variable}='{{"conn_type": "smtp", "host": "mail.example.com", "port": 465, """
        """"login": "directory-sync", "password": "..."}}'""",
    ),
    Code.MAIL_CONNECTION_WRONG: words("The mail connection cannot be used. {said}"),
    Code.MAIL_CONNECTION_TYPE: words(
        "The mail connection {connection} is of the type {type}, not smtp.",
        "Change its type under Admin → Connections, or let the setting mail_connection name another one.",
    ),
    Code.MAIL_NO_HOST: words(
        "The mail connection {connection} names no host.", "Enter the mail server under Admin → Connections."
    ),
    Code.MAIL_CONTEXT_WRONG: words(
        "ssl_context in the extra of the mail connection {connection} is neither default nor none.",
        "Remove it, so that certificates are verified.",
    ),
    Code.MAIL_SENDER_MISSING: words(
        "No one is named as the sender of mail.",
        "Set it (or from_email in the extra of {connection}):",
        "[directory_sync]",
        "mail_from = Directory Sync <directory-sync@example.com>",
    ),
    Code.MAIL_SENDER_WRONG: words(
        "The sender of mail, {sender}, is not a mail address.",
        "Set one:",
        "[directory_sync]",
        "mail_from = Directory Sync <directory-sync@example.com>",
    ),
    Code.MAIL_NOT_VERIFIED: words(
        "The certificate of the mail server {server} is not verified: ssl_context is none in the connection"
        " {connection}.",
        "Remove ssl_context from its extra, and let the system trust the authority of that server.",
    ),
    Code.MAIL_IN_CLEAR: words(
        "Mail, and the login to {server}, cross the network in clear: the connection {connection} has"
        " disable_ssl and disable_tls.",
        "Set disable_tls to false in its extra, if the server offers STARTTLS.",
    ),
    Code.MAIL_SERVER_FINE: words("The mail server {server} answers and accepts the login {login}."),
    Code.MAIL_CERTIFICATE: words(
        "The certificate of the mail server {server} was refused: {reason}.",
        "Use the name that the certificate was issued for as the host of the connection {connection}, and add"
        " its authority to those that the system trusts:",
        "cp authority.pem /usr/local/share/ca-certificates/mail.crt && update-ca-certificates",
    ),
    Code.MAIL_TLS_AT_ONCE: words(
        "The mail server {server} does not speak TLS from the start ({reason}).",
        "Use its port for that (465), or let the connection {connection} use STARTTLS, with this in its"
        " extra:",
        '{{"disable_ssl": true}}',
    ),
    Code.MAIL_TLS: words(
        "TLS could not be agreed upon with the mail server {server}: {reason}.",
        "See its log; it must offer TLS 1.2 or newer.",
    ),
    Code.MAIL_NO_STARTTLS: words(
        "The mail server {server} does not offer STARTTLS.",
        "Use a port that does (587), or TLS from the start (port 465), with this in the extra of"
        " {connection}:",
        '{{"disable_ssl": false}}',
    ),
    Code.MAIL_NO_LOGIN: words(
        "The mail server {server} takes no login here.",
        "Remove login and password from the connection {connection}, or use the port for clients (587 or"
        " 465).",
    ),
    Code.MAIL_SILENT: words(
        "The mail server {server} does not answer within {seconds} s.",
        "See that host and port of the connection {connection} are right, that port 465 goes with TLS from"
        " the start and 25 or 587 with disable_ssl, and that no firewall is in between.",
    ),
    Code.MAIL_REFUSED: words("{server}: {said}"),
    Code.MAIL_ADDRESS_WRONG: words("{to} is not a mail address.", "Give --send-mail an address."),
    Code.MAIL_SENT: words("A mail was sent to {to}. See whether it arrives."),
    Code.MAIL_NOT_SENT: words("No mail could be sent to {to}. {said}"),
    Code.MAIL_SETTINGS_UNUSED: words(
        "mail_domain, role_addresses and notification_domains have no effect, because mail_connection is"
        " empty.",
        "Name the connection of your mail server:",
        "[directory_sync]",
        "mail_connection = smtp_default",
    ),
    Code.MAIL_TEMPLATES_FINE: words("Your own mail templates in {folder} can be used."),
    Code.MAIL_TEMPLATE_WRONG: words("{said}"),
}
