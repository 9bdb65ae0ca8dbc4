"""A throwaway Active Directory domain controller (Samba) for tests.

Its ports are fixed, so each has an address of its own, and root is needed. Provisioning takes seconds; so a
domain is provisioned once per process and copied for every server.
"""

from __future__ import annotations

import atexit
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.scenarios.certificates import Certificate

PASSWORD = "Passw0rd!throwaway"
_START_TIMEOUT = 30.0
_templates: dict[str, Path] = {}


def samba_missing() -> str | None:
    """Why no domain controller can be started here; None if one can."""
    if not all(map(shutil.which, ("samba", "samba-tool"))):
        return (
            "Samba's domain controller is not installed: apt-get install samba samba-ad-dc samba-ad-provision"
        )
    if os.geteuid() != 0:
        return "Samba's domain controller listens on port 389, which needs root"
    return None


def free_address() -> str:
    """A loopback address on which the LDAP ports are free."""
    while True:
        address = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(2, 254)}"
        try:
            for port in (389, 636, 3268, 3269):
                with socket.socket() as probe:
                    probe.bind((address, port))
        except OSError:
            continue
        return address


class Samba:
    """A domain controller. Use it as a context manager, or call `start` and `close`.

    Args:
        realm: DNS name of the domain.
        address: where it listens; `certificate` must be for this address.
        certificate, ca: its certificate and the authority's file.
    """

    def __init__(self, realm: str, *, address: str, certificate: Certificate, ca: Path) -> None:
        self.realm = realm.upper()
        self.domain = self.realm.partition(".")[0]
        self.address = address
        self.suffix = ",".join(f"DC={part}" for part in realm.lower().split("."))
        self.admin, self.password = f"administrator@{realm.lower()}", PASSWORD
        self.folder = Path(tempfile.mkdtemp(prefix="samba-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._files = (ca, certificate)

    @property
    def uri(self) -> str:
        """URL with TLS from the start."""
        return f"ldaps://{self.address}:636"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Copy the provisioned domain, start the server and wait until it answers."""
        shutil.rmtree(self.folder, ignore_errors=True)
        subprocess.run(
            ["cp", "-a", "--sparse=always", str(_template(self.realm, self.domain)), str(self.folder)],
            check=True,
        )
        (self.folder / "run").mkdir(exist_ok=True)
        self._write_configuration()
        with (self.folder / "samba.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["samba", "-i", "-M", "single", "-s", str(self.folder / "etc/smb.conf"), "--debuglevel=1"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                text = (self.folder / "samba.log").read_text(errors="replace")
                self.close()
                raise RuntimeError(f"samba did not start: {text}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            socket.create_connection((self.address, 636), timeout=1).close()
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Stop the server and remove its folder."""
        process, self._process = self._process, None
        if process is not None:
            # It has children of its own; as the leader of a session it is asked to go together with them.
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write_configuration(self) -> None:
        ca, certificate = self._files
        folders = {
            "private dir": "private",
            "lock directory": ".",
            "state directory": "state",
            "cache directory": "cache",
            "pid directory": "run",
            "ncalrpc dir": "run/ncalrpc",
            "binddns dir": "bind-dns",
        }
        lines = [
            "[global]",
            "netbios name = DC1",
            f"realm = {self.realm}",
            f"workgroup = {self.domain}",
            "server role = active directory domain controller",
            "server services = ldap",
            "dcerpc endpoint servers = none",
            f"interfaces = {self.address}/8",
            "bind interfaces only = yes",
            "tls enabled = yes",
            f"tls cafile = {ca}",
            f"tls certfile = {certificate.certificate}",
            f"tls keyfile = {certificate.key}",
            "ldb:nosync = true",
            "logging = file",
            f"log file = {self.folder}/log.%m",
            *(f"{key} = {self.folder / folder}" for key, folder in folders.items()),
        ]
        (self.folder / "etc/smb.conf").write_text("\n".join(lines) + "\n")


def _template(realm: str, domain: str) -> Path:
    """The folder of a provisioned domain that was never started."""
    if realm not in _templates:
        folder = Path(tempfile.mkdtemp(prefix="samba-template-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        done = subprocess.run(
            [
                *("samba-tool", "domain", "provision", "-q", f"--realm={realm}", f"--domain={domain}"),
                *("--host-name=dc1", "--host-ip=127.0.0.2", "--server-role=dc", "--dns-backend=NONE"),
                *(f"--adminpass={PASSWORD}", f"--targetdir={folder}", "--option=ldb:nosync=true"),
                *("--option=interfaces=127.0.0.2/8", "--option=bind interfaces only=yes"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"samba-tool domain provision failed: {done.stderr}")
        _templates[realm] = folder
    return _templates[realm]
