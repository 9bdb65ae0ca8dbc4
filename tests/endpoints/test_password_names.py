"""Passwords under names that only a directory's schema knows: no job reads, writes or compares them, and no
look shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from directory_sync.definition.export import complete
from directory_sync.definition.models import Collection
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.errors import EndpointError, LookError, NoConnection, SchemaError, UnsupportedError
from directory_sync.looking import answering
from directory_sync.looking.answers import ANSWER
from directory_sync.run.deployment import Deployment
from directory_sync.run.opening import open_job
from tests.scenarios import directories
from tests.scenarios.looks import given, question
from tests.scenarios.slapd import Slapd

SUFFIX = "dc=corp,dc=org"
SECRET = "never-to-be-seen"
_TEXT = "EQUALITY caseExactMatch SUBSTR caseExactSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15"
SCHEMA = f"""\
attributetype ( 1.3.6.1.4.1.99999.2.1 NAME ( 'corpLogin' 'ntPassword' ) {_TEXT} )
attributetype ( 1.3.6.1.4.1.99999.2.2 NAME 'corpSecret' SUP userPassword )
attributetype ( 1.3.6.1.4.1.99999.2.3 NAME 'corpPlain' {_TEXT} )
objectclass ( 1.3.6.1.4.1.99999.3.1 NAME 'corpPerson' SUP inetOrgPerson STRUCTURAL
  MAY ( corpLogin $ corpSecret $ corpPlain ) )
"""
REFUSED = (UnsupportedError, SchemaError)
"""The second where a source field is given by its identifier, which is never read."""
NAMES = ("corpLogin", "1.3.6.1.4.1.99999.2.1", "corpSecret", "1.3.6.1.4.1.99999.2.2")


@pytest.fixture(scope="module")
def corp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConnectionInfo]:
    """A directory whose schema has passwords by names of its own."""
    schema = tmp_path_factory.mktemp("corp") / "corp.schema"
    schema.write_text(SCHEMA, encoding="utf-8")
    with Slapd(SUFFIX, schemas=[schema]) as slapd:
        slapd.stop()
        slapd.load(
            f"{directories.tree(SUFFIX, 'people', 'copies')}\n\ndn: cn=ann,ou=people,{SUFFIX}\n"
            f"objectClass: corpPerson\ncn: ann\nsn: x\ncorpLogin: {SECRET}\ncorpSecret: {SECRET}\n"
            "corpPlain: seen\n"
        )
        slapd.start()
        yield directories.slapd_connection(slapd)


class Only:
    """The one connection."""

    def __init__(self, connection: ConnectionInfo) -> None:
        self.connection = connection

    def get(self, connection_id: str) -> ConnectionInfo:
        """It."""
        if connection_id != self.connection.id:
            raise NoConnection("There is none.", endpoint=connection_id)
        return self.connection


def collection(*, filter: str = "(objectClass=person)", **fields: Any) -> Collection:
    """A job within the directory."""
    job = {
        "name": "copy",
        "object": "user",
        "source": {"connection": "lab", "container": f"ou=people,{SUFFIX}", "filter": filter},
        "destination": {"connection": "lab", "container": f"ou=copies,{SUFFIX}"},
        "object_classes": ["corpPerson"],
        "fields": {"cn": {"from": "cn", "key": True}, "sn": "sn", **fields},
    }
    return Collection.model_validate({"name": "corp", "jobs": [job]})


def opened(corp: ConnectionInfo, collection: Collection) -> None:
    """The job is opened as a run does it."""
    deployment = Deployment(Only(corp), Path("/nowhere"))
    with open_job(collection, collection.jobs[0], deployment, roles=None, run_id="x"):
        pass


def asked(corp: ConnectionInfo, kind: str, **more: Any) -> bytes:
    """What a look answers."""
    found = ANSWER.dump_json(answering.answer(question(kind, **more), given(corp)))
    assert SECRET.encode() not in found
    return found


def tried(corp: ConnectionInfo, collection: Collection, kind: str, **more: Any) -> bytes:
    """What a job would do."""
    both = {"source_connection": "lab", "destination_connection": "lab"}
    return asked(corp, kind, collection=complete(collection), job="copy", **both, **more)


def test_records_and_fields_hide_them(corp: ConnectionInfo) -> None:
    """By whichever name the server sends them; other attributes are shown."""
    place = {"connection": "lab", "container": f"ou=people,{SUFFIX}", "filter": "(cn=ann)"}
    for kind in ("records", "fields"):
        assert b"seen" in asked(corp, kind, source=place)


@pytest.mark.parametrize("name", NAMES)
def test_no_filter_compares_them(corp: ConnectionInfo, name: str) -> None:
    """In a look, in a job, and in a job that is tried; whether there is one may be asked."""
    container = f"ou=people,{SUFFIX}"
    for filter in (f"({name}=n*)", f"(!({name}=n*))"):
        with pytest.raises(EndpointError, match="would tell a secret"):
            asked(corp, "records", source={"connection": "lab", "container": container, "filter": filter})
        with pytest.raises(EndpointError, match="would tell a secret"):
            opened(corp, collection(filter=filter))
        with pytest.raises(EndpointError, match="would tell a secret"):
            tried(corp, collection(filter=filter), "record", field="cn", value="ann")
        with pytest.raises(EndpointError, match="would tell a secret"):
            tried(corp, collection(filter=filter), "example", destination_field="sn")
    present = f"(&(cn=ann)({name}=*))"
    place = {"connection": "lab", "container": container, "filter": present}
    assert b'"count":1' in asked(corp, "records", source=place)
    opened(corp, collection(filter=present))


@pytest.mark.parametrize("name", NAMES)
def test_no_job_reads_or_writes_them(corp: ConnectionInfo, name: str) -> None:
    """Neither in a run nor where it is tried, and no record is looked for by one."""
    for fields in (
        {"description": name},
        {name: "description"},
        {"description": {"left": name, "length": 2}},
    ):
        with pytest.raises(REFUSED):
            opened(corp, collection(**fields))
        with pytest.raises(REFUSED):
            tried(corp, collection(**fields), "record", field="cn", value="ann")
    with pytest.raises(REFUSED):
        tried(corp, collection(description=name), "example", destination_field="description")
    with pytest.raises(LookError, match="holds secrets"):
        tried(corp, collection(), "record", field=name, value=SECRET)
    opened(corp, collection(description="corpPlain"))
