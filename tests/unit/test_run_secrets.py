"""Which fields are secret follows from the definition, and from what passwords are called in directories."""

from __future__ import annotations

from typing import Any

import pytest

from directory_sync.definition.models import Job
from directory_sync.run.secrets import secret_fields, secret_source_fields


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


@pytest.mark.parametrize("name", ["userPassword", "UNICODEPWD", "userPassword;binary", "pin", "PIN", "initial"])
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
    """The source fields of a secret field are hidden too, however it is computed; the same fields elsewhere are not."""
    fields = ("uid", "code", "other")

    assert secret_source_fields(job(pin={**mapping, "secret": True}), fields)("code")
    assert not secret_source_fields(job(pin=mapping), fields)("code")


def test_password_attributes_of_a_source_are_secret() -> None:
    """Also when no field is marked."""
    assert secret_source_fields(job(note="userPassword"), ("uid", "userPassword"))("userPassword")
    assert secret_source_fields(job(userPassword="hash"), ("uid", "hash"))("hash")
