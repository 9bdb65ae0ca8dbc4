"""The file with the rules of connections: read, or refused with file, line and key."""

from __future__ import annotations

import pytest

from directory_sync.definition.documents import Document
from directory_sync.definition.models import ObjectKind
from directory_sync.definition.problems import Problem
from directory_sync.errors import ConnectionRulesError
from directory_sync.rights.reading import parse_connection_rules, read_connection_rules
from tests.scenarios.rules import FILE, rules_of

RULES = """\
connections:
  corp_ad:
    source: {roles: [HR Editors], objects: [user, group]}
  lab_ad:
    destination:
      roles: [Lab Editors]
      objects: [user]
      object_classes: [posixAccount]
      never_write: [userAccountControl, memberOf]
data_folder:
  destination: {roles: []}
"""


def problems(text: str, name: str = FILE) -> list[str]:
    with pytest.raises(ConnectionRulesError) as caught:
        rules_of(text, name)
    assert "nothing runs" in str(caught.value)
    for problem in caught.value.problems:
        assert str(problem) in str(caught.value)
    return [f"{problem.line}:{problem.key}: {problem.text}" for problem in caught.value.problems]


def test_what_the_rules_do_not_say_has_defaults() -> None:
    """A side without a rule, a connection without one, and a rule without keys differ in nothing."""
    rules = rules_of(RULES)
    assert rules.of("corp_ad").source.roles == ["HR Editors"]
    assert rules.of("corp_ad").source.objects == [ObjectKind.USER, ObjectKind.GROUP]
    assert rules.of("corp_ad").destination == rules.of("unknown").destination
    assert rules.of("lab_ad").destination.never_write == ["userAccountControl", "memberOf"]
    assert rules.of(None).destination.roles == []
    assert rules.of(None).source.roles is None
    assert rules_of("connections: {}\n") == rules_of('{"connections": {}}', "rules.json")


def test_no_file_means_no_rules() -> None:
    """Nothing is read then."""
    assert read_connection_rules(None) is None


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (
            "",
            "1:: is empty, the rules begin with connections: and name each connection below it",
        ),
        (
            "- corp_ad\n",
            (
                "1:: holds a list instead of a mapping, the rules begin with connections: and name each"
                " connection below it"
            ),
        ),
        (
            "conections: {}\n",
            "1:conections: unknown key, did you mean connections? Valid keys: connections, data_folder",
        ),
        (
            "connections:\n  a:\n    source:\n      never_write: [mail]\n",
            "4:connections.a.source.never_write: unknown key, valid keys: roles, objects",
        ),
        (
            "connections:\n  a:\n    destination:\n      never_writes: [mail]\n",
            (
                "4:connections.a.destination.never_writes: unknown key, did you mean never_write? Valid keys:"
                " roles, objects, object_classes, never_write"
            ),
        ),
        (
            "connections:\n  a:\n    destination: {roles: Editors}\n",
            "3:connections.a.destination.roles: expected a list, found another text",
        ),
        (
            "connections:\n  a:\n    source: {objects: [users]}\n",
            (
                "3:connections.a.source.objects[0]: expected user, inetOrgPerson, contact, group,"
                " organizationalUnit, mail_user, mail_contact or row, did you mean user?"
            ),
        ),
        ("connections:\n  a:\n", "2:connections.a: expected a mapping of keys and values, found nothing"),
        (
            "connections:\n  a: {}\n  b: {}\n  a: {}\n",
            "4:connections.a: is given twice, first in line 2, keep one of the two",
        ),
        (
            "connections:\n  a:\n    destination: {never_write: [mail, '*']}\n",
            (
                "3:connections.a.destination.never_write[1]: holds '*': write out each field by its name,"
                " without options; those are covered by it"
            ),
        ),
        (
            "connections:\n  a:\n    destination: {never_write: [' ']}\n",
            "3:connections.a.destination.never_write[0]: is blank, a field's name is expected",
        ),
        ("connections:\n  '': {}\n", '2:connections[""]: unknown key: must not be empty'),
        (
            "connections: {a: {source: {roles: [\x1b]}}}\n",
            "1:: holds the control character U+001B, remove it",
        ),
    ],
)
def test_what_is_wrong_is_told_with_line_and_key(text: str, wrong: str) -> None:
    """In the words that definitions get; the text also says what that means for runs."""
    assert problems(text) == [wrong]


def test_every_problem_is_told_at_once() -> None:
    """Not only the first."""
    assert len(problems("connections:\n  a: {sorce: {}}\n  b: 7\ndata: {}\n")) == 3


def test_a_bomb_of_aliases_is_refused() -> None:
    """As in definitions: it is counted, not expanded."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "too big or too deep" in problems("\n".join(lines))[-1]


def test_an_unreadable_file_is_no_empty_one() -> None:
    """What cannot be read allows nothing."""
    unreadable = Document("rules", "", FILE, unreadable=Problem(FILE, 1, 1, "", "cannot be read: gone"))
    with pytest.raises(ConnectionRulesError, match=r"rules\.yaml:1: cannot be read: gone"):
        parse_connection_rules(unreadable)
