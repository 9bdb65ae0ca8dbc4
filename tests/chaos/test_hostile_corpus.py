"""Generated definitions, filters, templates and directory values that nobody would write on purpose.

No crash, no hang, no error without a remedy. The corpus is the same in each run (`derandomize`): a fifth of
it, all of it with `FULL=1`, and N times as large with `HOSTILE=N`.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from directory_sync.errors import DirectorySyncError, RecordError
from directory_sync.plan.model import Plan
from tests.chaos import hostile
from tests.scenarios import examples
from tests.scenarios.definitions import SPEC_EXAMPLE
from tests.scenarios.memory_directory import MemoryDirectory
from tests.scenarios.planning import carry_out, destination_of, one_job, plan_of, source_of

TIMES = int(os.environ.get("HOSTILE", "1"))
IN_FULL = examples.IN_FULL or TIMES > 1


def corpus(many: int) -> settings:
    """So many examples, or a fifth while nobody asks for all; the same each time. Each may take some seconds
    on a busy machine, but not more.
    """
    return settings(
        max_examples=many * TIMES if IN_FULL else many // 5,
        derandomize=True,
        deadline=5000,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


# -- definitions ---------------------------------------------------------------------------------------------

_FULL: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(SPEC_EXAMPLE.read_text()), default=str))
_TEXTS = st.sampled_from(
    [
        *(
            "",
            " ",
            "none",
            "null",
            "-1",
            "10%",
            "1e400",
            "0x10",
            "\x00",
            "\u202e",
            "\ud7ff",
            "é",
            "x" * 5000,
            "a.b.c",
            "../../etc",
        ),
        *(
            "{{ 9**9**9 }}",
            "{{ ''.__class__.__mro__ }}",
            "{% for a in range(10**9) %}{% endfor %}",
            "{{ a|",
            "%NOW%",
            "%(x)s",
        ),
        *(
            "(",
            "(a=*",
            "(&)",
            "(" * 500,
            "(a=\\zz)",
            "DC=x",
            "OU=,DC=",
            "cn=a+cn=b,dc=x",
            "=,=",
            "@reboot",
            "* * *",
            "99 99 * * *",
        ),
        *(
            "Mars/Phobos",
            "2026-13-45",
            "9" * 40,
            "always",
            "[10%, x]",
            "os.system",
            "ldap://x",
            "file:///etc/passwd",
        ),
    ]
) | st.text(max_size=20)
_SCALARS = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | _TEXTS
_ANY = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def definitions(draw: st.DrawFn) -> str:
    """The specification's example with one to four values replaced, removed, doubled or renamed, as JSON or
    YAML.
    """
    definition = json.loads(json.dumps(_FULL))
    for _ in range(draw(st.integers(1, 4))):
        here: Any = definition
        while True:
            if not here:
                break
            key = draw(
                st.sampled_from(sorted(here, key=str))
                if isinstance(here, dict)
                else st.integers(0, len(here) - 1)
            )
            if isinstance(here[key], dict | list) and here[key] and draw(st.integers(0, 3)):
                here = here[key]
                continue
            match draw(st.sampled_from(["replace", "replace", "remove", "double", "rename"])):
                case "replace":
                    here[key] = draw(_ANY)
                case "remove":
                    del here[key]
                case "double" if isinstance(here, list):
                    here.append(here[key])
                case "rename" if isinstance(here, dict):
                    here[draw(_TEXTS)] = here.pop(key)
            break
    try:
        return (
            json.dumps(definition) if draw(st.booleans()) else yaml.safe_dump(definition, allow_unicode=True)
        )
    except (yaml.YAMLError, ValueError):
        return json.dumps(definition)


@corpus(900)
@given(definitions())
def test_definitions(text: str) -> None:
    """Whatever stands in a definition: it loads, or each problem has a place and says what would be right."""
    hostile.definition(text)


# -- filters and templates -----------------------------------------------------------------------------------

_FILTER = st.lists(
    st.sampled_from(
        [
            *(
                "(",
                ")",
                "(&",
                "(|",
                "(!",
                "*",
                "=",
                ">=",
                "<=",
                "~=",
                ":=",
                ":dn:",
                ":1.2.840.113556.1.4.803:=",
                "\\",
                "\\2a",
            ),
            *(
                "cn",
                "uidNumber",
                "sn;lang-de",
                "jpegPhoto",
                "514",
                "-1",
                "9" * 30,
                "\\ff\\00",
                "é",
                "\0",
                " ",
                "\n",
                "(" * 60,
            ),
            *("(cn=*)", "(!(cn=i*a))", "(uidNumber>=5)", "(sn~=x)", "(cn=*a*b*)", "(|(cn=a)(mail=b@x))"),
        ]
    ),
    max_size=12,
).map("".join)
_TEMPLATE = st.lists(
    st.sampled_from(
        [
            *(
                "{{",
                "}}",
                "{%",
                "%}",
                "{#",
                "-%}",
                " cn ",
                "mail",
                "absent",
                "|join(', ')",
                "|first",
                "|replace('a', 'b' * 9)",
            ),
            *(
                "{% for a in mail %}",
                "{% endfor %}",
                "{% if cn %}",
                "{% else %}",
                "{% endif %}",
                "{% set cn = cn ~ cn %}",
            ),
            *(
                "loop.index",
                "range(10 ** 9)",
                "**",
                "//",
                "0",
                "[0]",
                "[::-1]",
                "'%s' % cn",
                "cn.format(cn)",
                "record['cn']",
            ),
            *(
                "skip('x')",
                "fail()",
                "().__class__",
                "cn.__init__.__globals__",
                "{'a': [1, [2]]}",
                "(cn, mail)",
                "'\\ud800'",
            ),
            *(
                "{{ cn.ljust(10 ** 6) }}",
                "{{ cn }}",
                "{{ mail|sort|list }}",
                "{{ n * n * n }}",
                "{{ 9 ** 9 ** 9 }}",
                ",",
            ),
        ]
    ),
    max_size=14,
).map("".join)


@corpus(400)
@given(
    _FILTER,
    st.dictionaries(
        st.sampled_from(["cn", "mail", "uidnumber", "sn;lang-de", "objectclass"]),
        st.lists(st.sampled_from([b"ida", b"I  DA", b"514", b"-1", b"", b"\xff\0", b"9" * 30]), max_size=3),
    ),
)
def test_filters(text: str, values: dict[str, list[bytes]]) -> None:
    """Whatever stands in a filter: it says true, false or Undefined of any object, or the mistake has a
    position.
    """
    hostile.filter_and_values(text, values)


@corpus(400)
@given(
    _TEMPLATE,
    st.lists(st.sampled_from([b"a@x", b"B@x", b"", b"\xff", b"x" * 70_000, b"{{ 7 }}"]), max_size=3),
    st.booleans(),
)
def test_templates(text: str, mail: list[bytes], names: bool) -> None:
    """Whatever stands in a template: a bounded text, or an error of this record; soon, and never a part of
    Python.
    """
    hostile.template(text, {"cn": [b"Ida"], "n": [b"7"], "mail": mail}, names=names)


# -- values of directories -----------------------------------------------------------------------------------

_VALUES = st.one_of(
    st.sampled_from(
        [
            *(
                b"a",
                b"A",
                b" a",
                b"a ",
                b"a  b",
                b"",
                b" ",
                b"\0",
                b"a\0b",
                b"\xff\xfe",
                b"\xc3\xa9",
                b"e\xcc\x81",
                b"\xed\xa0\x80",
            ),
            *(
                b"\xe2\x80\xae",
                b"\r\n",
                b"-\ndn: cn=x",
                b"x" * 70_000,
                b"1" * 400,
                b"{{ 7*7 }}",
                b"%NOW%",
                b"<script>",
                b"*)(uid=*",
            ),
            *(
                b"cn=a,dc=x",
                b"cn=A,DC=X",
                b",=,",
                b"#deadbeef",
                b'"',
                b"\\",
                b"\\2c",
                b"cn=a\\,b,dc=x",
                b"TRUE",
                b"20260101000000Z",
            ),
        ]
    ),
    st.binary(max_size=12),
    st.text(max_size=8).map(lambda text: text.encode(errors="surrogatepass")),
)
_NAMES = ("uid", "cn", "sn", "mail", "title", "member", "manager", "ou")
_RECORDS = st.lists(
    st.dictionaries(
        st.sampled_from(_NAMES),
        st.lists(_VALUES, min_size=1, max_size=3, unique=True),
        min_size=1,
        max_size=6,
    ),
    max_size=6,
)
_MAPPINGS: tuple[Any, ...] = (
    "title",
    {"join": ["sn", "title"]},
    {"join": ["sn", "mail"], "separator": "\n"},
    {"left": "sn", "length": 2},
    {"substring": "sn", "start": 1, "length": 3},
    {"map": "title", "values": {"a": "b"}, "default": "c"},
    {"template": "{{ sn|lower }}{{ title|length }}"},
    {"template": "{{ mail[0] }}"},
    {"from": "mail", "delimiter": ";"},
    {"from": "title", "keep_if_empty": True},
    {"static": "x %NOW%"},
)
_REFERENCES: tuple[Any, ...] = ({"resolve": "manager", "match": "uid"}, {"resolve": "mail", "match": "mail"})
_JOBS = st.fixed_dictionaries(
    {
        "title": st.sampled_from(_MAPPINGS),
        "sn": st.sampled_from(_MAPPINGS),
        "mail": st.sampled_from(_MAPPINGS),
        "manager": st.sampled_from(_REFERENCES),
        "member": st.just({"members": "member", "match": "uid"}),
    },
    optional={"ou": st.just("ou")},
)
_KEYS = st.sampled_from(["uid", {"from": "mail"}, {"template": "{{ uid }}"}, {"join": ["uid", "cn"]}])


def planned(definition: Any, source: MemoryDirectory, destination: MemoryDirectory) -> Plan | None:
    """A plan; None if there is a clear reason why there cannot be one."""
    try:
        return plan_of(definition, source, destination)
    except DirectorySyncError as error:
        hostile.is_clear(error)
        return None


@corpus(450)
@given(
    _RECORDS,
    _RECORDS,
    _JOBS,
    _KEYS,
    st.sampled_from(["skip", "delete", {"move": "ou=left,dc=x"}]),
    st.booleans(),
)
def test_values_of_directories(
    source: list[dict[str, list[bytes]]],
    destination: list[dict[str, list[bytes]]],
    fields: dict[str, Any],
    key: Any,
    missing: Any,
    computed: bool,
) -> None:
    """Any octets in any attribute, through any mapping: a plan, or a clear error; carried out, nothing
    conflicts with itself.
    """
    key = {"from": key} if isinstance(key, str) else key
    place = {"container": {"field": "ou"}, "base": "dc=x", "move_existing": True} if computed else {}
    definition = one_job(
        {"uid": {**key, "key": True}, "cn": "cn", **fields}, missing_at_source=missing, destination=place
    )
    there = destination_of(
        {
            "ou=left,dc=x": {"ou": "left"},
            **{f"cn=o{n},dc=x": {"cn": f"o{n}", **held} for n, held in enumerate(destination)},
        }
    )
    before = {id: dict(held) for id, held in there.entries.items()}
    plan = planned(definition, source_of(*source), there)
    assert there.entries == before, "planning wrote something"
    if plan is None:
        return
    for problem in plan.problems:
        hostile.is_clear(RecordError(problem.message))
    objects = [change.object for change in plan.changes if change.action.value != "create"]
    assert len(objects) == len(set(objects)), "an object is changed twice"
    if missing == "skip":
        assert not [
            change for change in plan.changes if change.action.value in ("delete", "move") and not computed
        ]
    refused = carry_out(plan, there)
    assert not [
        message for message in refused if message not in ("exists", "no container", "taken", "gone")
    ], refused


@pytest.mark.parametrize(
    "value", [b"\xed\xa0\x80", b"\xff", b"a\0b", b"x" * 70_000], ids=["surrogate", "no-utf8", "nul", "long"]
)
def test_a_hostile_key_is_its_own_key(value: bytes) -> None:
    """Octets that are no text match exactly themselves, so that no other object is taken for theirs."""
    definition = one_job(missing_at_source="delete")
    plan = planned(
        definition,
        source_of({"uid": value, "cn": "A"}),
        destination_of(A={"uid": value}, B={"uid": b"other"}),
    )
    assert plan is not None
    assert [(change.action.value, change.object) for change in plan.changes] == [("delete", "cn=B,dc=x")]
