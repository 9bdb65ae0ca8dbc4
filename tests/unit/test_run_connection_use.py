"""What names mean at a destination decides about a job too, not only what they usually mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from directory_sync.definition.models import Collection
from directory_sync.endpoints.contract import FieldRule
from directory_sync.endpoints.ldap.flavours import GENERIC
from directory_sync.endpoints.ldap.flavours.active_directory import ActiveDirectory
from directory_sync.errors import RulesBroken
from directory_sync.rights.connection_rules import ConnectionRules
from directory_sync.run.connection_use import refuse_at_destination, refuse_broken_rules
from directory_sync.run.deployment import Deployment
from tests.scenarios.definitions import changed
from tests.scenarios.memory_directory import MemoryDirectory
from tests.scenarios.rules import ADMINISTRATORS, job, never, only


class Directory(MemoryDirectory):
    """A directory of some flavour, where `nick` and `1.2.3` are one attribute."""

    flavour: Mapping[str, tuple[str, ...]] = GENERIC.classes

    def classes(self, kind: str) -> tuple[str, ...]:
        return self.flavour.get(kind, ())

    def rule(self, name: str) -> FieldRule | None:
        base, _, options = name.lower().partition(";")
        if base not in ("nick", "1.2.3"):
            return None
        return FieldRule(name, described="nick" + (f";{options}" if options else ""))


def refuse(collection: Collection, rules: ConnectionRules, directory: Directory) -> None:
    """Before the destination answers, and after."""
    deployment = Deployment(
        None,  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        connection_rules=rules,
        administrators=ADMINISTRATORS,
    )
    refuse_broken_rules(collection, deployment, roles=None)
    refuse_at_destination(collection, collection.jobs[0], directory, deployment)


@pytest.mark.parametrize("ruled", ["Nick", "1.2.3", "oid.1.2.3"])
@pytest.mark.parametrize("mapped", ["nick", " NICK ", "1.2.3", "1.2.3;lang-de", "nick;binary"])
def test_a_name_that_only_the_schema_knows_is_the_same_field(ruled: str, mapped: str) -> None:
    """Its object identifier, say."""
    fields = {"employeeID": {"from": "employeeID", "key": True}, "cn": "cn", mapped: "cn"}
    with pytest.raises(RulesBroken):
        refuse(job(("fields", fields)), never(ruled), Directory())
    refuse(job(("fields", fields)), never("other"), Directory())


def active_directory() -> Directory:
    directory = Directory()
    directory.flavour = ActiveDirectory().classes
    return directory


@pytest.mark.parametrize(
    "change",
    [
        ("destination.filter", "(objectClass=inetOrgPerson)"),
        ("object_classes", ["top", "person", "organizationalPerson", "inetOrgPerson"]),
    ],
)
def test_what_makes_an_account_is_for_the_flavour_to_say(change: tuple[str, Any]) -> None:
    """In Active Directory an inetOrgPerson can log in, and a contact is something else."""
    collection = job(("object", "contact"), ("destination.filter", "(objectClass=contact)"))
    refuse(collection, only("contact"), active_directory())
    collection = job(("object", "contact"), ("destination.filter", "(objectClass=contact)"), change)
    with pytest.raises(RulesBroken):
        refuse(collection, only("contact"), active_directory())


def test_elsewhere_a_contact_is_an_inet_org_person() -> None:
    """No filter can tell them apart there, so the rules cannot either."""
    collection = job(("object", "contact"), ("destination.filter", "(objectClass=inetOrgPerson)"))
    refuse(collection, only("contact"), Directory())


def test_the_job_is_found_by_its_name() -> None:
    """The problem names the place of the job that breaks the rule."""
    data = changed()
    data["jobs"].append(
        {**data["jobs"][0], "name": "more", "fields": {"cn": {"from": "cn", "key": True}, "nick": "x"}}
    )
    collection = Collection.model_validate(data)
    deployment = Deployment(None, None, connection_rules=never("1.2.3"))  # type: ignore[arg-type]
    refuse_at_destination(collection, collection.jobs[0], Directory(), deployment)
    with pytest.raises(RulesBroken, match=r"jobs\[1\]\.fields\.nick"):
        refuse_at_destination(collection, collection.jobs[1], Directory(), deployment)
