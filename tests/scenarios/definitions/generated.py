"""Definitions that hypothesis makes up: right ones, with whatever YAML would like to see in a text."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from directory_sync.definition.approval import impossible_name

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
LIMIT_VALUES = (
    st.integers(0, 10**6) | _PERCENT | st.just("none") | st.tuples(_PERCENT, st.integers(0, 99)).map(list)
)
LIMITS = st.dictionaries(
    st.sampled_from(["create", "update", "clear", "delete", "disable", "move", "members", "memberships"]),
    LIMIT_VALUES,
)
_PATH = {"file": st.from_regex(r"[a-zA-Z0-9é ]{1,8}\.csv", fullmatch=True)}
_FORMAT = {"encoding": st.just("cp1252"), "delimiter": st.sampled_from(";\t|#"), "complete": st.booleans()}
_SOURCE = st.fixed_dictionaries(_PATH, optional={**_FORMAT, "filter": st.just("(&(First name=a)(!(b_c=*)))")})
_DESTINATION = st.fixed_dictionaries(
    _PATH, optional={**_FORMAT, "mode": st.sampled_from(["merge", "append", "replace"])}
)
APPROVALS = st.just("none") | st.fixed_dictionaries(
    {"approvers": st.fixed_dictionaries({"roles": st.lists(_PERSON, min_size=1, max_size=2)})},
    optional={
        "require": st.sampled_from(["any", "all", 2]),
        "when": st.sampled_from(["manual", "always"]),
        "expires": st.integers(1, 10**7).map(lambda seconds: f"{seconds}s"),
        "changes": st.lists(st.sampled_from(["create", "delete"])),
    },
)
JOBS = st.fixed_dictionaries(
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
        "limits": LIMITS,
        "approval": APPROVALS,
        "retries": st.integers(0, 9),
        "enabled": st.booleans(),
        "remove": st.sampled_from(["known", "all"]),
        "limit_window": st.sampled_from(["24h", "90m", 0]),
    },
)
COLLECTIONS = st.fixed_dictionaries(
    {
        "name": _NAME,
        "jobs": st.lists(JOBS, min_size=1, max_size=3).map(
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
        "limits": LIMITS,
        "approval": APPROVALS,
    },
)
