"""Writing: a definition that was written is read back as the same collection."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from directory_sync.definition.approval import impossible_name
from directory_sync.definition.documents import read_document
from directory_sync.definition.export import dump, to_definition
from directory_sync.definition.loading import load, load_text
from directory_sync.definition.models import Collection
from tests.scenarios.definitions import MINIMAL, SPEC_EXAMPLE, changed

_WORDS = st.sampled_from(
    [
        "cn",
        "null",
        "~",
        "yes",
        "0123",
        "12:30",
        "1e3",
        "a: b",
        "# x",
        "- x",
        "{x}",
        "%x",
        "é\u2028\x85ü",
        "x\ny\n",
        "  x ",
        "=",
        "<<",
    ]
)
_TEXT = _WORDS | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
)
_PERSON = _TEXT.filter(lambda name: not impossible_name(name))
_NAME = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
_COMMON = {
    **dict.fromkeys(("new_only", "exact", "keep_if_empty", "secret"), st.booleans()),
    "delimiter": _TEXT,
}
_ON_MISSING = {"on_missing": st.sampled_from(["evaluate", "empty", "skip", "fail"])}


def _mapping(**required: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    computed = not required.keys() & {"from", "static"}
    return st.fixed_dictionaries(required, optional=_COMMON | (_ON_MISSING if computed else {}))


_FIELD = st.one_of(
    _TEXT,
    _mapping(**{"from": _TEXT}),
    _mapping(
        static=_TEXT.map(lambda text: text.replace("%", ""))
        | st.lists(st.just("a") | st.just(""), min_size=1, max_size=3)
    ),
    _mapping(join=st.lists(_TEXT, min_size=2, max_size=3), separator=st.text(" -~,", max_size=2)),
    _mapping(left=_TEXT, length=st.integers(1, 99)),
    _mapping(substring=_TEXT, start=st.integers(0, 9), length=st.none() | st.integers(1, 9)),
    _mapping(
        map=_TEXT, values=st.dictionaries(_TEXT, _TEXT, min_size=1, max_size=3), default=st.none() | _TEXT
    ),
    _mapping(template=st.sampled_from(["{{ a }}", "{% if a %}\nx\n{% endif %}", "x"])),
    _mapping(script=st.just("a.b")),
)
_PERCENT = st.integers(0, 100).map(lambda number: f"{number}%") | st.floats(0, 100).map(
    lambda number: f"{number:.4f}%"
)
_LIMIT = (
    st.integers(0, 10**6) | _PERCENT | st.just("none") | st.tuples(_PERCENT, st.integers(0, 99)).map(list)
)
_LIMITS = st.dictionaries(
    st.sampled_from(["create", "update", "clear", "delete", "disable", "move", "members", "memberships"]),
    _LIMIT,
)
_PATH = {"file": st.from_regex(r"[a-zA-Z0-9é ]{1,8}\.csv", fullmatch=True)}
_FORMAT = {"encoding": st.just("cp1252"), "delimiter": st.sampled_from(";\t|#"), "complete": st.booleans()}
_SOURCE = st.fixed_dictionaries(_PATH, optional={**_FORMAT, "filter": st.just("(&(First name=a)(!(b_c=*)))")})
_DESTINATION = st.fixed_dictionaries(
    _PATH, optional={**_FORMAT, "mode": st.sampled_from(["merge", "append", "replace"])}
)
_APPROVAL = st.just("none") | st.fixed_dictionaries(
    {"approvers": st.fixed_dictionaries({"roles": st.lists(_PERSON, min_size=1, max_size=2)})},
    optional={
        "require": st.sampled_from(["any", "all", 2]),
        "when": st.sampled_from(["manual", "always"]),
        "expires": st.integers(1, 10**7).map(lambda seconds: f"{seconds}s"),
        "changes": st.lists(st.sampled_from(["create", "delete"])),
    },
)
_JOB = st.fixed_dictionaries(
    {
        "source": _SOURCE,
        "destination": _DESTINATION,
        "object": st.sampled_from(["row", "user"]),
        "fields": st.dictionaries(_TEXT.filter(lambda name: name.lower() != "id"), _FIELD, max_size=4).map(
            lambda fields: {
                "id": {"from": "id", "key": True},
                **{name.lower(): field for name, field in fields.items() if name.lower() != "id"},
            }
        ),
    },
    optional={
        "description": _TEXT,
        "on_failure": st.just("continue"),
        "limits": _LIMITS,
        "approval": _APPROVAL,
        "retries": st.integers(0, 9),
        "enabled": st.booleans(),
        "remove": st.sampled_from(["known", "all"]),
        "limit_window": st.sampled_from(["24h", "90m", 0]),
    },
)
_COLLECTION = st.fixed_dictionaries(
    {
        "name": _NAME,
        "jobs": st.lists(_JOB, min_size=1, max_size=3).map(
            lambda jobs: [{"name": f"job{i}", **job} for i, job in enumerate(jobs)]
        ),
    },
    optional={
        "title": _TEXT,
        "description": _TEXT,
        "schedule": st.sampled_from(
            ["@daily", "0 2 * * *", {"every": "90m"}, ["@daily", {"every": "1d12h"}]]
        ),
        "start": st.dates().map(str)
        | st.datetimes().map(lambda moment: moment.replace(microsecond=0).isoformat()),
        "timezone": st.just("Europe/Berlin"),
        "paused": st.booleans(),
        "limit_window": st.sampled_from(["24h", "7d", 0]),
        "limits": _LIMITS,
        "approval": _APPROVAL,
    },
)


@given(_COLLECTION)
@settings(deadline=None)
def test_what_is_written_is_read_back(definition: dict[str, Any]) -> None:
    """Every text, number and shorthand survives, whatever YAML would like to see in it."""
    collection = Collection.model_validate(definition)
    assert load_text(dump(collection), "a.yaml").collection == collection


def test_specification_example_survives() -> None:
    """Every kind of key at least once."""
    collection = load(read_document(SPEC_EXAMPLE)).collection
    assert load_text(dump(collection), "a.yaml").collection == collection


def test_only_what_differs_from_the_defaults_is_written() -> None:
    """The minimal definition comes out as it went in, shorthands and order of keys included."""
    definition = changed(("jobs.0.fields.cn", {"from": "cn"}), ("paused", True), ("jobs.0.retries", 0))
    written = to_definition(Collection.model_validate(definition))
    assert written == MINIMAL
    assert list(written["jobs"][0]) == ["name", "source", "destination", "object", "fields"]


def test_where_a_value_comes_from_is_written_first() -> None:
    """As people write it."""
    fields = {
        "employeeID": {"key": True, "from": "employeeID"},
        "member": {"match": ["uid", "cn"], "members": "member"},
        "x": {"on_missing": "skip", "join": ["a", "b"]},
    }
    definition = changed(
        ("jobs.0.object", "group"), *((f"jobs.0.fields.{name}", field) for name, field in fields.items())
    )
    text = dump(Collection.model_validate(definition))
    assert text.index("from: employeeID") < text.index("key: true")
    assert text.index("members: member") < text.index("match:")
    assert text.index("join:") < text.index("on_missing: skip")
    assert load_text(text, "a.yaml").collection == Collection.model_validate(definition)
