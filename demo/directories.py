"""The demo's two directories, both with LDAPS: Planet Express with its staff, and a branch office where
nobody is yet.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.processes import Ledger
from tests.scenarios.certificates import Authority
from tests.scenarios.slapd import Database, Slapd

_PLANET_EXPRESS = "dc=planetexpress,dc=com"
_BRANCH = "dc=branch,dc=example"
_DATA = Path(__file__).parent / "data"

# What planetexpress/memberof.ldif configures, in the form that slapd.conf(5) takes.
_OVERLAYS = {
    "memberof": [
        "memberof-dangling ignore",
        "memberof-refint TRUE",
        "memberof-group-oc Group",
        "memberof-member-ad member",
        "memberof-memberof-ad memberOf",
    ],
    "refint": ["refint_attributes owner manager uniqueMember member memberOf"],
}


@dataclass(frozen=True, slots=True)
class Directory:
    """A running directory, seen through OpenLDAP's own tools.

    Attributes:
        account: DN of the account that the collection's connection logs in with.
        password: of that account; new at every start.
    """

    server: Slapd
    authority: Authority
    account: str
    password: str

    @property
    def uri(self) -> str:
        """Where it is."""
        return self.server.tls_uri

    def connection(self) -> dict[str, object]:
        """What `AIRFLOW_CONN_…` holds as JSON."""
        return {
            "conn_type": "ldap",
            "host": "127.0.0.1",
            "port": self.server.tls_port,
            "login": self.account,
            "password": self.password,
            "extra": {"security": "ldaps", "ca_certificate": str(self.authority.ca)},
        }

    def search(self, base: str, filter_: str, *attributes: str) -> str:
        """What `ldapsearch` prints, entries in the order of their DNs."""
        ldif = self._tool("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", base, filter_, *attributes)
        return "\n\n".join(sorted(ldif.strip().split("\n\n")))

    def add(self, ldif: str) -> None:
        """Add entries with `ldapadd`."""
        self._tool("ldapadd", *self._as_admin(), text=ldif)

    def modify(self, ldif: str) -> None:
        """Change entries with `ldapmodify`."""
        self._tool("ldapmodify", *self._as_admin(), text=ldif)

    def write_search_command(self, file: Path, base: str) -> None:
        """Write a small command that searches this directory, for people who want to look at it."""
        environment = [f"{name}={shlex.quote(value)}" for name, value in self._environment().items()]
        program = self._program("ldapsearch")
        words = [program, "-x", "-LLL", "-H", self.uri, "-b", base]
        file.write_text(
            f'#!/bin/sh\nexec env {" ".join(environment)} {shlex.join(words)} "$@"\n', encoding="utf-8"
        )
        file.chmod(0o700)

    def _as_admin(self) -> Sequence[str]:
        return ("-D", self.server.admin, "-w", self.server.password)

    def _tool(self, name: str, *arguments: str, text: str = "") -> str:
        done = subprocess.run(
            [self._program(name), "-x", "-H", self.uri, *arguments],
            env=self._environment(),
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise OSError(f"{name} failed with status {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def _program(self, name: str) -> str:
        return str(self.server.root / "usr" / "bin" / name)

    def _environment(self) -> dict[str, str]:
        environment = {"LDAPCONF": os.devnull, "LDAPTLS_CACERT": str(self.authority.ca)}
        if self.server.root != Path("/"):
            folders = (
                *self.server.root.glob("usr/lib/*-linux-gnu*"),
                *self.server.root.glob("lib/*-linux-gnu*"),
            )
            environment["LD_LIBRARY_PATH"] = ":".join(map(str, folders))
        return environment


@contextlib.contextmanager
def planet_express(home: Path, ledger: Ledger) -> Iterator[Directory]:
    """Planet Express: seven people and two groups, which its account may only read."""
    database = Database(_PLANET_EXPRESS, overlays=_OVERLAYS, lines=_access(_PLANET_EXPRESS, "read"))
    with _directory(home, database, ledger, schemas=[_DATA / "planetexpress.schema"]) as directory:
        directory.add(_suffix(_PLANET_EXPRESS, "Planet Express") + _account(directory))
        for file in sorted((_DATA / "planetexpress").glob("[0-9]*.ldif")):
            directory.add(file.read_text(encoding="utf-8"))
        yield directory


@contextlib.contextmanager
def branch_office(home: Path, ledger: Ledger) -> Iterator[Directory]:
    """The branch office: nobody but four guests yet; its account may write."""
    with _directory(home, Database(_BRANCH, lines=_access(_BRANCH, "write")), ledger) as directory:
        containers = [
            f"dn: ou={name},{_BRANCH}\nobjectClass: organizationalUnit\nou: {name}\n\n"
            for name in ("People", "Groups", "Interns", "Guests")
        ]
        guests = (_DATA / "guests.ldif").read_text(encoding="utf-8")
        directory.add(_suffix(_BRANCH, "Branch office") + _account(directory) + "".join(containers) + guests)
        yield directory


@contextlib.contextmanager
def _directory(
    home: Path, database: Database, ledger: Ledger, schemas: Sequence[Path] = ()
) -> Iterator[Directory]:
    authority = Authority(home / "certificates", name="Demo CA")
    server = Slapd(database, certificate=authority.issue("server"), schemas=schemas, folder=home / "slapd")
    server.start()
    ledger.add(f"slapd {database.suffix}", server.pid)
    try:
        yield Directory(server, authority, f"cn=sync,{database.suffix}", secrets.token_urlsafe(16))
    finally:
        server.close()


def _access(suffix: str, right: str) -> list[str]:
    """Everybody may look, except at passwords; the collection's account has the given right."""
    return [
        "access to attrs=userPassword by anonymous auth by * none",
        f'access to dn.children="{suffix}" by dn.exact="cn=sync,{suffix}" {right} by * read',
        "access to * by * read",
    ]


def _suffix(suffix: str, name: str) -> str:
    component = suffix.removeprefix("dc=").split(",")[0]
    return f"dn: {suffix}\nobjectClass: dcObject\nobjectClass: organization\ndc: {component}\no: {name}\n\n"


def _account(directory: Directory) -> str:
    return (
        f"dn: {directory.account}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n"
        f"cn: sync\nuserPassword: {directory.password}\n\n"
    )
