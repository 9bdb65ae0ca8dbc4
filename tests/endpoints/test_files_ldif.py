"""LDIF files as source and destination, on a real file system; python-ldap's own parser and writer as the
independent side.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import ldap.dn
import ldif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directory_sync.definition.models import FileEndpoint
from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from directory_sync.endpoints.contract import Record
from directory_sync.endpoints.files.ldif_destination import LdifDestination
from directory_sync.endpoints.files.ldif_source import LdifSource
from directory_sync.endpoints.files.names import NAMES, folded
from directory_sync.errors import EndpointError, IncompleteListing, RecordError
from tests.scenarios.examples import examples
from tests.scenarios.files import file_destination, file_source

DATA = Path(__file__).parents[1] / "scenarios" / "data"
AMY = b"dn: cn=Amy,dc=x\nobjectClass: person\ncn: Amy\nsn: Wong\n"


def source(folder: Path, content: bytes) -> LdifSource:
    """A source with this content."""
    (folder / "people.ldif").write_bytes(content)
    made = file_source(FileEndpoint(file="people.ldif"), folder)
    assert isinstance(made, LdifSource)
    return made


def destination(folder: Path, content: bytes | None = None) -> LdifDestination:
    """A destination with this content now."""
    if content is not None:
        (folder / "out.ldif").write_bytes(content)
    made = file_destination(
        FileEndpoint(file="out.ldif"), folder, keys=["uid"], fields=["uid", "cn"], naming_attribute="cn"
    )
    assert isinstance(made, LdifDestination)
    return made


def records(endpoint: LdifSource, *fields: str) -> list[Record]:
    """Everything that is read."""
    return [record for batch in endpoint.read(fields) for record in batch]


def sample(name: str) -> LdifSource:
    """One of the files that others made."""
    made = file_source(FileEndpoint(file=name), DATA)
    assert isinstance(made, LdifSource)
    return made


def independent(content: bytes) -> dict[str, dict[str, list[bytes]]]:
    """What python-ldap reads: normalised DN → attributes, lower case."""
    reader = ldif.LDIFRecordList(io.BytesIO(content))
    reader.parse()
    return {
        NAMES.normalise(dn): {name.lower(): values for name, values in entry.items()}
        for dn, entry in reader.all_records
    }


def change(action: Action, dn: str, *fields: FieldChange, new: str | None = None) -> Change:
    """A change of an entry."""
    return Change(action, dn, dn, new_object=new, fields=fields)


def field(
    name: str, old: Iterable[str] = (), new: Iterable[str] = (), *, partial: bool = False
) -> FieldChange:
    """A change of an attribute."""
    return FieldChange(name, tuple(v.encode() for v in old), tuple(v.encode() for v in new), partial=partial)


def write(endpoint: LdifDestination, *changes: Change, verify: Iterable[int] = ()) -> list[Outcome]:
    """Carry changes out."""
    return list(endpoint.write(enumerate(changes), before_send=lambda: None, verify=frozenset(verify)))


def results(outcomes: Iterable[Outcome]) -> list[Result]:
    """The results alone."""
    return [outcome.result for outcome in outcomes]


# -- reading -------------------------------------------------------------------------------------------------


def test_the_examples_of_the_rfc() -> None:
    """RFC 2849, examples 1 to 4: folding, base64, options, UTF-8 names, comments."""
    first, second = records(sample("rfc2849/example1.ldif"), "CN", "description", "dn")
    assert first.id == "cn=Barbara Jensen, ou=Product Development, dc=airius, dc=com"
    assert first.values["CN"] == [b"Barbara Jensen", b"Barbara J Jensen", b"Babs Jensen"]
    assert second.values == {
        "CN": [b"Bjorn Jensen"],
        "dn": [b"cn=Bjorn Jensen, ou=Accounting, dc=airius, dc=com"],
    }
    folded = records(sample("rfc2849/example2.ldif"), "description")[0]
    assert folded.values["description"] == [
        b"Babs is a big sailing fan, and travels extensively in search of perfect sailing conditions."
    ]
    encoded = records(sample("rfc2849/example3.ldif"), "description")[0]
    assert encoded.values["description"][0].startswith(b"What a careful reader you are!")
    unit, person = records(sample("rfc2849/example4.ldif"), "ou", "ou;lang-en", "cn")
    assert unit.id == "ou=営業部,o=Airius"
    assert unit.values == {"ou": ["営業部".encode()], "ou;lang-en": [b"Sales"]}
    assert person.values["cn"] == ["小笠原 ロドニー".encode()]


def test_a_url_is_never_followed() -> None:
    """RFC 2849, example 5: the value is not known, so the record fails; what else it holds is there, the key
    too.
    """
    (record,) = records(sample("rfc2849/example5.ldif"), "uid", "jpegPhoto")
    assert record.values == {"uid": [b"hjensen"]}
    assert "file rfc2849/example5.ldif, line 11: the value of jpegphoto is at a URL" in record.problem


@pytest.mark.parametrize(("number", "line"), [(6, 16), (7, 8)])
def test_change_records_are_no_listing(number: int, line: int) -> None:
    """RFC 2849, examples 6 and 7: a file of changes is refused as a whole, with what to use instead, unless
    they add entries.
    """
    message = rf"line {line}: this file holds changes \(changetype: delete\), not entries. .*ldapmodify"
    with pytest.raises(EndpointError, match=message):
        records(sample(f"rfc2849/example{number}.ldif"), "cn")


CHANGES = (
    b"\xef\xbb\xbfversion: 1\r\n\r\n"
    b"dn: cn=Amy,dc=x\r\nchangetype: add\r\nobjectClass: person\r\ncn: Amy\r\nsn: Wong\r\n\r\n"
    b"DN: cn=Fry,dc=x\r\ncontrol: 1.2.3 true\r\nChangeType: ADD\r\nobjectClass: person\r\ncn: Fry\r\nsn:"
    b" Fry\r\n"
)


def test_change_records_that_add_entries_are_entries(tmp_path: Path) -> None:
    """Exports of `ldifde` and others say `changetype: add` in each record; it is no attribute.

    A destination holds entries.
    """
    fry = Record("cn=Fry,dc=x", {"cn": [b"Fry"], "sn": [b"Fry"]}, line=9)
    assert records(source(tmp_path, CHANGES), "cn", "sn", "changetype", "control") == [
        Record("cn=Amy,dc=x", {"cn": [b"Amy"], "sn": [b"Wong"]}, line=3),
        fry,
    ]
    with pytest.raises(
        EndpointError,
        match=r"line 3: this file holds changes \(changetype: add\), and a destination holds entries",
    ):
        records(destination(tmp_path, CHANGES), "cn")
    for kind in ("modify", "modrdn", "moddn", "nonsense"):
        content = CHANGES + f"\r\ndn: cn=Z,dc=x\r\nchangetype: {kind}\r\n".encode()
        with pytest.raises(EndpointError, match=rf"line 17: this file holds changes \(changetype: {kind}\)"):
            records(source(tmp_path, content), "cn")


SEARCH = (
    b"# extended LDIF\n#\n# LDAPv3\n# base <dc=x> with scope subtree\n#\n\n# Amy, x\n"
    + AMY
    + b"\n# search result\nsearch: 2\n"
)


def test_what_ldapsearch_writes_around_the_entries(tmp_path: Path) -> None:
    """Its last lines are no entry, but say whether the search ended well; a reference to another server is
    told as such.
    """
    assert len(records(source(tmp_path, SEARCH + b"result: 0 Success\n\n# numEntries: 1\n"), "cn")) == 1
    with pytest.raises(
        IncompleteListing, match="line 15: the search that wrote the file did not end well: 4 Size limit"
    ):
        records(source(tmp_path, SEARCH + b"result: 4 Size limit exceeded\n"), "cn")
    reference = b"# search reference\nref: ldap://other.example/dc=y\n\n"
    other, amy = records(source(tmp_path, reference + AMY), "cn")
    assert "line 2: this refers to another server" in other.problem
    assert not amy.problem


@pytest.mark.parametrize(
    "content",
    [AMY.decode().encode("utf-16"), AMY.decode().encode("utf-16-le"), b"\x1f\x8b\x08\x00abc\n"],
    ids=repr,
)
def test_what_is_no_text_in_utf_8(tmp_path: Path, content: bytes) -> None:
    """It is told what the file is, and nothing is concluded from it."""
    with pytest.raises(
        IncompleteListing, match=r"line 1: this is no LDIF, .*(Convert it from UTF-16|compressed)"
    ):
        records(source(tmp_path, content), "cn")


def test_two_entries_without_an_empty_line_between_them(tmp_path: Path) -> None:
    """Which values are whose cannot be told, so neither is used."""
    (one,) = records(source(tmp_path, AMY + b" \n" + AMY.replace(b"Amy", b"Fry")), "cn")
    assert "line 6: a second dn: in one entry" in one.problem
    assert one.values == {}


def test_lines_of_blanks_are_no_entries(tmp_path: Path) -> None:
    """Between entries and around them; nor does one at the end leave a doubt whether the file is whole."""
    content = b"  \n" + AMY + b"\n   \n\t\n" + AMY.replace(b"Amy", b"Fry") + b"\n  \n  "
    assert [record.problem for record in records(source(tmp_path, content), "cn")] == ["", ""]


@pytest.mark.parametrize("name", ["sevenseas/sevenseas.ldif", "sevenseas/TestFixture.ldif"])
def test_files_of_a_real_directory(name: str) -> None:
    """Every entry and every value is the same as another parser reads; difficult names too."""
    expected = independent((DATA / name).read_bytes())
    fields = sorted({attribute for entry in expected.values() for attribute in entry})
    listed = {NAMES.normalise(record.id): record.values for record in records(sample(name), *fields)}
    assert listed == expected
    assert len(listed) >= 19


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"version: 2\n" + AMY, "line 1: only version 1"),
    ],
)
def test_files_that_are_not_whole(tmp_path: Path, content: bytes, message: str) -> None:
    """Nothing is concluded from what is not there."""
    with pytest.raises(EndpointError, match=r"file people.ldif: " + message):
        records(source(tmp_path, content), "cn")


def test_an_empty_listing(tmp_path: Path) -> None:
    """A file that says only its version, or only a comment, holds no entries."""
    assert records(source(tmp_path, b"version: 1\n"), "cn") == []
    assert records(source(tmp_path, b"# nobody\n"), "cn") == []


@pytest.mark.parametrize(
    ("content", "id", "values", "problem"),
    [
        (
            b"dn: cn=A\ncn: A\nsn:: a*b=\n",
            "cn=A",
            {"cn": [b"A"]},
            "line 3: the value of sn is not valid base64",
        ),
        (b"dn: cn=A\nsn: A\nsn:: *\nSN: B\n", "cn=A", {"cn": [b"A"]}, "line 3: the value of sn"),
        (b"dn: cn=A\ncn:: *\n", "cn=A", {}, "line 2: the value of cn"),
        (
            b"dn: cn=A\ncn: A\nnonsense\nsn: B\n",
            "cn=A",
            {"cn": [b"A"], "sn": [b"B"]},
            "line 3: a line is NAME: VALUE",
        ),
        (b"dn: no name\ncn: A\n", "line 1", {"cn": [b"A"]}, "line 1: 'no name' is no DN"),
        (
            b"dn:\ncn: A\n",
            "line 1",
            {"cn": [b"A"]},
            "line 1: the DN is empty, and only the root of a directory has no name",
        ),
        (b"dn:: /w==\ncn: A\n", "line 1", {"cn": [b"A"]}, "line 1: the DN is not UTF-8"),
        (b"cn: A\nsn: B\n", "line 1", {"sn": [b"B"]}, "line 1: an entry begins with dn:"),
    ],
)
def test_entries_that_cannot_be_read(
    tmp_path: Path, content: bytes, id: str, values: dict[str, list[bytes]], problem: str
) -> None:
    """Such a record failed, but is present; only what is certain is passed on, and the next entry is read as
    usual.
    """
    bad, good = records(source(tmp_path, content + b"\n" + AMY), "cn", "sn")
    assert (bad.id, bad.values) == (id, values)
    assert f"file people.ldif, {problem}" in bad.problem
    line = content.count(b"\n") + 2
    assert good == Record("cn=Amy,dc=x", {"cn": [b"Amy"], "sn": [b"Wong"]}, line=line)


def test_line_endings_folding_and_comments(tmp_path: Path) -> None:
    """CR LF, folded comments, folded names, several blank lines, values without a space after the colon."""
    content = (
        b"version: 1\r\n\r\n\r\n# a\r\n comment\r\ndn: cn=Am\r\n y,dc=x\r\ncn:Amy\r\nsn:\r\n\r\n\r\n# end\r\n"
    )
    assert records(source(tmp_path, content), "cn", "sn", "dn") == [
        Record("cn=Amy,dc=x", {"cn": [b"Amy"], "sn": [b""], "dn": [b"cn=Amy,dc=x"]}, line=6)
    ]


def test_index_within_a_container(tmp_path: Path) -> None:
    """Names are compared as names: case and spaces do not count, and a comma in a value is no border."""
    endpoint = source(tmp_path, AMY + b"\ndn: cn=a\\,dc=x\ncn: B\n\ndn: CN=c, DC=X\ncn: C\n")
    assert list(endpoint.index("cn", "dc = x")) == [("cn=Amy,dc=x", [b"Amy"]), ("CN=c, DC=X", [b"C"])]
    assert len(list(endpoint.index("cn", None))) == 3


# -- names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CN=Amy  Wong, DC=X", "cn=amy wong,dc=x"),
        ("cn=a+uid=b,dc=x", "UID=B + CN=A,dc=x"),
        (r"cn=a\2cb", r"cn=a\,b"),
        ("commonName=a,DomainComponent=x", "2.5.4.3=a,dc=x"),
        ('cn="a,b"', r"cn=a\,b"),
    ],
)
def test_spellings_of_one_name(tmp_path: Path, one: str, other: str) -> None:
    """RFC 4514: what two spellings have in common is the name."""
    assert destination(tmp_path).names.normalise(one) == destination(tmp_path).names.normalise(other)


def test_naming_entries(tmp_path: Path) -> None:
    """New, renamed and moved names; values are escaped, and a name that would be lost is refused."""
    endpoint = destination(tmp_path)
    assert endpoint.names.new("cn", {"CN": [b' #a,b+"c" ']}, "dc=x") == r"cn=\#a\,b\+\"c\",dc=x"
    assert endpoint.names.new("cn", {"dn": [b"cn=a,dc=x"]}, "") == "cn=a,dc=x"
    assert endpoint.names.new("cn", {"CN": [b"a"]}, "") == "cn=a"
    assert endpoint.names.new("cn", {"CN": [b"a"], "dn": [b"uid=a,dc=x"]}, "") == "uid=a,dc=x"
    assert endpoint.names.parent(r"cn=a\,b,dc=x") == "dc=x"
    assert endpoint.names.parent("dc=x") is None
    assert endpoint.names.renamed("cn=A,dc=x", {"CN": [b"a"], "sn": [b"b"]}) == "cn=A,dc=x"
    assert endpoint.names.renamed("cn=a+uid=1,dc=x", {"uid": [b"2"]}) == "cn=a+uid=2,dc=x"
    assert endpoint.names.moved(r"cn=a\,b,dc=x", "ou=left,dc=x") == r"cn=a\,b,ou=left,dc=x"
    for failing in (
        lambda: endpoint.names.renamed("cn=a,dc=x", {"cn": []}),
        lambda: endpoint.names.new("cn", {"cn": [b"\xff"]}, "dc=x"),
        lambda: endpoint.names.new("cn", {"dn": [b"nonsense"]}, ""),
        lambda: endpoint.names.new("cn", {"sn": [b"a"]}, ""),
    ):
        with pytest.raises(RecordError, match=r"Map|Fill|Convert|Correct"):
            failing()


# -- writing -------------------------------------------------------------------------------------------------


def test_a_new_file(tmp_path: Path) -> None:
    """Version, objectClass first, containers before what is in them; another parser reads the same."""
    endpoint = destination(tmp_path)
    endpoint.check()
    assert records(endpoint, "cn") == []
    done = write(
        endpoint,
        change(
            Action.CREATE,
            "cn=Amy,ou=p,dc=x",
            field("sn", (), ["Wong "]),
            field("objectClass", (), ["person"]),
        ),
        change(
            Action.CREATE,
            "ou=p,dc=x",
            field("objectClass", (), ["organizationalUnit"]),
            field("dn", (), ["ou=p,dc=x"]),
        ),
    )
    assert results(done) == [Result.DONE, Result.DONE]
    assert (tmp_path / "out.ldif").read_bytes() == (
        b"version: 1\n\ndn: ou=p,dc=x\nobjectClass: organizationalUnit\nou: p\n\n"
        b"dn: cn=Amy,ou=p,dc=x\nobjectClass: person\nsn:: V29uZyA=\ncn: Amy\n\n"
    )


def test_untouched_entries_and_comments_stay(tmp_path: Path) -> None:
    """Byte for byte, in their order, folding and spelling included."""
    other = b"# keep me\ndn: cn=Fry,\n  dc=x\nCN:: RnJ5\nsn:Fry\n"
    endpoint = destination(tmp_path, b"version: 1\n\n" + other + b"\n" + AMY + b"\n# the end\n")
    assert results(write(endpoint, change(Action.UPDATE, "CN=amy,DC=x", field("SN", ["Wong"], ["W"])))) == [
        Result.DONE
    ]
    assert (tmp_path / "out.ldif").read_bytes() == (
        b"version: 1\n\n" + other + b"\ndn: cn=Amy,dc=x\nobjectClass: person\ncn: Amy\nsn: W\n\n# the end\n\n"
    )


def test_conflicts(tmp_path: Path) -> None:
    """An entry that is not as it was seen is left alone; the others are written."""
    endpoint = destination(
        tmp_path, AMY + b"\ndn: cn=g\nmember: a\nmember: b\n\ndn: cn=t\ncn: t\n\ndn: CN=T\ncn: t\n"
    )
    outcomes = write(
        endpoint,
        change(Action.UPDATE, "cn=Amy,dc=x", field("sn", ["Other"], ["W"])),
        change(Action.DELETE, "cn=Amy,dc=x", field("sn", ["Other"])),
        change(Action.CREATE, "cn=amy,dc=X"),
        change(Action.UPDATE, "cn=gone", field("sn", ["a"], ["b"])),
        change(Action.MOVE, "cn=Amy,dc=x", new="cn=g"),
        change(Action.UPDATE, "cn=t", field("cn", ["t"], ["T"])),
        change(Action.UPDATE, "cn=g", field("member", ["z"], ["c"], partial=True)),
        change(Action.UPDATE, "cn=g", field("member", ["a"], ["c"], partial=True)),
    )
    assert results(outcomes) == [Result.CONFLICT] * 5 + [Result.FAILED, Result.CONFLICT, Result.DONE]
    assert "someone changed sn meanwhile" in outcomes[0].message
    assert "2 times (lines 10, 13)" in outcomes[5].message
    assert independent((tmp_path / "out.ldif").read_bytes())["cn=g"]["member"] == [b"b", b"c"]


def test_a_run_that_was_killed_can_be_repeated(tmp_path: Path) -> None:
    """What an earlier attempt did is found done, whatever kind of change it was."""
    endpoint = destination(tmp_path, AMY + b"\ndn: cn=g\nmember: a\n\ndn: cn=old\ncn: old\n")
    changes = (
        change(Action.UPDATE, "cn=Amy,dc=x", field("sn", ["Wong"], ["W"])),
        change(Action.UPDATE, "cn=g", field("member", ["a"], ["c"], partial=True)),
        change(Action.DELETE, "cn=old", field("cn", ["old"])),
        change(Action.CREATE, "cn=new", field("objectClass", (), ["person"])),
        change(Action.MOVE, "cn=Amy,dc=x", new="cn=Amy,dc=y"),
    )
    assert results(write(endpoint, *changes)) == [Result.DONE] * 5
    once = (tmp_path / "out.ldif").read_bytes()
    assert results(write(endpoint, *changes[1:], verify=range(4))) == [Result.FOUND_DONE] * 4
    assert (tmp_path / "out.ldif").read_bytes() == once


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        (AMY, Result.FOUND_DONE),
        (AMY + b"\ndn: cn=renamed\nuid: old\n", Result.CONFLICT),
        (AMY + b"\ndn: cn=a\ncn:< file:///etc/passwd\n", Result.CONFLICT),
        (None, Result.CONFLICT),
    ],
    ids=["gone", "renamed", "unreadable", "no file"],
)
def test_a_retry_finds_a_deletion_done_only_if_the_entry_is_nowhere(
    tmp_path: Path, then: bytes | None, expected: Result
) -> None:
    """Another name, an entry that cannot be read, or a folder that is not mounted prove nothing."""
    endpoint = destination(tmp_path, then)
    gone = change(Action.DELETE, "cn=old", field("cn", ["old"]))._replace(identity=b"old")
    assert results(write(endpoint, gone, verify=[0])) == [expected]


def test_renaming_takes_what_is_below_along(tmp_path: Path) -> None:
    """The naming value follows the name, and so do the names of all entries below."""
    content = b"dn: ou=a,dc=x\nou: a\nou: alias\n\ndn: cn=p,OU=A,dc=x\ncn: p\n\n"
    content += b"dn: cn=q,cn=p,ou=a,dc=x\ncn: q\n\ndn: cn=r,ou=aa,dc=x\ncn: r\n"
    endpoint = destination(tmp_path, content)
    assert results(write(endpoint, change(Action.UPDATE, "ou=a,dc=x", new="ou=b,dc=x"))) == [Result.DONE]
    after = independent((tmp_path / "out.ldif").read_bytes())
    assert set(after) == {"ou=b,dc=x", "cn=p,ou=b,dc=x", "cn=q,cn=p,ou=b,dc=x", "cn=r,ou=aa,dc=x"}
    assert sorted(after["ou=b,dc=x"]["ou"]) == [b"alias", b"b"]


def test_a_container_is_deleted_only_when_it_is_empty(tmp_path: Path) -> None:
    """As in a directory: leaves first."""
    endpoint = destination(tmp_path, b"dn: dc=x\ndc: x\n\n" + AMY)
    assert results(write(endpoint, change(Action.DELETE, "dc=x"))) == [Result.FAILED]
    assert (
        results(write(endpoint, change(Action.DELETE, "cn=Amy,dc=x"), change(Action.DELETE, "dc=x")))
        == [Result.DONE] * 2
    )
    assert records(endpoint, "cn") == []


def test_an_entry_that_cannot_be_read_ends_the_listing_of_a_destination(tmp_path: Path) -> None:
    """It may be the very object that would be created again."""
    endpoint = destination(tmp_path, b"dn: cn=a\ncn:< file:///etc/passwd\n\n" + AMY)
    with pytest.raises(IncompleteListing, match="line 2: the value of cn is at a URL"):
        records(endpoint, "sn")
    assert results(write(endpoint, change(Action.UPDATE, "cn=a", field("sn", (), ["x"])))) == [Result.FAILED]


# -- change records ------------------------------------------------------------------------------------------


def test_render(tmp_path: Path) -> None:
    """Change records (RFC 2849): values one by one, a rename before what else changes, and never a field that
    is no attribute.
    """
    endpoint = destination(tmp_path)
    assert (
        endpoint.render(change(Action.DELETE, "cn=a", field("cn", ["a"])))
        == "dn: cn=a\nchangetype: delete\n\n"
    )
    assert endpoint.render(
        change(Action.CREATE, "cn=a", field("cn", (), ["a"]), field("dn", (), ["cn=a"]))
    ) == ("dn: cn=a\nchangetype: add\ncn: a\n\n")
    replaced = FieldChange("photo", (b"\xff",), (b"\xfe",), replace=True)
    assert endpoint.render(
        change(Action.UPDATE, "cn=a", field("mail", ["a", "b"], ["b", "c"]), replaced)
    ) == (
        "dn: cn=a\nchangetype: modify\ndelete: mail\nmail: a\n-\nadd: mail\nmail: c\n-\nreplace:"
        " photo\nphoto:: /g==\n-\n\n"
    )
    renamed = change(
        Action.UPDATE, "cn=a,dc=x", field("cn", ["a"], ["b"]), field("sn", (), ["s"]), new="cn=b,dc=y"
    )
    assert endpoint.render(renamed) == (
        "dn: cn=a,dc=x\nchangetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: 1\nnewsuperior: dc=y\n\n"
        "dn: cn=b,dc=y\nchangetype: modify\nadd: sn\nsn: s\n-\n\n"
    )


VALUES = st.binary(min_size=1, max_size=200) | st.text(min_size=1, max_size=100).map(
    lambda text: text.encode(errors="replace")
)
RDN_TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=10).filter(
    lambda text: text.strip() == text
)


@settings(deadline=None, max_examples=examples(80))
@given(
    entries=st.dictionaries(
        RDN_TEXTS.map(lambda text: folded(text.encode()).decode()),
        st.dictionaries(
            st.sampled_from(["sn", "photo;binary", "description"]),
            st.lists(VALUES, min_size=1, unique=True, max_size=3),
        ),
        max_size=4,
    )
)
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, entries: dict[str, dict[str, list[bytes]]]
) -> None:
    """Any bytes and any name go through a file unchanged, and python-ldap's parser reads the same values."""
    folder = tmp_path_factory.mktemp("ldif")
    endpoint = destination(folder)
    changes = [
        Change(
            Action.CREATE,
            name,
            f"cn={ldap.dn.escape_dn_chars(name)},dc=x",
            fields=tuple(FieldChange(attribute, (), tuple(values)) for attribute, values in held.items()),
        )
        for name, held in entries.items()
    ]
    assert set(results(write(endpoint, *changes))) <= {Result.DONE}
    listed = {
        record.id: dict(record.values) for record in records(endpoint, "sn", "photo;binary", "description")
    }
    assert listed == {change.object: held for change, held in zip(changes, entries.values(), strict=True)}
    if entries:
        content = (folder / "out.ldif").read_bytes()
        assert all(len(line) <= 76 for line in content.splitlines())
        for found in independent(content).values():
            found.pop("cn")
            assert found in entries.values()
