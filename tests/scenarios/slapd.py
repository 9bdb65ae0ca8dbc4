"""A throwaway OpenLDAP server in a folder of its own, for tests, benchmarks and the demo. Needs no root,
leaves nothing behind.

It uses the system's slapd, or one that was unpacked from Debian's packages into the folder
`DIRECTORY_SYNC_SLAPD_ROOT`.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import ldap
from ldap.ldapobject import SimpleLDAPObject

from tests.scenarios.certificates import Certificate

PASSWORD = "throwaway-Passw0rd"
ROOT_VARIABLE = "DIRECTORY_SYNC_SLAPD_ROOT"
_LIBRARIES = (
    "usr/lib/x86_64-linux-gnu",
    "lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "lib/aarch64-linux-gnu",
)
_SCHEMAS = ("core", "cosine", "inetorgperson", "nis")
_START_TIMEOUT = 15.0


class SlapdMissing(RuntimeError):
    """There is no slapd on this machine."""


def slapd_root() -> Path:
    """The folder below which slapd is installed: `/`, or an unpacked package tree. Raises SlapdMissing."""
    root = Path(os.environ.get(ROOT_VARIABLE) or "/")
    if not (root / "usr/sbin/slapd").exists():
        raise SlapdMissing(
            f"there is no slapd in {root}usr/sbin; install slapd and ldap-utils, or set {ROOT_VARIABLE}"
        )
    return root


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Database:
    """One naming context.

    Attributes:
        suffix: its DN.
        overlays: names of overlays and their lines, such as
            `{"memberof": [], "refint": ["refint_attributes member"]}`.
        lines: further lines of slapd.conf(5) for this database, such as `limits` or `access`.
    """

    suffix: str
    overlays: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lines: Sequence[str] = ()

    @property
    def admin(self) -> str:
        """DN that may do everything in it."""
        return f"cn=admin,{self.suffix}"


class Slapd:
    """A slapd process. Use it as a context manager, or call `start` and `close`.

    Args:
        databases: naming contexts; a plain DN is one without overlays.
        certificate: if given, the server also offers LDAPS and StartTLS with it.
        lines: lines of slapd.conf(5) before the databases.
        schemas: schema files beside core, cosine, inetorgperson and nis.
        sync: write to disk before each answer. False is faster and survives a killed process, but not a power
            cut.
        folder: where everything is kept; default: a new temporary one that `close` removes.
    """

    def __init__(
        self,
        *databases: str | Database,
        certificate: Certificate | None = None,
        lines: Sequence[str] = (),
        schemas: Sequence[Path] = (),
        sync: bool = False,
        folder: Path | None = None,
    ) -> None:
        self.root = slapd_root()
        self.databases = tuple(
            Database(each) if isinstance(each, str) else each for each in databases or ("dc=example,dc=org",)
        )
        self.suffix, self.admin, self.password = self.databases[0].suffix, self.databases[0].admin, PASSWORD
        self._own_folder = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="slapd-"))
        self.port = free_port()
        self.tls_port = free_port() if certificate else None
        self._certificate = certificate
        self._process: subprocess.Popen[bytes] | None = None
        self._configuration = self.folder / "slapd.conf"
        self._write_configuration(lines, schemas, sync)

    # -- addresses -------------------------------------------------------------------------------------------

    @property
    def uri(self) -> str:
        """URL without TLS."""
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_uri(self) -> str:
        """URL with TLS from the start."""
        return f"ldaps://127.0.0.1:{self.tls_port}"

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self._process is not None, "slapd is not running"
        return self._process.pid

    def administrator(self) -> SimpleLDAPObject:
        """A plain session that may do everything in the first database."""
        session = ldap.initialize(self.uri)
        session.simple_bind_s(self.admin, self.password)
        return session

    # -- life ------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        addresses = self.uri if self.tls_port is None else f"{self.uri} {self.tls_uri}"
        with (self.folder / "slapd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program("usr/sbin/slapd"), "-f", str(self._configuration), "-h", addresses, "-d", "0"],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in a terminal is for whoever started us, who then calls `close`.
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                text = (self.folder / "slapd.log").read_text(errors="replace")
                self.kill()
                raise RuntimeError(
                    f"slapd did not start: {text or 'no output'}\n{self._configuration.read_text()}"
                )
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Stop the server in an orderly way; its data stays."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the server as a crash would; its data stays."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def suspend(self) -> None:
        """Let the server hang: connections stay open, nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)
        # One thread takes the signal and stops the others: on a busy machine these go on until it runs.
        deadline = time.monotonic() + 20
        while any(state not in "Tt" for state in self._thread_states()):
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def _thread_states(self) -> list[str]:
        stats = Path(f"/proc/{self.pid}/task").glob("*/stat")
        return [each.read_text().rpartition(")")[2].split()[0] for each in stats]

    def resume(self) -> None:
        """Undo `suspend`."""
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """Stop the server and remove its folder, if that is a temporary one."""
        self._end(signal.SIGKILL)
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    # -- data ------------------------------------------------------------------------------------------------

    def load(self, ldif: str | Path, *, suffix: str | None = None) -> None:
        """Load entries from LDIF text or a file. The server must not run."""
        assert self._process is None, "slapadd needs the server to be stopped"
        source = ldif if isinstance(ldif, Path) else self.folder / "load.ldif"
        if isinstance(ldif, str):
            source.write_text(ldif)
        self._run("usr/sbin/slapadd", "-q", "-b", suffix or self.suffix, "-l", str(source))

    def dump(self, *, suffix: str | None = None) -> str:
        """All entries as LDIF text, with operational attributes, in the order of their creation.

        Works while the server runs.
        """
        return self._run("usr/sbin/slapcat", "-b", suffix or self.suffix)

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [self._program(program), "-f", str(self._configuration), *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{Path(program).name} failed: {done.stderr}")
        return done.stdout

    # -- configuration ---------------------------------------------------------------------------------------

    def _program(self, path: str) -> str:
        return str(self.root / path)

    def _environment(self) -> dict[str, str]:
        environment = {**os.environ, "LDAPNOINIT": "1"}
        if self.root != Path("/"):
            environment["LD_LIBRARY_PATH"] = ":".join(str(self.root / folder) for folder in _LIBRARIES)
        return environment

    def _write_configuration(self, lines: Sequence[str], schemas: Sequence[Path], sync: bool) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        shipped = [self.root / "etc/ldap/schema" / f"{name}.schema" for name in _SCHEMAS]
        overlays = dict.fromkeys(name for database in self.databases for name in database.overlays)
        text = [f"include {path}" for path in (*shipped, *schemas)]
        text += [
            f"modulepath {self.root / 'usr/lib/ldap'}",
            "moduleload back_mdb",
            *(f"moduleload {name}" for name in overlays),
        ]
        text += [
            f"pidfile {self.folder / 'slapd.pid'}",
            f"argsfile {self.folder / 'slapd.args'}",
            "sizelimit unlimited",
        ]
        if self._certificate:
            text += [
                f"TLSCertificateFile {self._certificate.certificate}",
                f"TLSCertificateKeyFile {self._certificate.key}",
            ]
        text += lines
        for number, database in enumerate(self.databases):
            data = self.folder / f"db{number}"
            data.mkdir(exist_ok=True)
            text += [
                "database mdb",
                "maxsize 4294967296",
                f'suffix "{database.suffix}"',
                f'rootdn "{database.admin}"',
                f"rootpw {PASSWORD}",
                f"directory {data}",
                "index objectClass,entryUUID,entryCSN eq",
                "index uid,cn,sn,mail,employeeNumber,member eq,pres",
                *([] if sync else ["dbnosync"]),
                *database.lines,
            ]
            for name, settings in database.overlays.items():
                text += [f"overlay {name}", *settings]
        self._configuration.write_text("\n".join(text) + "\n")
        self._configuration.chmod(0o600)
