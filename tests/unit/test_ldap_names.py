"""DNs: taken apart and put together without loss, whatever they hold."""

from __future__ import annotations

import ldap.dn
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from directory_sync.dn import NameSyntaxError, depth, parent_of, parse, split
from directory_sync.endpoints.blanks import BLANKS
from directory_sync.errors import RecordError
from tests.scenarios.schemas import small_schema

NAMES = small_schema().names
_values = st.text(
    alphabet=st.one_of(st.sampled_from(' ,+"\\;<>=#\x00\n\x7f'), st.characters(codec="utf-8")),
    min_size=1,
    max_size=12,
)
CONTAINER = "ou=People\\, all, DC=Example"


@given(_values)
def test_new_names_hold_their_value(value: str) -> None:
    """A name made from any text is a DN whose first value is that text without blanks around, in that
    container, and one line.
    """
    assume(value.strip(BLANKS))
    dn = NAMES.child("cn", value.encode(), CONTAINER)
    assert ldap.dn.str2dn(dn)[0][0][:2] == ("cn", value.strip(BLANKS))
    assert NAMES.same(parent_of(dn) or "", CONTAINER)
    assert "\n" not in dn
    assert NAMES.renamed(dn, {"commonName": [value.strip(BLANKS).encode()]}) == dn
    assert NAMES.renamed(dn, {"mail": [b"x"]}) == dn


@example("0\xa0", "0")
@given(_values, _values)
def test_normalising_is_stable(one: str, other: str) -> None:
    """The normalised form of a normalised form is itself; equal names of different spelling share one."""
    one, other = one.strip(BLANKS), other.strip(BLANKS)
    assume(one and other)
    dn = NAMES.child("cn", one.encode(), NAMES.child("ou", other.encode(), "dc=x"))
    normalised = NAMES.normalise(dn)
    assert NAMES.normalise(normalised) == normalised
    hexadecimal = "".join(f"\\{byte:02X}" for byte in one.encode())
    parent = dn[len(split(dn)[0]) + 1 :]
    assert NAMES.normalise(f"2.5.4.3 = {hexadecimal} , {parent.replace('dc=x', 'DC=X')}") == normalised
    assert NAMES.ancestors(normalised)[-1] == "dc=x"
    assert len(NAMES.ancestors(normalised)) == 2


@given(
    st.sampled_from(["cn", "CN", " cn", "2.5.4.3", "dc", "jpegPhoto"]),
    _values | st.text(alphabet="aB7 -\xa0é", min_size=1, max_size=6),
    st.sampled_from(["ou=People,dc=x", "OU=People , DC=X", "ou=a\\,b,dc=x", "dc=x", ""]),
)
def test_the_short_way_gives_what_the_long_way_gives(attribute: str, value: str, parent: str) -> None:
    """A name is normalised the same whether its attribute and its container are known already or met for the
    first time.
    """
    warm, text = small_schema().names, f"{attribute}={value},{parent}"
    for known in (f"{attribute.strip()}=x,{parent}", f"cn=x,{parent}"):
        warm.normalise(known)
    assert warm.normalise(text) == small_schema().names.normalise(text)


@given(st.text(max_size=30))
def test_any_text(text: str) -> None:
    """A text that is no DN is left alone, and never a crash."""
    normalised = NAMES.normalise(text)
    try:
        parse(text)
    except NameSyntaxError:
        assert normalised == text
    parent_of(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("cn=A  b,dc=x", "CN = a B , DC=X", True),
        ("uid=1+cn=a,dc=x", "cn=A+userid=1,dc=x", True),
        ("cn=a\\2Cb,dc=x", 'cn="a,b",dc=x', True),
        ("gecos=A,dc=x", "gecos=a,dc=x", False),
        ("cn=a,dc=x", "sn=a,dc=x", False),
        ("cn=a,dc=x", "cn=a,dc=x,dc=y", False),
        ("cn=#0401ff,dc=x", "cn=\\#0401ff,dc=x", False),
    ],
)
def test_same(one: str, other: str, same: bool) -> None:
    """Attribute names, order of values, escapes and spaces do not matter; values count by their attribute's
    rule.
    """
    assert NAMES.same(one, other) is same


def test_spelling_is_kept() -> None:
    """Only the RDN is written anew; the container keeps its spelling."""
    assert NAMES.child("cn", b"a,b", "OU=X, dc = y") == "cn=a\\,b,OU=X, dc = y"
    assert split("CN=a,OU=X, DC=y") == ("CN=a", "OU=X, DC=y")
    assert NAMES.moved("cn=a,ou=x,dc=y", "OU=Z,dc=y") == "cn=a,OU=Z,dc=y"
    assert NAMES.moved("cn=a,ou=x,dc=y", "OU=X, dc=y") == "cn=a,ou=x,dc=y"
    assert NAMES.child("dc", b"x", "") == "dc=x"
    assert depth("cn=a,ou=x,dc=y") == 3
    assert parent_of("dc=y") is None


def test_renaming() -> None:
    """A name follows its attribute's first value, unless the old one is still there by the attribute's
    rule.
    """
    dn = "cn=Fry+uid=fry,dc=x"
    assert NAMES.renamed(dn, {"cn": [b"FRY"]}) == dn
    assert NAMES.renamed(dn, {"cn": [b"Philip", b"fry"]}) == dn
    assert NAMES.renamed(dn, {"cn": [b"Philip"], "UID": [b"p+q"]}) == "cn=Philip+uid=p\\+q,dc=x"
    with pytest.raises(RecordError, match="uid: names the object and would lose its value"):
        NAMES.renamed(dn, {"userid": []})
    with pytest.raises(RecordError, match="not UTF-8"):
        NAMES.renamed(dn, {"uid": [b"\xff"]})
    with pytest.raises(RecordError, match="is not a DN"):
        NAMES.renamed("nonsense", {"uid": [b"a"]})
    with pytest.raises(RecordError, match="cn: names the object, but has no value"):
        NAMES.child("cn", b"  ", "dc=x")


def test_within() -> None:
    """A container holds itself and what is below it, not what only ends alike."""
    assert NAMES.is_within("cn=a,OU=x,dc=y", "ou=X,dc=y")
    assert NAMES.is_within("ou=x,dc=y", "ou=x,dc=y")
    assert not NAMES.is_within("cn=a\\,ou=x,dc=y", "ou=x,dc=y")
    assert not NAMES.is_within("ou=xx,dc=y", "ou=x,dc=y")
