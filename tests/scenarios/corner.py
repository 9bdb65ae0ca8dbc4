"""Two containers of one server and a store: what jobs over several runs are tried with."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ldap

from directory_sync.definition.models import Collection
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.run.approved import apply_approved
from directory_sync.run.closing import close_run
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import preview_job, run_job
from directory_sync.run.result import JobResult, JobState
from directory_sync.store.store import Store
from tests.scenarios import directories
from tests.scenarios.container import Container
from tests.scenarios.requests import decide
from tests.scenarios.slapd import Database, Slapd

PERSON = "inetOrgPerson"
_SUFFIX = "dc=example,dc=org"
FIELDS: dict[str, Any] = {"uid": {"from": "uid", "key": True}, "cn": "cn", "sn": "sn", "mail": "mail"}


@dataclass
class Corner:
    """Two containers of one server, `ou=from` and `ou=to`, and the store that runs leave their records in.

    Attributes:
        connections: what is special about some of them, such as the login.
    """

    container: Container
    store: Store
    folder: Path
    connections: dict[str, dict[str, Any]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    def make(cls, container: Container, store: Store, folder: Path) -> Corner:
        """One with both containers, empty."""
        for side in ("from", "to"):
            container.add(f"ou={side}", objectClass="organizationalUnit", ou=side)
        return cls(container, store, folder)

    @classmethod
    def alone(
        cls,
        new_slapd: Callable[..., Slapd],
        store: Store,
        folder: Path,
        *,
        login: str,
        hidden: str,
        attribute: str = "entryUUID",
        below: str = "",
    ) -> Corner:
        """One on a server of its own, where the login of a connection may write everything but not read one
        attribute.

        Args:
            new_slapd: the fixture.
            store, folder: as always.
            login: the connection.
            hidden: where it may not read it: `dn.base=` for the top entry alone, `dn.subtree=` for all.
            attribute: which.
            below: the RDN of a container, with a comma, if it is about that.
        """
        service = f"uid=svc,{_SUFFIX}"
        lines = [
            f'access to {hidden}"{below}{_SUFFIX}" attrs={attribute} by dn.exact="{service}" none by * break',
            f'access to * by dn.exact="{service}" write by * read',
        ]
        slapd = new_slapd(Database(_SUFFIX, lines=lines))
        container = Container(_SUFFIX, slapd, directories.administrator(slapd))
        container.add("uid=svc", userPassword=slapd.password)
        corner = cls.make(container, store, folder)
        corner.connections[login] = {"login": service}
        return corner

    def get(self, connection_id: str) -> ConnectionInfo:
        usual = directories.slapd_connection(self.container.slapd, connection_id, page_size=50)
        return replace(usual, **self.connections.get(connection_id, {}))

    def place(self, side: str) -> str:
        return f"ou={side},{self.container.dn}"

    def person(self, side: str, uid: str, **values: directories.Values) -> str:
        return self.container.add(
            f"uid={uid},ou={side}", objectClass=PERSON, uid=uid, **{"cn": uid, "sn": uid, **values}
        )

    def people(self, side: str, *names: str, **values: directories.Values) -> None:
        for name in names:
            self.person(side, name, **values)

    def gone(self, side: str, *names: str) -> None:
        """Delete people behind the product's back."""
        for name in names:
            self.container.admin.delete_s(f"uid={name},{self.place(side)}")

    def there(self, kind: str = PERSON) -> set[str]:
        """First names of RDNs at the destination."""
        found = self.container.admin.search_s(
            self.place("to"), ldap.SCOPE_SUBTREE, f"(objectClass={kind})", ["1.1"]
        )
        return {dn.partition(",")[0].partition("=")[2] for dn, _ in found}

    def definition(
        self, name: str = "corp", *, approval: Any = "none", limits: Any = None, **job: Any
    ) -> Collection:
        one = {
            "name": "people",
            "source": {
                "connection": "a",
                "container": self.place("from"),
                "filter": f"(objectClass={PERSON})",
            },
            "destination": {
                "connection": "b",
                "container": self.place("to"),
                "filter": f"(objectClass={PERSON})",
            },
            "object": PERSON,
            "rdn": "uid",
            "missing_at_source": "delete",
            "fields": FIELDS,
            **job,
        }
        return Collection.model_validate(
            {"name": name, "approval": approval, "limits": limits or {}, "jobs": [one]}
        )

    def file_job(
        self, *names: str, place: str = "to", where: dict[str, Any] | None = None, **job: Any
    ) -> dict[str, Any]:
        """A job that creates and deletes people as a file of its own names them; call `csv` to change
        that.
        """
        file = job.pop("file", "people.csv")
        if names:
            self.csv(file, *names)
        destination = {
            "connection": "b",
            "container": self.place(place),
            "filter": f"(objectClass={PERSON})",
            **(where or {}),
        }
        fields = {"uid": {"from": "uid", "key": True}, "cn": "uid", "sn": "uid"}
        return {"source": {"file": file}, "destination": destination, "fields": fields, **job}

    def csv(self, file: str, *names: str) -> None:
        """Let a file name these people."""
        (self.folder / file).write_text("uid\n" + "".join(f"{name}\n" for name in names))

    def approve(self, result: JobResult, by: str = "bea") -> JobResult:
        """Approve the request that a job waits for, and carry it out."""
        assert result.state is JobState.WAITING, result.message
        assert result.request is not None
        decide(self.store, result.request, by)
        return self.carry_out(result.request)

    def carry_out(self, number: int) -> JobResult:
        """Carry an approved request out, in the run that has filed it."""
        request = self.store.requests.get(number).request
        snapshot = self.store.runs.find(request.collection, request.run_id)
        assert snapshot is not None
        job = snapshot.collection.job(request.job)
        return apply_approved(
            snapshot, job, request, deployment=self.deployment, store=self.store, holder="test"
        )

    def again(self, collection: str, run_id: str) -> JobResult:
        """Retry the first job of a run that has begun."""
        snapshot = self.store.runs.find(collection, run_id)
        assert snapshot is not None
        return run_job(
            snapshot, snapshot.collection.jobs[0], deployment=self.deployment, store=self.store, holder="test"
        )

    def run(
        self, definition: Collection | None = None, *, trigger: str = "terminal", run_id: str = "", **job: Any
    ) -> JobResult:
        definition = definition or self.definition(**job)
        run_id = run_id or f"{next(self.numbers)}"
        snapshot = self.store.runs.start(definition, run_id, trigger=trigger, requester="ida", verified=True)
        result = run_job(
            snapshot, definition.jobs[0], deployment=self.deployment, store=self.store, holder="test"
        )
        close_run(self.store, snapshot, result.state)
        return result

    def run_all(self, definition: Collection) -> list[JobResult]:
        """Run all jobs of a collection, one after the other."""
        snapshot = self.store.runs.start(
            definition, f"{next(self.numbers)}", trigger="terminal", requester="ida", verified=True
        )
        return [
            run_job(snapshot, job, deployment=self.deployment, store=self.store, holder="test")
            for job in definition.enabled_jobs
        ]

    def preview(self, **job: Any) -> JobResult:
        definition = self.definition(**job)
        return preview_job(definition, definition.jobs[0], deployment=self.deployment, store=self.store)

    @property
    def deployment(self) -> Deployment:
        return Deployment(self, self.folder)


def succeed(result: JobResult) -> JobResult:
    """The result of a job that did what it should."""
    assert result.state is JobState.SUCCESS, (result.message, result.problems)
    return result
