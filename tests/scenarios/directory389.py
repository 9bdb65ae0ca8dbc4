"""A throwaway 389 Directory Server in a folder of its own, for tests. Needs no root, no systemd and no
`dscreate`.

The instance is made as `dscreate` makes one: from the package's template of `dse.ldif`, and then with what is
special here.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import ldap
from ldap.ldapobject import SimpleLDAPObject

from tests.scenarios.certificates import Certificate
from tests.scenarios.slapd import PASSWORD, free_port

_PROGRAMS = ("ns-slapd", "certutil", "pk12util")
_TEMPLATE = Path("/usr/share/dirsrv/data/template-dse.ldif")
_CONFIGURATION = Path("/etc/dirsrv")
_START_TIMEOUT = 30.0
_ADMIN = "cn=Directory Manager"
_UNIQUE = "cn=attribute uniqueness,cn=plugins,cn=config"


def directory389_missing() -> str | None:
    """Why no 389 Directory Server can be started here; None if one can."""
    if all(map(_program, _PROGRAMS)) and _TEMPLATE.exists():
        return None
    return "389 Directory Server is not installed: apt-get install 389-ds-base libnss3-tools"


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


class Directory389:
    """A server. Use it as a context manager.

    The plug-ins MemberOf and Referential Integrity are at work, and Attribute Uniqueness for each of
    `unique`.

    Args:
        suffixes: naming contexts; they are empty.
        certificate: offered by StartTLS and LDAPS.
        unique: attributes of which no two objects below the first suffix may have the same value.
        references: attributes that Referential Integrity looks after.
    """

    def __init__(
        self,
        *suffixes: str,
        certificate: Certificate,
        unique: Sequence[str] = ("uid", "mail"),
        references: Sequence[str] = ("member", "uniqueMember", "owner", "manager", "seeAlso"),
    ) -> None:
        self.suffixes = suffixes
        self.suffix, self.admin, self.password = suffixes[0], _ADMIN, PASSWORD
        self.folder = Path(tempfile.mkdtemp(prefix="dirsrv-"))
        self.port, self.tls_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._make(certificate, unique, references)

    @property
    def uri(self) -> str:
        """URL without TLS."""
        return f"ldap://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self.folder / "output").open("ab") as log:
            self._process = subprocess.Popen(
                [_found("ns-slapd"), "-D", str(self.folder), "-i", str(self.folder / "pid"), "-d", "0"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                logs = [path for name in ("output", "errors") if (path := self.folder / name).exists()]
                told = [path.read_text(errors="replace") for path in logs]
                self.close()
                raise RuntimeError(f"ns-slapd did not start: {' '.join(told)}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            self.administrator().unbind_s()
        except (ldap.SERVER_DOWN, ldap.CONNECT_ERROR):
            return False
        return True

    def administrator(self) -> SimpleLDAPObject:
        """A plain session as Directory Manager."""
        session = ldap.initialize(self.uri)
        session.simple_bind_s(self.admin, self.password)
        return session

    def close(self) -> None:
        """Stop the server and remove its folder."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- configuration ---------------------------------------------------------------------------------------

    def _make(self, certificate: Certificate, unique: Sequence[str], references: Sequence[str]) -> None:
        self.folder.chmod(0o700)
        for name in ("db", "ldif", "bak", "lock", "run", "tmp"):
            (self.folder / name).mkdir()
        shutil.copytree(_CONFIGURATION / "schema", self.folder / "schema")
        for name in ("slapd-collations.conf", "certmap.conf"):
            shutil.copy(_CONFIGURATION / "config" / name, self.folder)
        self._keep_certificate(certificate)
        (self.folder / "dse.ldif").write_text("\n\n".join(self._entries(unique, references)) + "\n")

    def _keep_certificate(self, certificate: Certificate) -> None:
        secret, packed = self.folder / "pwdfile.txt", self.folder / "server.p12"
        secret.write_text(PASSWORD)
        (self.folder / "pin.txt").write_text(f"Internal (Software) Token:{PASSWORD}\n")
        _run(_found("certutil"), "-N", "-d", self.folder, "-f", secret)
        _run(
            *(
                "openssl",
                "pkcs12",
                "-export",
                "-in",
                certificate.certificate,
                "-inkey",
                certificate.key,
                "-out",
                packed,
            ),
            *("-name", "Server-Cert", "-passout", f"pass:{PASSWORD}"),
        )
        _run(_found("pk12util"), "-i", packed, "-d", self.folder, "-k", secret, "-W", PASSWORD)

    def _entries(self, unique: Sequence[str], references: Sequence[str]) -> list[str]:
        """The entries of `dse.ldif`."""
        folders = {
            "lock_dir": "lock",
            "tmp_dir": "tmp",
            "ldif_dir": "ldif",
            "bak_dir": "bak",
            "run_dir": "run",
            "db_dir": "db",
        }
        values = {
            **{name: str(self.folder / folder) for name, folder in folders.items()},
            **dict.fromkeys(("schema_dir",), str(self.folder / "schema")),
            **dict.fromkeys(("cert_dir", "inst_dir", "log_dir", "config_dir"), str(self.folder)),
            "db_home_dir": str(self.folder / "db"),
            "db_lib": "bdb",
            "fqdn": "localhost",
            "ds_port": str(self.port),
            "ds_user": subprocess.run(
                ["id", "-un"], capture_output=True, text=True, check=True
            ).stdout.strip(),
            "rootdn": _ADMIN,
            "ds_passwd": _hashed(PASSWORD),
            "ds_suffix": self.suffix,
            "ldapi_enabled": "off",
            "ldapi_autobind": "off",
            "ldapi": str(self.folder / "socket"),
        }
        text = re.sub(r"%(\w+)%", lambda found: values[found[1]], _TEMPLATE.read_text())
        special: dict[str, dict[str, Sequence[str]]] = {
            "cn=config": {
                "nsslapd-security": ["on"],
                "nsslapd-securePort": [str(self.tls_port)],
                "nsslapd-accesslog-logging-enabled": ["off"],
                "nsslapd-rootpwstoragescheme": ["SSHA512"],
                "nsslapd-disk-monitoring": ["off"],
            },
            "cn=memberof plugin,cn=plugins,cn=config": {"nsslapd-pluginEnabled": ["on"]},
            "cn=referential integrity postoperation,cn=plugins,cn=config": {
                "nsslapd-pluginEnabled": ["on"],
                "referint-membership-attr": references,
            },
            # Faster: the server need not ask the disk after each write.
            "cn=config,cn=ldbm database,cn=plugins,cn=config": {"nsslapd-db-durable-transaction": ["off"]},
        }
        entries = [_with(entry, special) for each in text.split("\n\n") if (entry := each.strip())]
        (template,) = (entry for entry in entries if _dn(entry) == _UNIQUE)
        entries += [_unique(template, name) for name in unique]
        for number, suffix in enumerate(self.suffixes):
            entries += _backend(f"root{number}", suffix)
        return entries


