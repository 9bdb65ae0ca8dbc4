"""Listings that end too early, in every way that servers and networks have: nothing is written because of
it.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from directory_sync.definition.models import Collection
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import preview_job, run_job
from directory_sync.run.result import JobResult, JobState
from directory_sync.store.store import Store
from tests.scenarios import directories
from tests.scenarios.answer_proxy import DONE, ENTRY, Answer, AnswerProxy, Replace, reference
from tests.scenarios.new_store import new_store
from tests.scenarios.slapd import Database, Slapd, SlapdMissing, slapd_root

SOURCE, DESTINATION = "dc=source", "dc=destination"
PEOPLE, PAGE = 30, 10
MEMBERS = {SOURCE: range(10, 20), DESTINATION: range(10, 40)}
"""Of the group on each side."""
LIMITS = {
    "size": "size.soft=5 size.hard=5",
    "size-hard-only": "size.soft=unlimited size.hard=5",
    "size-of-all-pages": "size.soft=unlimited size.hard=unlimited size.prtotal=15",
    "size-unchecked": "size.unchecked=5",
    "no-paging": "size.prtotal=disabled",
}
"""How OpenLDAP can cut a listing short (slapd.conf(5), limits)."""


def people(suffix: str, numbers: Iterator[int] | range) -> str:
    return directories.ldif(
        *(
            (
                f"uid=u{n},ou=people,{suffix}",
                {"objectClass": "inetOrgPerson", "uid": f"u{n}", "cn": f"c{n}", "sn": "s"},
            )
            for n in numbers
        )
    )


def group(suffix: str) -> str:
    members = [f"uid=u{n},ou=people,{suffix}" for n in MEMBERS[suffix]]
    return directories.ldif(
        (f"cn=all,ou=groups,{suffix}", {"objectClass": "groupOfNames", "cn": "all", "member": members})
    )


def reader(limit: str, suffix: str) -> str:
    return f"cn={limit},{suffix}"


def server(suffix: str, numbers: range) -> Slapd:
    """A slapd with a login for each kind of limit."""
    lines = [f'limits dn.exact="{reader(limit, suffix)}" {words}' for limit, words in LIMITS.items()]
    slapd = Slapd(Database(suffix, lines=["access to * by users write by anonymous auth", *lines]))
    logins = (
        (reader(limit, suffix), {"objectClass": "person", "sn": "r", "userPassword": "secret"})
        for limit in LIMITS
    )
    entries = directories.ldif(*logins) + people(suffix, numbers) + group(suffix)
    slapd.load(directories.tree(suffix, "people", "groups") + entries)
    slapd.start()
    return slapd


@dataclass
class World:
    """Two servers, each behind a proxy that may change answers; each side lacks a third of the other's
    people.

    Attributes:
        job: what is run: `people`, or `groups`, whose members both sides' people are listed for.
    """

    servers: dict[str, Slapd]
    proxies: dict[str, AnswerProxy]
    folder: Path
    store: Store
    logins: dict[str, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    job: str = "people"

    def get(self, connection_id: str) -> ConnectionInfo:
        slapd, login = self.servers[connection_id], self.logins.get(connection_id)
        return ConnectionInfo(
            connection_id,
            "ldap",
            "127.0.0.1",
            self.proxies[connection_id].port,
            reader(login, slapd.suffix) if login else slapd.admin,
            "secret" if login else slapd.password,
            extra={"security": "none", "page_size": PAGE, "timeout": 1},
        )

    def preview(self) -> JobResult:
        """What the job would do."""
        definition = self._definition()
        return preview_job(
            definition, definition.jobs[0], deployment=Deployment(self, self.folder), store=self.store
        )

    def run(self) -> JobResult:
        """What the job did."""
        definition = self._definition()
        snapshot = self.store.runs.start(
            definition, f"{next(self.numbers)}", trigger="test", requester="t", verified=False
        )
        deployment = Deployment(self, self.folder)
        return run_job(snapshot, definition.jobs[0], deployment=deployment, store=self.store, holder="test")

    def _definition(self) -> Collection:
        sides = (("source", SOURCE), ("destination", DESTINATION))
        job: dict[str, Any] = {
            name: {
                "connection": name,
                "container": f"ou={self.job},{suffix}",
                "filter": "(!(objectClass=organizationalUnit))",
            }
            for name, suffix in sides
        }
        if self.job == "people":
            fields = {"uid": {"from": "uid", "key": True}, "cn": "cn", "sn": "sn"}
            job |= {"object": "inetOrgPerson", "rdn": "uid", "fields": fields}
        else:
            job |= {
                "object": "group",
                "fields": {
                    "cn": {"from": "cn", "key": True},
                    "member": {"members": "member", "match": "uid"},
                },
            }
        limits = dict.fromkeys(
            ("create", "update", "delete", "move", "clear", "members", "memberships"), "none"
        )
        job |= {"name": self.job, "missing_at_source": "delete", "remove": "all"}
        return Collection.model_validate({"name": "corp", "limits": limits, "jobs": [job]})


@pytest.fixture(scope="module")
def servers() -> Iterator[World]:
    try:
        slapd_root()
    except SlapdMissing as missing:
        pytest.skip(str(missing))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        new_store(folder / "store.db")
        source, destination = (
            server(SOURCE, range(PEOPLE)),
            server(DESTINATION, range(PEOPLE // 3, PEOPLE + PEOPLE // 3)),
        )
        try:
            with (
                AnswerProxy(source.port) as to_source,
                AnswerProxy(destination.port) as to_destination,
                Store.open(f"sqlite:///{folder}/store.db") as store,
            ):
                proxies = {"source": to_source, "destination": to_destination}
                yield World({"source": source, "destination": destination}, proxies, folder, store)
        finally:
            source.close()
            destination.close()


@pytest.fixture(params=["source", "destination"])
def side(request: pytest.FixtureRequest) -> str:
    """Whose listing is cut."""
    return str(request.param)


@pytest.fixture
def world(servers: World) -> Iterator[World]:
    """The servers, as they were, with good networks."""
    yield servers
    servers.logins.clear()
    servers.job = "people"
    for proxy in servers.proxies.values():
        proxy.replace = lambda answer: iter((answer,))


def refused(world: World, side: str, *words: str, transient: bool | None = None) -> None:
    """The run ends without a plan; nothing is written; the message names place, cause and remedy."""
    before = world.servers["destination"].dump()
    result = world.run()
    assert world.servers["destination"].dump() == before
    text = result.message
    assert result.state in (JobState.INCOMPLETE, JobState.FAILED), text
    assert list(result.changes) == []
    assert result.plan_id is None
    for word in (f"connection {side} (", *words):
        assert word in text
    assert getattr(result.error, "remedy", ""), text
    assert "unexpected" not in text
    assert "secret" not in text
    if transient is not None:
        assert result.error is not None
        assert result.error.transient is transient, text


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("size", ("size limit", "Raise the server's size limit")),
        ("size-of-all-pages", ("size limit", "Raise the server's size limit")),
        ("size-unchecked", ("administrative limit", "Raise the server's administrative limit")),
        ("no-paging", ("pagedResults control not allowed",)),
    ],
)
def test_limits_of_a_real_server(world: World, side: str, limit: str, words: tuple[str, ...]) -> None:
    """Whatever limit slapd has for the login: a listing that it cuts is never taken for the whole one."""
    world.logins[side] = limit
    refused(world, side, f"ou=people,{world.servers[side].suffix}", *words, transient=False)
    assert world.preview().state is JobState.INCOMPLETE


def test_a_limit_that_only_bounds_what_clients_ask_for(world: World) -> None:
    """A hard limit below the number of objects cuts nothing where nobody asks for a size and the soft limit
    is none.
    """
    world.logins["source"] = "size-hard-only"
    preview = world.preview()
    # slapd before 2.6 lets the hard limit count for paging too: then the job says so.
    assert (preview.state, preview.statistics.read) in (
        (JobState.PREVIEWED, PEOPLE),
        (JobState.INCOMPLETE, 0),
    ), preview.message


def after(entries: int, then: Replace) -> Replace:
    """Let so many entries of a listing pass, then replace answers of that listing."""
    count = 0
    pages: set[bytes] = set()

    def replace(answer: Answer) -> Iterator[Answer]:
        nonlocal count
        if answer.tag == ENTRY and b"uid=u" in answer.body[:40]:
            count += 1
            pages.add(answer.id)
        elif answer.id not in pages:
            # Something else was asked: another session has begun.
            count = 0
            pages.clear()
        if count >= entries and answer.id in pages:
            yield from then(answer)
        else:
            yield answer

    return replace


def ending_with(code: int) -> Replace:
    """The listing ends with this result code instead of success."""

    def replace(answer: Answer) -> Iterator[Answer]:
        yield answer.with_result(code) if answer.tag == DONE else answer

    return replace


RESULTS = {
    "operationsError": (1, "listing"),
    "protocolError": (2, "listing"),
    "timeLimitExceeded": (3, "time limit"),
    "sizeLimitExceeded": (4, "size limit"),
    "partialResults": (9, "held by another server"),
    "referral": (10, "held by another server"),
    "adminLimitExceeded": (11, "administrative limit"),
    "unavailableCriticalExtension": (12, "listing"),
    "noSuchObject": (32, "does not exist"),
    "aliasProblem": (33, "listing"),
    "insufficientAccessRights": (50, "may not read"),
    "busy": (51, "listing"),
    "unavailable": (52, "while"),
    "unwillingToPerform": (53, "listing"),
    "loopDetect": (54, "listing"),
    "other": (80, "listing"),
}
"""RFC 4511, appendix A: how the last page, or one before it, may end."""


@pytest.mark.parametrize("entries", [PAGE, PEOPLE], ids=["first-page", "last-page"])
@pytest.mark.parametrize("result", RESULTS)
def test_every_result_code_but_success(world: World, result: str, entries: int) -> None:
    """Any other result code at the end of any page makes the listing incomplete, or an error; never a shorter
    listing.
    """
    code, words = RESULTS[result]
    world.proxies["source"].replace = after(entries, ending_with(code))
    refused(world, "source", words)


@pytest.mark.parametrize(
    "result", ["timeLimitExceeded", "sizeLimitExceeded", "adminLimitExceeded", "unwillingToPerform"]
)
def test_the_destination_s_listing_is_cut(world: World, result: str) -> None:
    """What the destination's listing lacks is not created again."""
    code, words = RESULTS[result]
    world.proxies["destination"].replace = after(PAGE, ending_with(code))
    refused(world, "destination", words)


