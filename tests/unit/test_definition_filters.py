"""LDAP filters: text to tree and back (RFC 4515)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.definition.filters import (
    And,
    Approx,
    Equality,
    Extensible,
    Filter,
    FilterError,
    GreaterOrEqual,
    LessOrEqual,
    Not,
    Or,
    Present,
    Substrings,
    attributes,
    parse,
    to_text,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(cn=Babs Jensen)", Equality("cn", b"Babs Jensen")),
        ("(!(cn=Tim Howes))", Not(Equality("cn", b"Tim Howes"))),
        (
            "(&(objectClass=Person)(|(sn=Jensen)(cn=Babs J*)))",
            And(
                (
                    Equality("objectClass", b"Person"),
                    Or((Equality("sn", b"Jensen"), Substrings("cn", b"Babs J", (), None))),
                )
            ),
        ),
        ("(o=univ*of*mich*)", Substrings("o", b"univ", (b"of", b"mich"), None)),
        ("(seeAlso=)", Equality("seeAlso", b"")),
        ("(cn:caseExactMatch:=Fred Flintstone)", Extensible("cn", "caseExactMatch", b"Fred Flintstone")),
        ("(cn:=Betty Rubble)", Extensible("cn", None, b"Betty Rubble")),
        (
            "(sn:dn:2.4.6.8.10:=Barney Rubble)",
            Extensible("sn", "2.4.6.8.10", b"Barney Rubble", dn_attributes=True),
        ),
        ("(o:dn:=Ace Industry)", Extensible("o", None, b"Ace Industry", dn_attributes=True)),
        ("(:1.2.3:=Wilma Flintstone)", Extensible(None, "1.2.3", b"Wilma Flintstone")),
        ("(:DN:2.4.6.8.10:=Dino)", Extensible(None, "2.4.6.8.10", b"Dino", dn_attributes=True)),
        (
            r"(o=Parens R Us \28for all your parenthetical needs\29)",
            Equality("o", b"Parens R Us (for all your parenthetical needs)"),
        ),
        (r"(cn=*\2A*)", Substrings("cn", None, (b"*",), None)),
        (r"(filename=C:\5cMyFile)", Equality("filename", b"C:\\MyFile")),
        (r"(bin=\00\00\00\04)", Equality("bin", b"\0\0\0\x04")),
        (r"(sn=Lu\c4\8di\c4\87)", Equality("sn", "Lučić".encode())),
        ("(sn=Lučić)", Equality("sn", "Lučić".encode())),
        (r"(1.3.6.1.4.1.1466.0=\04\02\48\69)", Equality("1.3.6.1.4.1.1466.0", b"\x04\x02Hi")),
        ("(&)", And(())),
        ("(|)", Or(())),
        ("(cn=*)", Present("cn")),
        ("(userCertificate;binary=*)", Present("userCertificate;binary")),
        ("(uid>=5)", GreaterOrEqual("uid", b"5")),
        ("(uid<=5)", LessOrEqual("uid", b"5")),
        ("(cn~=x)", Approx("cn", b"x")),
        ("(cn=a=b)", Equality("cn", b"a=b")),
        (
            "(userAccountControl:1.2.840.113556.1.4.803:=2)",
            Extensible("userAccountControl", "1.2.840.113556.1.4.803", b"2"),
        ),
        (" (&\n  (a=1)\n  (b=2)\n)\n", And((Equality("a", b"1"), Equality("b", b"2")))),
    ],
)
def test_examples(text: str, expected: Filter) -> None:
    """The examples of RFC 4515, section 4, RFC 4526, Active Directory's rules, and filters folded over
    lines.
    """
    assert parse(text) == expected
    assert parse(to_text(expected)) == expected


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 0, "begins with ("),
        ("cn=a", 0, "begins with ("),
        ("(cn=a", 5, "the ( at character 1 needs its )"),
        ("(&(a=b)", 7, "the ( at character 1 needs its )"),
        ("(a=b))", 5, "more text follows"),
        ("(a=b)(c=d)", 5, "more text follows"),
        ("(=b)", 2, "expected an attribute name before"),
        ("(cn)", 1, "expected an attribute name and one of"),
        ("(c n=a)", 1, "expected an attribute name and one of"),
        ("(cn=a(b)", 5, "a bracket in a value is written"),
        ("(cn=a\\)", 5, "two hexadecimal digits"),
        ("(cn=a\\zz)", 5, "two hexadecimal digits"),
        ("(cn>=*)", 5, "written \\2a"),
        ("(cn=a**b)", 6, "two * follow"),
        ("(:=x)", 3, "needs an attribute or a matching rule"),
        ("(cn:rule=x)", 9, "a matching rule needs :="),
        ("(!)", 2, "begins with ("),
        ("(!(a=b)(c=d))", 7, "the ( at character 1 needs its )"),
        ("(cn=\0)", 4, "the ( at character 1 needs its )"),
        ("(cn=\ud800)", 4, "surrogate"),
        ("(!" * 100 + "(a=b)" + ")" * 100, 100, "at most 50 levels"),
        ("(cn=" + "x" * 20_000 + ")", 20_000, "at most 20000 characters"),
    ],
)
def test_mistakes_have_a_position(text: str, position: int, message: str) -> None:
    """An error says at which character it is."""
    with pytest.raises(FilterError) as raised:
        parse(text)
    assert raised.value.position == position
    assert message in str(raised.value)
    assert f"at character {position + 1}" in str(raised.value)


_NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,5}(;[a-z0-9-]{1,3})?", fullmatch=True)
_RULES = st.from_regex(r"[0-9](\.[0-9]{1,3}){1,3}", fullmatch=True)
_SOME = st.binary(min_size=1, max_size=8) | st.text("ab* ()\\ä\n", min_size=1, max_size=8).map(str.encode)
_ITEMS: st.SearchStrategy[Filter] = st.one_of(
    st.builds(Present, _NAMES),
    st.builds(Extensible, _NAMES, st.none() | _RULES, _SOME, st.booleans()),
    st.builds(Extensible, st.none(), _RULES, _SOME, st.booleans()),
    *(st.builds(kind, _NAMES, _SOME) for kind in (Equality, GreaterOrEqual, LessOrEqual, Approx)),
    st.builds(
        Substrings,
        _NAMES,
        st.none() | _SOME,
        st.lists(_SOME, min_size=1, max_size=3).map(tuple),
        st.none() | _SOME,
    ),
)
_FILTERS = st.recursive(
    _ITEMS,
    lambda inner: (
        st.builds(Not, inner)
        | st.lists(inner, max_size=3).map(tuple).flatmap(lambda f: st.sampled_from([And(f), Or(f)]))
    ),
    max_leaves=8,
)


@given(_FILTERS)
def test_every_filter_survives_text(filter: Filter) -> None:
    """`parse` reads back what `to_text` writes, with any bytes in the values."""
    assert parse(to_text(filter)) == filter


def parsed(text: str) -> Filter | FilterError:
    """The filter, or why it is none."""
    try:
        return parse(text)
    except FilterError as error:
        return error


@given(st.text("()&|!=*<>~:\\ab0 ;.\0ä", max_size=40))
def test_any_text_is_a_filter_or_an_error_with_a_position(text: str) -> None:
    """Nothing but FilterError comes out, and what is accepted survives being written."""
    result = parsed(text)
    if isinstance(result, FilterError):
        assert 0 <= result.position <= len(text)
    else:
        assert parse(to_text(result)) == result


def test_attributes_are_all_that_are_asked_about() -> None:
    """Lower case, without options, each once; a match without an attribute names none."""
    assert attributes(
        parse("(&(CN=a)(!(|(cn;lang-de=b)(sn>=c)))(mail=*)(o=a*b)(:1.2.3:=x)(uid:1.2.3:=y))")
    ) == {
        *("cn", "sn", "mail", "o", "uid"),
    }
