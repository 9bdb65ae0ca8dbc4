"""Where mail reaches people, and what is no mail address."""

from __future__ import annotations

from email.headerregistry import Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.approval.people import Approver
from directory_sync.definition.mail_addresses import checked_address
from directory_sync.errors import EndpointUnavailable
from directory_sync.mail.addresses import Addresses

DIRECTORY = {"bea": "Bea.Smith@corp.example", "odd": "no address", "zoe": "zoe@bücher.example"}


def user(name: str) -> Approver:
    return Approver("user", name)


def test_a_name_with_an_at_sign_is_an_address_of_the_domain() -> None:
    """Whoever reroutes can type any name: other domains get mail only if the people directory knows the
    user.
    """
    addresses = Addresses(mail_of={"max@x.org": "max@y.org"}.get, domain="corp.example")
    assert addresses.find(user("ann@Corp.Example")).address == "ann@Corp.Example"
    assert addresses.find(user("max@x.org")).address == "max@y.org"
    found = addresses.find(user("mallory@evil.example"))
    assert not found.address
    assert "another domain" in found.why_not


def test_the_people_directory_comes_before_the_domain() -> None:
    """Whoever has no address there gets one of the domain."""
    addresses = Addresses(mail_of=DIRECTORY.get, domain="corp.example")
    assert addresses.find(user("bea")).address == "Bea.Smith@corp.example"
    assert addresses.find(user("ann")).address == "ann@corp.example"


def test_a_wrong_address_in_the_directory_is_none() -> None:
    """Mail does not go to a guess instead; the reason is told."""
    found = Addresses(mail_of=DIRECTORY.get, domain="corp.example").find(user("odd"))
    assert (found.address, found.why_not) == (
        "",
        "What the people directory holds for this user is no mail address. Correct it there.",
    )


def test_without_any_source_there_is_no_address() -> None:
    """The reason names the settings that would give one."""
    found = Addresses().find(user("bea"))
    assert found.address == ""
    assert "people_connection" in found.why_not
    assert "mail_domain" in found.why_not


def test_a_directory_that_is_down_is_no_missing_address() -> None:
    """The error goes through, so that it is tried again."""

    def down(name: str) -> str | None:
        raise EndpointUnavailable(name)

    with pytest.raises(EndpointUnavailable):
        Addresses(mail_of=down, domain="corp.example").find(user("bea"))


def test_roles_have_addresses_of_their_own() -> None:
    """Only those that the setting names; a role is never looked up as a user."""
    addresses = Addresses(
        mail_of=DIRECTORY.get, domain="corp.example", roles={"Heads": "heads@x.org", "Bad": "a@b c"}
    )
    assert addresses.find(Approver("role", "Heads")).address == "heads@x.org"
    assert "role_addresses" in addresses.find(Approver("role", "bea")).why_not
    assert "role_addresses" in addresses.find(Approver("role", "Bad")).why_not


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "a@",
        "@b.org",
        "a b@c.org",
        "a@b@c.org",
        "a@b.org\r\nBcc: x@y.org",
        "a\n@b.org",
        "a@b.org, x@y.org",
        "A <a@b.org>",
        '"a b"@c.org',
        "a@b.org>",
        "CORP\\a@b.org",
        ".a@b.org",
        "a..b@c.org",
        "a@-b.org",
        "a@b..org",
        "é@b.org",
        f"{'a' * 65}@b.org",
        f"a@{'b' * 300}.org",
        "a@[127.0.0.1]",
        "a\x00@b.org",
    ],
)
def test_what_is_no_address(text: str) -> None:
    """Nothing that could end a header or a command, name two people, or be cut by a server."""
    assert checked_address(text) is None


def test_domains_in_other_scripts_go_as_the_wire_has_them() -> None:
    """Servers need no extension for them."""
    assert checked_address("zoe@bücher.example") == "zoe@xn--bcher-kva.example"
    assert checked_address(" o'neil+sync@Corp.Example ") == "o'neil+sync@Corp.Example"


@given(st.text() | st.from_regex(r"[^@]{0,5}@[^@]{0,8}", fullmatch=True))
def test_what_is_let_through_is_one_address(text: str) -> None:
    """It is plain ASCII without space, and Python's mail package reads it back as the same."""
    address = checked_address(text)
    if address is not None:
        assert address.isascii()
        assert not set(address) & set(' \r\n\t<>,;:"\\')
        assert Address(addr_spec=address).addr_spec == address
