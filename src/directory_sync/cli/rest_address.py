"""Where the Airflow is that the command speaks to, and whether a login may be sent there."""

from __future__ import annotations

import ipaddress
import os
import ssl
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from directory_sync.cli.exit_status import UsageError
from directory_sync.settings.reading import read_airflow

VARIABLE = "DIRECTORY_SYNC_URL"
"""Environment variable with the address of Airflow."""


@dataclass(frozen=True, slots=True)
class Address:
    """The Airflow that the command speaks to.

    Attributes:
        url: as people open it in a browser, without a slash at its end.
        local: it is on this machine, so that nothing goes over a network.
        ca_certificate: file with the certificates that are trusted instead of those that the system trusts.
    """

    url: str
    local: bool
    ca_certificate: Path | None = None

    def tls(self) -> ssl.SSLContext:
        """How servers prove who they are. Raises UsageError if the certificates cannot be read."""
        try:
            return ssl.create_default_context(cafile=self.ca_certificate)
        except OSError as error:  # ssl.SSLError is one
            reason = (
                "holds no certificate in PEM form"
                if isinstance(error, ssl.SSLError)
                else f"cannot be read ({error.strerror})"
            )
            raise UsageError(f"--ca-certificate: {self.ca_certificate} {reason}.") from None


def find_address(arguments: Namespace) -> Address:
    """Return the address from `--url`, the environment, or Airflow's own option `[api] base_url`.

    Raises UsageError if there is none, if it is no address, or if a login would cross a network unprotected.
    """
    place, url = _given(arguments)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise UsageError(
            f"{place} is not an address. Write for example https://airflow.corp.example."
        ) from None
    if parts.username is not None or parts.password is not None:
        raise UsageError(f"{place} holds a login. Leave it out; use --user or --token-file.")
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment or not _plain(url):
        raise UsageError(
            f"{place} is {url!a}, which is not an address. Write for example https://airflow.corp.example."
        )
    local = _is_this_machine(host)
    if parts.scheme == "http" and not local and not arguments.insecure_http:
        raise UsageError(
            f"{place} is {url}: password and token would cross the network in clear text. Use https://, or"
            " add --insecure-http if you are sure that no one can listen in."
        )
    return Address(url.rstrip("/"), local, arguments.ca_certificate)


def _given(arguments: Namespace) -> tuple[str, str]:
    """Where the address stands, for messages, and what stands there."""
    if arguments.url is not None:
        return "--url", str(arguments.url).strip()
    if url := os.environ.get(VARIABLE, "").strip():
        return VARIABLE, url
    if url := read_airflow("api", "base_url"):
        return "Airflow's option [api] base_url", url
    raise UsageError(
        f"It is not known where Airflow is. Give --url, or set {VARIABLE}, for example to"
        " https://airflow.corp.example; on Airflow's own machine its option [api] base_url is enough."
    )


def _plain(url: str) -> bool:
    return url.isprintable() and not any(character.isspace() or character == "\\" for character in url)


def _is_this_machine(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
