"""Which fields are secret follows from the definition, and from what passwords are called in directories."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from directory_sync.definition.checks import check
from directory_sync.definition.documents import Document
from directory_sync.definition.loading import Broken, judge
from directory_sync.definition.models import Collection, Job
from directory_sync.definition.passwords import PASSWORD_ATTRIBUTES
from directory_sync.definition.secrets import secret_fields, secret_source_fields
from directory_sync.definition.support import unsupported
from directory_sync.definition.templates import BUILT_IN
from directory_sync.errors import UnsupportedError
from directory_sync.plan.mapping.transform import compile_mapping


def job(**fields: Any) -> Job:
    """A job with these fields."""
    return Job.model_validate(
        {
            "name": "people",
            "object": "row",
            "source": {"file": "people.csv"},
            "destination": {"file": "phones.csv"},
            "fields": {"uid": {"from": "uid", "key": True}, **fields},
        }
    )


@pytest.mark.parametrize(
    "name", ["userPassword", "UNICODEPWD", "userPassword;binary", "pin", "PIN", "initial"]
)
def test_secret_destination_fields(name: str) -> None:
    """Marked ones, generated passwords and password attributes, in any case and with any option."""
    is_secret = secret_fields(job(pin={"from": "pin", "secret": True}, initial={"generate_password": {}}))

    assert is_secret(name)
    assert not is_secret("uid")


@pytest.mark.parametrize(
    "mapping",
    [
        {"from": "code"},
        {"left": "Code", "length": 2},
        {"join": ["other", "code"]},
        {"template": "{{ code|upper }}"},
        {"script": "badges.pin"},
    ],
    ids=["from", "left", "join", "template", "script"],
)
def test_what_a_secret_is_made_of_is_secret(mapping: dict[str, object]) -> None:
    """The source fields of a secret field are hidden too, however it is computed; the same fields elsewhere
    are not.
    """
    fields = ("uid", "code", "other")

    assert secret_source_fields(job(pin={**mapping, "secret": True}), fields)("code")
    assert not secret_source_fields(job(pin=mapping), fields)("code")


def test_password_attributes_of_a_source_are_secret() -> None:
    """Also when no field is marked."""
    assert secret_source_fields(job(note="userPassword"), ("uid", "userPassword"))("userPassword")
    assert secret_source_fields(job(userPassword="hash"), ("uid", "hash"))("hash")


# -- the list of password attributes -------------------------------------------------------------------------


SOURCES = Path(__file__).parents[2] / "src" / "directory_sync"
ALLOWED = {"password", "passwd", "pwd", "currentvalue", "priorvalue"}
"""Names that are words of other things too: the key of a connection, a column of a comparison."""


def test_there_is_one_list_of_password_attributes() -> None:
    """No other module names one of them, so refusing, hiding and writing cannot differ."""
    named = {
        (file.name, node.value)
        for file in SOURCES.rglob("*.py")
        if file.name != "passwords.py"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.lower() in PASSWORD_ATTRIBUTES - ALLOWED
    }
    assert named == set()


OF_BOTH_FORMER_LISTS = (
    *(
        "clearPassword",
        "userPassword",
        "unicodePwd",
        "dBCSPwd",
        "lmPwdHistory",
        "ntPwdHistory",
        "supplementalCredentials",
    ),
    *(
        "authPassword",
        "pwdHistory",
        "krbPrincipalKey",
        "sambaNTPassword",
        "sambaLMPassword",
        "sambaPasswordHistory",
    ),
    *(
        "ms-Mcs-AdmPwd",
        "msLAPS-Password",
        "msLAPS-EncryptedPassword",
        "2.5.4.35",
        "OID.2.5.4.35",
        " unicodepwd;binary",
    ),
)


@pytest.mark.parametrize("name", OF_BOTH_FORMER_LISTS)
def test_a_password_attribute_is_refused_hidden_and_never_compared(name: str) -> None:
    """Whatever it is called, in every place that has to know: definitions, reports, and writing to a
    directory.
    """
    for fields in ({name: "x"}, {"x": name}, {"x": {"template": f"{{{{ record['{name}'] }}}}"}}):
        definition = Collection.model_validate(
            {"name": "c", "jobs": [job(**fields).model_dump(mode="json", by_alias=True)]}
        )
        (problem,) = unsupported(definition, script_modules=())
        assert "passwords" in problem.message
    assert secret_fields(job(other="x"))(name)
    assert secret_source_fields(job(other="x"), ("x", name))(name)


@pytest.mark.parametrize(
    "destination",
    [{"field": "userPassword"}, {"template": "OU={{ clearPassword }},DC=x"}],
    ids=["field", "template"],
)
def test_a_container_is_not_made_of_a_password(destination: dict[str, str]) -> None:
    """It would be in every DN."""
    data = job(cn="cn").model_dump(mode="json", by_alias=True)
    data |= {"object": "user", "destination": {"connection": "d", "container": destination, "base": "DC=x"}}
    (problem,) = unsupported(Collection.model_validate({"name": "c", "jobs": [data]}), script_modules=())
    assert problem.key == "jobs[0].destination.container"


def test_a_script_does_not_read_a_password() -> None:
    """What it declares is known only when it is loaded, so a run refuses it then."""

    def peek(record: object) -> str:
        return ""

    peek.source_fields = ("clearPassword",)  # type: ignore[attr-defined]
    with pytest.raises(UnsupportedError, match=r"badges\.peek reads clearPassword"):
        compile_mapping(
            job(x={"script": "badges.peek"}),
            source_fields_known=None,
            single=lambda name: True,
            naming_fields=(),
            variables={},
            scripts={"badges.peek": peek},
        )


LAB = {"connection": "lab", "container": "OU=x,DC=x"}
COMPARES = (
    *("(userPassword=a*)", "(userPassword=a)", "(userPassword=*a*)", "(userPassword>=a)"),
    *("(userPassword<=a)", "(userPassword~=a)", "(USERPASSWORD=a*)", "(userPassword;lang-de=a*)"),
    *("(2.5.4.35=a*)", "(!(userPassword=a*))", "(&(cn=*)(|(sn=x)(!(unicodePwd=a*))))"),
    *("(userPassword:2.5.13.17:=a)", "(userPassword:dn:=a)", "(userPassword:=a)"),
    *("(:2.5.13.17:=a)", "(:dn:2.5.13.17:=a)", "(&(userPassword=*)(ms-Mcs-AdmPwd=a*))"),
)
ONLY_ASKS = (
    *("(userPassword=*)", "(!(userPassword=*))", "(&(objectClass=person)(userPassword;lang-de=*))"),
    *("(jpegPhoto=a*)", "(pwdLastSet>=1)", "(passwordExpirationTime<=20260101000000Z)", "(ou:dn:=Sales)"),
    "(memberOf:1.2.840.113556.1.4.1941:=CN=x,DC=x)",
)


def wrong_filters(source: dict[str, Any], destination: dict[str, Any]) -> list[str]:
    """The keys of filters in which the checks of a definition find an error."""
    data = job(cn={"from": "cn", "key": True}, sn="sn").model_dump(
        mode="json", by_alias=True, exclude_none=True
    )
    data |= {"source": source, "destination": destination}
    collection = Collection.model_validate({"name": "c", "jobs": [data]})
    found = [each for each in check(collection) if each.severity == "error" and each.key.endswith("filter")]
    assert all(each.hint for each in found)
    return [each.key for each in found]


@pytest.mark.parametrize("filter", COMPARES)
def test_no_filter_of_a_definition_compares_a_password(filter: str) -> None:
    """How many objects it selects would tell the password, character by character; on both sides."""
    side = {**LAB, "filter": filter}
    assert wrong_filters(side, side) == ["jobs[0].source.filter", "jobs[0].destination.filter"]
    assert wrong_filters({"file": "a.ldif", "filter": filter}, LAB) == ["jobs[0].source.filter"]


def test_a_stored_definition_with_such_a_filter_cannot_be_used() -> None:
    """As any that has become wrong: its line and key are told, and there is no collection to run."""
    data = job().model_dump(mode="json", by_alias=True, exclude_none=True)
    data["source"] = {"file": "people.csv", "filter": "(password=a*)"}
    text = yaml.safe_dump({"name": "c", "jobs": [data]}, sort_keys=False)
    found = judge(Document("c", text, "c"), BUILT_IN)
    assert isinstance(found, Broken)
    (problem,) = [each for each in found.problems if each.severity == "error"]
    assert problem.key == "jobs[0].source.filter"
    assert "filter" in text.splitlines()[problem.line - 1]


@pytest.mark.parametrize("filter", ONLY_ASKS)
def test_a_filter_may_ask_whether_there_is_a_password(filter: str) -> None:
    """That tells no value; and attributes about passwords hold none."""
    side = {**LAB, "filter": filter}
    assert wrong_filters(side, side) == []


@pytest.mark.parametrize("filter", ["(Password=a*)", "(|(Name=x)(pwd>=1))"])
def test_no_filter_compares_a_column_of_passwords(filter: str) -> None:
    """Of a file, or of a table."""
    for source in ({"file": "a.csv", "filter": filter}, {"connection": "hr", "table": "t", "filter": filter}):
        assert wrong_filters(source, {"file": "b.csv"}) == ["jobs[0].source.filter"]