def test_a_reference_among_the_entries(world: World, side: str) -> None:
    """A part that is elsewhere is missing here, so nothing is concluded from its absence."""

    def refer(answer: Answer) -> Iterator[Answer]:
        if answer.tag == ENTRY:
            yield reference(answer, "ldap://other.example/ou=people")
        yield answer

    world.proxies[side].replace = after(5, refer)
    refused(world, side, "held by another server", "ldap://other.example/ou=people")


def test_an_answer_without_the_paging_control(world: World, side: str) -> None:
    """A server that does not say whether more pages follow has not said that there are none."""

    def forget(answer: Answer) -> Iterator[Answer]:
        yield Answer(answer.id, answer.tag, answer.body) if answer.tag == DONE else answer

    world.proxies[side].replace = after(PAGE, forget)
    refused(world, side, "did not say whether more pages follow")


def test_a_cookie_that_the_server_forgets(world: World, side: str) -> None:
    """A server that was restarted knows no cookies of before: refused, not begun anew."""

    def spoil(answer: Answer) -> Iterator[Answer]:
        # The cookie is the last thing in the control.
        yield (
            Answer(answer.id, answer.tag, answer.body, answer.controls[:-4] + b"\xff" * 4)
            if answer.tag == DONE
            else answer
        )

    world.proxies[side].replace = after(PAGE, spoil)
    refused(world, side, f"ou=people,{world.servers[side].suffix}")