def _hashed(password: str) -> str:
    """As the server stores a password; in clear it takes none from its file."""
    salt = os.urandom(8)
    return "{SSHA512}" + b64encode(hashlib.sha512(password.encode() + salt).digest() + salt).decode()


def _dn(entry: str) -> str:
    return re.sub(r"\s*,\s*", ",", entry.strip().partition("\n")[0].partition(":")[2].strip()).lower()


def _with(entry: str, special: Mapping[str, Mapping[str, Iterable[str]]]) -> str:
    """The entry with other values of some attributes, if it is one of those."""
    for name, values in special.get(_dn(entry), {}).items():
        kept = [line for line in entry.splitlines() if not line.lower().startswith(f"{name.lower()}:")]
        entry = "\n".join((*kept, *(f"{name}: {value}" for value in values)))
    return entry


def _unique(template: str, attribute: str) -> str:
    cn = f"{attribute} uniqueness"
    dn, *lines = template.strip().splitlines()
    del dn
    changed = "\n".join((f"dn: cn={cn},cn=plugins,cn=config", *lines))
    return _with(
        changed,
        {
            f"cn={cn},cn=plugins,cn=config".lower(): {
                "cn": [cn],
                "nsslapd-pluginEnabled": ["on"],
                "uniqueness-attribute-name": [attribute],
            }
        },
    )


def _backend(name: str, suffix: str) -> list[str]:
    """The entries of a database and of its place in the tree."""
    return [
        _entry(
            f"cn={name},cn=ldbm database,cn=plugins,cn=config",
            "nsBackendInstance",
            f"cn: {name}",
            f"nsslapd-suffix: {suffix}",
        ),
        _entry(
            f'cn="{suffix}",cn=mapping tree,cn=config',
            "nsMappingTree",
            *(f"cn: {suffix}", "nsslapd-state: backend", f"nsslapd-backend: {name}"),
        ),
    ]


def _entry(dn: str, kind: str, *lines: str) -> str:
    return "\n".join(
        (f"dn: {dn}", "objectClass: top", "objectClass: extensibleObject", f"objectClass: {kind}", *lines)
    )


def _found(program: str) -> str:
    path = _program(program)
    assert path is not None, f"there is no {program}"
    return path


def _run(*arguments: str | Path) -> None:
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{arguments[0]} failed: {done.stdout}{done.stderr}")
