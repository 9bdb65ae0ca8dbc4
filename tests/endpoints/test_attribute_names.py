"""Attributes by their other names, and those that are written in one form only."""

from __future__ import annotations

import ssl
from pathlib import Path

import ldap
import pytest

from directory_sync.run.result import JobState
from tests.scenarios.certificates import Authority
from tests.scenarios.corner import FIELDS, Corner


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cn", "commonName"),
        ("mail", "rfc822Mailbox"),
        ("cn", "2.5.4.3"),
        ("description", "DESCRIPTION;lang-de"),
    ],
)
def test_one_attribute_is_not_mapped_twice(corner: Corner, one: str, other: str) -> None:
    """It would get the one value, then the other, in every run; an option makes another attribute of it."""
    corner.person("from", "amy", mail="amy@x.example")
    result = corner.run(fields={**FIELDS, one: "cn", other: "sn"})
    if ";" in other:
        assert result.state is JobState.SUCCESS
        assert corner.run(fields={**FIELDS, one: "cn", other: "sn"}).statistics.unchanged == 1
        return
    assert result.state is JobState.FAILED
    assert f"{other} is another name of {one}" in result.message
    assert corner.there() == set()


def test_an_attribute_may_go_by_another_of_its_names(corner: Corner) -> None:
    """What the classes demand is there then, and the second run has nothing to do."""
    corner.person("from", "amy")
    fields = {"uid": {"from": "uid", "key": True}, "commonName": "cn", "surname": "sn"}
    assert corner.run(fields=fields).state is JobState.SUCCESS
    assert corner.run(fields=fields).statistics.unchanged == 1
    _, values = corner.container.admin.search_s(
        corner.place("to"), ldap.SCOPE_ONELEVEL, "(uid=amy)", ["cn", "sn"]
    )[0]
    assert values == {"cn": [b"amy"], "sn": [b"amy"]}


@pytest.mark.parametrize("name", ["userCertificate", "userCertificate;binary"])
def test_certificates_are_written_as_the_server_demands(corner: Corner, tmp_path: Path, name: str) -> None:
    """OpenLDAP takes them with the option `;binary` only (RFC 4523, section 2), whatever the definition calls
    them.
    """
    certificate = ssl.PEM_cert_to_DER_cert(Authority(tmp_path).ca.read_text("ascii"))
    corner.person("from", "amy", **{"userCertificate;binary": [certificate]})
    corner.person("from", "bob")
    fields = {**FIELDS, name: name}
    assert corner.run(fields=fields).state is JobState.SUCCESS
    assert corner.run(fields=fields).statistics.unchanged == 2
    changes = [(ldap.MOD_REPLACE, "userCertificate;binary", [certificate])]
    corner.container.admin.modify_s(f"uid=bob,{corner.place('from')}", changes)
    done = corner.run(fields=fields)
    assert (done.state, done.statistics.updated) == (JobState.SUCCESS, 1)
    assert corner.run(fields=fields).statistics.unchanged == 2
