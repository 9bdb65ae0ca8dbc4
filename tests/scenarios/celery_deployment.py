"""The deployment of docker-compose.yml without containers: the same commands with the same environments, on
127.0.0.1.

What stands in docker-compose.yml is taken from there, so that a test of this is a test of that file. Only
addresses, folders and the length of pauses are other ones.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from demo.processes import Ledger
from tests.scenarios import compose
from tests.scenarios.postgres import Postgres, find_binaries
from tests.scenarios.slapd import free_port, slapd_root

PATIENCE = 180.0
"""Seconds that something may take on a busy machine."""

_SECRETS = {name: f"secret-of-{name}" for name, how in compose.variables_named().items() if how == ":?"} | {
    "AIRFLOW_FERNET_KEY": "dGhpcnR5LXR3by1vY3RldHMtZm9yLXRlc3RzLW9ubHk=",
    "AIRFLOW_JWT_SECRET": "for-tests-only-" * 5,
}

_SHORT_PAUSES = {
    # How soon Airflow notices that a worker or a triggerer is gone. In a real deployment: minutes, and half a
    # minute.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
    # How soon Redis gives the message of a worker that is gone to another one: it then finds that it comes
    # too late.
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "20",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "600",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
    "AIRFLOW__DIRECTORY_SYNC__LEASE_DURATION": "5s",
    "AIRFLOW__DIRECTORY_SYNC__GATE_POLL_INTERVAL": "1",
}


@dataclass(slots=True)
class Service:
    """A started process with everything below it; `name` is the service's, with a number where there are
    several.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    ledger: Ledger

    def kill(self) -> None:
        """Kill it and everything that it started at once, as the end of its machine would."""
        while running := self.ledger.running():
            for process in running:
                try:
                    os.kill(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.05)
        self.process.wait(10)

    def log_end(self, lines: int = 40) -> str:
        """The last lines of what it has printed."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


class CeleryDeployment:
    """All services, started one by one. A context manager that leaves no process behind.

    Args:
        folder: where everything is kept.
        dag_file: what stands in the DAG folder as `job_collections.py`.
        collections: folder of the definitions.

    Workers look for the directory `branch` at `ports["branch"]`, but it listens at `ports["branch-server"]`:
    there is room for a proxy in between.
    """

    def __init__(self, folder: Path, *, dag_file: Path, collections: Path) -> None:
        self.folder = folder
        self.home = folder / "airflow"
        self.ports = {
            name: free_port()
            for name in ("ui", "redis", "health", "planetexpress", "branch", "branch-server")
        }
        self.url = f"http://127.0.0.1:{self.ports['ui']}"
        self.secrets = dict(_SECRETS)
        self.services: dict[str, Service] = {}
        self._compose = compose.load(
            self.secrets | {"UI_URL": self.url, "WORKER_CONCURRENCY": "1", "API_WORKERS": "1"}
        )
        self._postgres = Postgres()
        shutil.copytree(compose.PROJECT / "deploy" / "airflow", self.home)
        for name in ("dags", "logs", "data", "certificates", "include"):
            (self.home / name).mkdir()
        shutil.copy(dag_file, self.home / "dags" / "job_collections.py")
        shutil.copytree(collections, self.home / "dags" / "collections")

    def __enter__(self) -> Self:
        self._postgres.__enter__()
        try:
            self._demand_passwords()
            self.create_databases()
        except BaseException:
            self._postgres.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        for service in self.services.values():
            for process in service.ledger.running():
                if process.pid == service.process.pid:
                    service.process.terminate()
        deadline = time.monotonic() + 5
        while (
            any(service.ledger.running() for service in self.services.values())
            and time.monotonic() < deadline
        ):
            time.sleep(0.1)
        for service in self.services.values():
            service.kill()
        self._postgres.__exit__(None, None, None)

    # -- what containers would bring with them ---------------------------------------------------------------

    def _demand_passwords(self) -> None:
        """As in the container: whoever comes by TCP needs the password of their role."""
        file = self._postgres.folder / "data" / "pg_hba.conf"
        text = (
            "local all owner trust\nhost all owner 127.0.0.1/32 trust\nhost all all 127.0.0.1/32"
            " scram-sha-256\n"
        )
        file.write_text(text, encoding="utf-8")
        self.sql("SELECT pg_reload_conf()", "postgres")

    def create_databases(self) -> None:
        """Run what PostgreSQL's image runs on an empty volume."""
        self._finish(
            ["sh", str(compose.PROJECT / "deploy" / "postgres" / "create_databases.sh")],
            self.environment("postgres") | self._postgres_address() | {"POSTGRES_USER": "owner"},
        )

    def sql(self, statement: str, database: str = "directory_sync") -> list[list[str]]:
        """Rows that a statement returns to PostgreSQL's superuser."""
        output = self._finish(
            [
                "psql",
                "--no-psqlrc",
                "--csv",
                "--tuples-only",
                "--command",
                statement,
                "--username",
                "owner",
                database,
            ],
            self._postgres_address(),
        )
        return [line.split(",") for line in output.splitlines()]

    def _postgres_address(self) -> dict[str, str]:
        binaries = find_binaries()
        assert binaries is not None
        path = f"{binaries}:{os.environ.get('PATH', os.defpath)}"
        return {"PATH": path, "PGHOST": "127.0.0.1", "PGPORT": str(self._postgres.port)}

    @property
    def authority(self) -> Path:
        """The certificate of the authority that `certificates` has made."""
        return self.folder / "certificates" / "ca" / "ca.pem"

    def sample(self, directory: str, ldif: str) -> None:
        """What a directory that has not been started yet will be filled with."""
        folder = self.folder / directory / "samples"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "test.ldif").write_text(ldif, encoding="utf-8")

    def store_url(self) -> str:
        """The store, as workers see it."""
        return self.environment("worker")["AIRFLOW__DIRECTORY_SYNC__DATABASE_URL"]

    # -- services --------------------------------------------------------------------------------------------

    def run(self, service: str) -> str:
        """Run a service that does its work and ends; what it printed."""
        return self._finish(self._command_of(service), self.environment(service))

    def start(self, service: str, number: int | None = None) -> Service:
        """Start a service; with a number, one of several."""
        name = service if number is None else f"{service}-{number}"
        log = self.folder / f"{name}.log"
        ledger = Ledger(self.folder / f"{name}.processes")
        command = self._command_of(service)
        if service == "worker":
            command += ["--celery-hostname", name]  # in containers: the host's name
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                env=self.environment(service) | _host(name),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        ledger.add(name, process.pid)
        self.services[name] = Service(name, process, log, ledger)
        return self.services[name]

    def wait_for(self, what: str, condition: Callable[[], Any], *, patience: float = PATIENCE) -> Any:
        """Wait until the condition is true and return what it returned.

        Fails when a service ends that nobody has killed.
        """
        deadline = time.monotonic() + patience
        while not (found := condition()):
            for service in self.services.values():
                code = service.process.poll()
                assert code in {None, -signal.SIGKILL}, (
                    f"{service.name} ended with status {code}.\n{service.log_end()}"
                )
            assert time.monotonic() < deadline, (
                f"After {patience:.0f} s still waiting for {what}.\n{self._trouble()}"
            )
            time.sleep(0.25)
        return found

    def _trouble(self) -> str:
        """Where the logs are, and what they say of errors."""
        lines = [f"Logs: {self.folder}"]
        for log in (*self.folder.glob("*.log"), *self.folder.glob("airflow/logs/dag_id=*/**/*.log")):
            text = log.read_text(encoding="utf-8", errors="replace").splitlines()
            lines += [
                f"{log.name}: {line[:500]}"
                for line in text
                if re.search(r"\[error|\"level\":\"error|Error:", line)
            ][-5:]
        return "\n".join(lines)

    def healthy(self, name: str) -> bool:
        """Whether a container engine would call the service healthy."""
        return not self.complaint(name)

    def complaint(self, name: str) -> str:
        """What the service's health check says against it, empty when it is healthy.

        As a container engine does it: unhealthy is whoever fails as many checks in a row as `retries` says.
        Where twenty processes share two cores, a single check may run into its time limit.
        """
        service = _service_of(name)
        said = ""
        for attempt in range(self._compose["services"][service]["healthcheck"]["retries"]):
            time.sleep(min(attempt, 1))
            said = self._check(name, service)
            if not said:
                break
        return said

    def _check(self, name: str, service: str) -> str:
        """Run the service's health check once; what it printed if it failed."""
        kind, *words = self._compose["services"][service]["healthcheck"]["test"]
        command = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        environment = self.environment(service) | _host(name)
        port = self.ports.get("branch-server" if service == "branch" else service, 0)
        own = {"$(hostname)": name, "127.0.0.1:1636": f"127.0.0.1:{port}", "/ca/ca.pem": str(self.authority)}
        words = [self._here(word) for word in command]
        for there, here in own.items():
            words = [word.replace(there, here) for word in words]
        done = subprocess.run(
            words, env=environment, cwd=self.folder, capture_output=True, text=True, check=False
        )
        return (
            f"status {done.returncode}: {done.stdout[-1000:]}{done.stderr[-1000:]}" if done.returncode else ""
        )

    def _command_of(self, service: str) -> list[str]:
        command: list[str] = self._compose["services"][service].get("command") or [
            "sh",
            "/usr/local/lib/openldap/start.sh",
        ]
        return [self._here(word) for word in command]

    def environment(self, service: str) -> dict[str, str]:
        """What docker-compose.yml gives the service, and what stands for the rest of its container."""
        given = {
            name: self._here(value)
            for name, value in self._compose["services"][service].get("environment", {}).items()
        }
        own = {
            "PATH": f"{Path(sys.executable).parent}:{slapd_root() / 'usr/sbin'}:{os.environ.get('PATH', os.defpath)}",  # noqa: E501
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
        }
        match service:
            case "redis":
                data = self.folder / "redis"
                data.mkdir(exist_ok=True)
                own |= {"REDIS_RUN": str(data), "REDIS_DATA": str(data), "REDIS_BIND": "127.0.0.1"}
                own |= {"REDIS_PORT": str(self.ports["redis"])}
            case "planetexpress" | "branch":
                own |= self._openldap(service)
            case "certificates":
                own |= {"CERTIFICATES": str(self.folder / "certificates")}
            case "postgres":
                pass
            case _:
                own |= _SHORT_PAUSES | {
                    "AIRFLOW_HOME": str(self.home),
                    "NO_COLOR": "1",
                    # In containers: of each its own /tmp.
                    "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(self.folder / f"tmp-{service}"),
                    "AIRFLOW__API__HOST": "127.0.0.1",
                    "AIRFLOW__API__PORT": str(self.ports["ui"]),
                    "AIRFLOW__CORE__PARALLELISM": "4",
                    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST": "127.0.0.1",
                    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self.ports["health"]),
                }
        return given | own

    def _openldap(self, service: str) -> dict[str, str]:
        folders = {name: self.folder / service / name for name in ("data", "run", "samples")}
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        root = slapd_root()
        libraries = [str(folder) for folder in root.glob("usr/lib/*-linux-gnu*")] if root != Path("/") else []
        port = self.ports["branch-server" if service == "branch" else service]
        return {
            "LDAP_DATA": str(folders["data"]),
            "LDAP_RUN": str(folders["run"]),
            "LDAP_SAMPLES": str(folders["samples"]),
            "LDAP_TLS": str(self.folder / "certificates" / service),
            "LDAP_LISTEN": f"ldaps://127.0.0.1:{port}",
            "LDAP_SCHEMAS": "",
            "LDAP_SCHEMA_FOLDER": str(root / "etc/ldap/schema"),
            "LDAP_MODULE_FOLDER": str(root / "usr/lib/ldap"),
            **({"LD_LIBRARY_PATH": ":".join(libraries)} if libraries else {}),
        }

    def _here(self, text: str) -> str:
        """The same text with the addresses and folders of this deployment."""
        deploy = compose.PROJECT / "deploy"
        for there, here in {
            "@postgres:5432": f"@127.0.0.1:{self._postgres.port}",
            "@redis:6379": f"@127.0.0.1:{self.ports['redis']}",
            "redis-cli ping": f"redis-cli -p {self.ports['redis']} ping",
            "http://api-server:8080": self.url,
            "http://127.0.0.1:8080": self.url,
            "http://127.0.0.1:8974": f"http://127.0.0.1:{self.ports['health']}",
            '"host": "planetexpress", "port": 1636': f'"host": "127.0.0.1", "port": {self.ports["planetexpress"]}',  # noqa: E501
            '"host": "branch", "port": 1636': f'"host": "127.0.0.1", "port": {self.ports["branch"]}',
            "/opt/airflow/certificates": str(self.folder / "certificates" / "ca"),
            "/opt/airflow": str(self.home),
            "/usr/local/lib/redis": str(deploy / "redis"),
            "/usr/local/lib/openldap": str(deploy / "openldap"),
        }.items():
            text = text.replace(there, here)
        return text

    def _finish(self, command: list[str], environment: Mapping[str, str]) -> str:
        done = subprocess.run(
            command,
            env=dict(environment),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,  # no terminal to ask for passwords
        )
        assert done.returncode == 0, (
            f"{' '.join(command)} ended with status {done.returncode}:\n{done.stdout}{done.stderr}"
        )
        return done.stdout


def _service_of(name: str) -> str:
    """`worker` for `worker-2`."""
    base, _, number = name.rpartition("-")
    return base if number.isdigit() else name


def _host(name: str) -> dict[str, str]:
    """Lets Airflow take this for the host's name, so that every service has its own, as in containers."""
    return {"AIRFLOW__CORE__HOSTNAME_CALLABLE": "getpass.getuser", "LOGNAME": name}