def test_a_page_that_never_comes(world: World, side: str) -> None:
    """A server that says nothing more is given up after the timeout; trying again later may help."""
    world.proxies[side].replace = after(PAGE + 3, lambda answer: iter(()))
    refused(world, side, "did not send the next page in time", "raise timeout", transient=True)


@pytest.mark.parametrize("entries", [3, PAGE, PAGE + 1, PEOPLE - 1])
def test_a_connection_that_breaks(world: World, side: str, entries: int) -> None:
    """Between pages or within one: a broken connection is no end of a listing; trying again later may
    help.
    """

    def hang_up(answer: Answer) -> Iterator[Answer]:
        raise ConnectionError
        yield answer

    world.proxies[side].replace = after(entries, hang_up)
    refused(world, side, "broke the connection", transient=True)


def test_a_message_that_is_cut_in_the_middle(world: World, side: str) -> None:
    """Half an entry is no entry, and no end."""

    class Half(Answer):
        def encoded(self) -> bytes:
            return super().encoded()[:20]

    def cut(answer: Answer) -> Iterator[Answer]:
        yield Half(answer.id, answer.tag, answer.body, answer.controls)
        raise ConnectionError

    world.proxies[side].replace = after(7, cut)
    refused(world, side, "connection", transient=True)


def test_octets_that_are_no_message(world: World, side: str) -> None:
    """A server, or something in between, that talks nonsense is not a directory that is empty."""

    class Nonsense(Answer):
        def encoded(self) -> bytes:
            return b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n" * 10

    def talk(answer: Answer) -> Iterator[Answer]:
        yield Nonsense(answer.id, answer.tag, answer.body)

    world.proxies[side].replace = after(7, talk)
    refused(world, side)


def test_a_listing_that_only_references_need(world: World, side: str) -> None:
    """Members are found by a listing of people; one that is cut removes nobody from the group."""
    world.job = "groups"
    world.logins[side] = "size-of-all-pages"
    refused(world, side, "size limit", transient=False)


def test_a_broken_listing_that_only_references_need(world: World, side: str) -> None:
    """The same for a listing of people whose next page does not come."""
    world.job = "groups"
    world.proxies[side].replace = after(PAGE + 3, lambda answer: iter(()))
    refused(world, side, "did not send the next page in time", transient=True)


def test_without_faults_members_are_removed(world: World) -> None:
    """The group's job would remove two thirds of the members, and plans that when nothing is wrong."""
    world.job = "groups"
    (change,) = world.preview().changes
    (members,) = change.fields
    assert (len(members.old), len(members.new)) == (20, 0)


def test_without_faults_the_same_job_writes(world: World) -> None:
    """The people's job would delete a third, create a third, and does so when nothing is wrong."""
    before = world.servers["destination"].dump()
    result = world.run()
    assert result.state is JobState.SUCCESS, result.message
    assert (result.statistics.created, result.statistics.deleted) == (PEOPLE // 3, PEOPLE // 3)
    # As it was, for the tests after this one.
    slapd = world.servers["destination"]
    slapd.stop()
    for path in (slapd.folder / "db0").iterdir():
        path.unlink()
    slapd.load(before)
    slapd.start()
