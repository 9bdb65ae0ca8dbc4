"""Prints `docs/definition-reference.md` from the models, so that the reference cannot differ from what is
accepted; `make reference` writes it.
"""

from __future__ import annotations

import re
from datetime import timedelta
from enum import Enum
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from directory_sync.definition import models
from directory_sync.definition.addresses import endings
from directory_sync.definition.models import FieldMapping
from directory_sync.definition.support import NOT_YET
from directory_sync.definition.templates import BUILT_IN, Kind
from directory_sync.definition.times import format_window

_FIELDS = f"""`fields` of a job: destination field → where its value comes from. A plain name is short for `{{from: name}}`.
Each mapping has exactly one of the keys {", ".join(f"`{key}`" for key in models.FIELD_SOURCES)},
and besides those of its own table any of these:"""  # noqa: E501

_SECTIONS: tuple[tuple[str, str, tuple[type[BaseModel], ...]], ...] = (
    ("Collection", "The file itself.", (models.Collection, models.Every, models.Notifications)),
    (
        "Jobs",
        "Each item of `jobs`.",
        (models.Job, models.MoveMissing, models.DisableMissing, models.ChangedSince),
    ),
    (
        "Sources",
        (
            "`source` of a job: its keys decide which of these it is.\n\n"
            "A filter, of a source or a destination, may ask whether an object has a password, as in\n"
            "`(userPassword=*)`. It may not compare one: the number of objects that it selects would tell\n"
            "the password, character by character. Nor may it compare attributes of any name, as\n"
            "`(:caseExactMatch:=x)` does."
        ),
        (models.DirectorySource, models.SqlSource),
    ),
    (
        "Destinations",
        "`destination` of a job.",
        (models.DirectoryDestination, models.FieldContainer, models.TemplateContainer, models.SqlDestination),
    ),
    ("Files", "A file is a source or a destination.", (models.FileEndpoint,)),
    (
        "Fields",
        _FIELDS,
        (
            models.FieldMapping,
            models.Copy,
            models.Static,
            models.Join,
            models.Left,
            models.Substring,
            models.Map,
            models.Template,
            models.Script,
            models.Resolve,
            models.Members,
            models.GeneratePassword,
            models.PasswordRule,
        ),
    ),
    (
        "Approval",
        "`approval` of a job, or of the collection for all its jobs.",
        (models.ApprovalPolicy, models.Approvers, models.Escalation),
    ),
)

_EXAMPLES: dict[type[BaseModel], str] = {
    models.Collection: 'name: corp_to_lab\nschedule: "0 2 * * *"\ntimezone: Europe/Berlin\njobs: […]',
    models.Every: "schedule: {every: 15m}",
    models.Notifications: (
        "notifications:\n  when: errors\n"
        "  to: [it-operations@corp.example, owners, {roles: [Directory Operators]}]"
    ),
    models.Job: (
        "- name: people\n"
        '  source: {connection: corp_ad, container: "OU=People,DC=corp,DC=example"}\n'
        '  destination: {connection: lab_ad, container: "OU=People,DC=lab,DC=example"}\n'
        "  object: user\n"
        "  fields:\n    employeeID: {from: employeeID, key: true}\n"
        "    cn: displayName"
    ),
    models.MoveMissing: 'missing_at_source: {move: "OU=Left,DC=lab,DC=example", disable: true}',
    models.DisableMissing: "missing_at_source: {disable: now, delete: 30d}",
    models.ChangedSince: "records: {changed_since: whenChanged}",
    models.DirectorySource: (
        'source: {connection: corp_ad, container: "OU=People,DC=corp,DC=example", filter: (mail=*)}'
    ),
    models.SqlSource: "source: {connection: hr_db, table: hr.employees}",
    models.DirectoryDestination: (
        'destination: {connection: lab_ad, container: "OU=People,DC=lab,DC=example", filter:'
        " (objectClass=user)}"
    ),
    models.FieldContainer: "container: {field: targetOU}",
    models.TemplateContainer: 'container: {template: "OU={{ department }},DC=lab,DC=example"}',
    models.SqlDestination: "destination: {connection: phone_db, table: phone.book}",
    models.FileEndpoint: 'source: {file: feeds/staff.csv, delimiter: ";"}',
    models.FieldMapping: "employeeID: {from: employeeID, key: true}",
    models.Copy: 'proxyAddresses: {from: aliases, delimiter: ";"}',
    models.Static: "company: {static: Example Corp}",
    models.Join: 'cn: {join: [givenName, sn], separator: " "}',
    models.Left: "initials: {left: givenName, length: 1}",
    models.Substring: "telephoneNumber: {substring: phone, start: 3, length: 7}",
    models.Map: "department: {map: deptCode, values: {SA: Sales, EN: Engineering}, default: Other}",
    models.Template: 'mail: {template: "{{ givenName|lower }}.{{ sn|lower }}@lab.example", new_only: true}',
    models.Script: "extensionAttribute1: {script: transforms.badge_number}",
    models.Resolve: "manager: {resolve: manager, match: employeeID}",
    models.Members: "member: {members: member, match: sAMAccountName}",
    models.GeneratePassword: "password: {generate_password: {length: 20}, new_only: true}",
    models.PasswordRule: 'generate_password: {length: 16, symbols: "!$%-_"}',
    models.ApprovalPolicy: (
        "approval: {approvers: {users: [bob], roles: [Directory Approvers]}, when: over_limit}"
    ),
    models.Approvers: "approvers: {users: [bob], roles: [Directory Approvers]}",
    models.Escalation: (
        "escalation: {after: 2d, levels: [{users: [carol]}, manager], default: {roles: [Admin]}}"
    ),
}

_KINDS: dict[Any, str] = {
    models.Schedules: "cron, preset, `{every: …}`, or a list of these",
    models.Moment: "date or time",
    models.Duration: "duration such as `15m`, `12h`, `2d`",
    models.Window: "duration such as `24h`, or `0`",
    models.Limits: "mapping of [limits](#limits)",
    models.AnyContainer: "DN, `{field: …}` or `{template: …}`",
    models.AnyApproval: "`none` or a policy",
}

_HEAD = """# Definition reference

<!-- Generated from the models by docs/_generate/definition_reference.py; changes here are lost. -->

Every key that a definition file may have. A key with the default *required* must be given.
`directory-sync schema` prints the same as JSON Schema, and `directory-sync validate FILE` checks a file
against it. Terms are explained in [Concepts](concepts.md).

Texts need no quotes unless they begin with or contain one of `: # { } [ ] , & * ! | > % @`. A DN inside `{…}`
needs them.
"""

_LIMITS = """## Limits

`limits` of a job, or of the collection for its jobs: the most changes of a kind that one run may make. A run
that would make more stops before its first write.

| key | counts |
|---|---|
| `create` | new objects; a percentage counts against the source's records |
| `update` | changed objects, renames in place among them |
| `clear` | objects that lose a field's last value, per field; a percentage counts against the records that have an object |
| `delete` | deleted objects |
| `disable` | disabled objects |
| `move` | objects moved to another container |
| `members` | members removed from one group; a percentage counts against the group's members |
| `memberships` | members removed from all groups together; a percentage counts against the members of all managed groups |

Each is a number, a percentage of the managed objects, both as a list (the smaller counts), or `none`. A
percentage always allows a handful; a number and `0%` are exact. The defaults, and how large the handful is:
[How limits are counted](how-it-works.md#how-limits-are-counted).

```yaml
limits: {create: 500, update: 50%, delete: [5%, 200], clear: none}
```
"""  # noqa: E501


_FILES = f"""### Reading files

- **Kinds.** {", ".join(f"`{ending}`: {kind.name}" for ending, kind in endings().items())}.
- **CSV.** The first line names the columns. Excel's line `sep=;` before it is read, and so is `="00123"`,
  which means the text 00123. A line of blanks is not a record. A row with more or fewer cells than the
  header is an error of that row.
- **LDIF.** Content records (RFC 2849), and change records with `changetype: add`; a file with other
  changes is refused. An entry is its DN: it has the values of its RDN, whether it repeats them or not. To
  an LDIF destination map `dn`; it alone decides about the name.
- **Blanks.** A cell or value of blanks only (spaces, tabs, no-break spaces and the like) is absent.
  Blanks around a key, or around a value that names an object, are not part of it (RFC 4518); elsewhere
  they stay.
- **Cut off.** A file that ends without a line break may have been cut off: its last record is not used
  and counts as an error, and nothing is deleted, disabled or moved in that run. A CSV file whose last
  cell is quoted to its end is whole. `complete: true` says that all such files are. A destination that
  ends like that is not read at all; what a run writes always ends with a line break.
- **`filter`** chooses records of a source. Texts are compared without regard to case. In a CSV file the
  names are those of columns and may hold spaces and underscores, as in `(First name=Amy)`; a name that is
  not a column is an error. In LDIF, DNs are compared as DNs, and the classes above `inetOrgPerson`, `user`
  and the like are known. Records that cannot be read are never filtered out.

```yaml
source: {{file: exports/people.ldif, filter: "(&(objectClass=inetOrgPerson)(!(employeeType=guest)))"}}
```
"""

_VALUES = """### Values

An absent source value removes the destination's value; `keep_if_empty: true` leaves it alone. Values are
sets: neither order nor repetition counts.

**`delimiter`** joins several values into one where the destination holds one, and splits a value where
the source holds one. A value that holds the delimiter it would be joined with is an error of that record.
Joined values are compared as sets, so `a;b` and `b;a` are the same.

**`exact`.** Values are compared by the destination's rules. To a directory `MCDONALD` and `McDonald` are
the same name, so a corrected capitalisation is not written by itself. `exact: true` writes the source's
spelling: for plain attributes, DNs, keys, and the naming attribute, where the object is renamed in place.
Files are always compared exactly, except attributes of LDIF that name other entries (`member`,
`manager` and the like), which are compared as names. Active Directory spells references itself, so there `exact`
changes nothing for them.

**Templates.** The variables are the source's field names, in any case. A name that is not a single word is
written as in `{{ record["First name"] }}` or `{{ record["E-Mail"] }}`. One value is a text, several are a
list, an absent one is the empty text. `validate` accepts exactly the templates that a run accepts.

**`match`** of `resolve` and `members` may be a list: a member is looked up by the first field, and by the
next only if there is no counterpart under it. A member that is found under none of them keeps everyone in
the group.

```yaml
member: {members: member, match: [uid, cn]}
```
"""  # noqa: E501

_TEXTS = (("Jobs", _LIMITS), ("Files", _FILES), ("Fields", _VALUES))
"""Title of a section → what follows its tables."""

_NOT_YET = """## What this version cannot do

`validate` accepts these with a warning; `preview`, `run` and the DAG refuse a job that asks for one of them
before they read anything:
"""

_TEMPLATES = """## Built-in templates

`template: NAME` in a job or at the top of a collection gives every key that the file does not set.

- Mappings such as `source`, `destination` and `fields` are completed key by key.
- The jobs of a collection are completed by the template's jobs of the same names.
- Files in the template folder's `jobs` and `collections` add templates, or replace a built-in one of the same
  name.
"""


def reference_markdown() -> str:
    """The whole reference page."""
    parts = [_HEAD]
    for title, introduction, members in _SECTIONS:
        parts.append(f"## {title}\n\n{introduction}\n")
        parts.extend(_model(model, title) for model in members)
        parts.extend(text for after, text in _TEXTS if after == title)
    parts.append(_not_yet())
    parts.append(_templates())
    return "\n".join(parts)


def _model(model: type[BaseModel], section: str) -> str:
    rows = "\n".join(_row(field.alias or name, field) for name, field in _own_fields(model).items())
    name = _title(model)
    heading = "" if name == section or model is FieldMapping else f"### {name}\n\n{_sentence(model)}\n\n"
    return (
        f"{heading}| key | type | default | meaning"
        f" |\n|---|---|---|---|\n{rows}\n\n```yaml\n{_EXAMPLES[model]}\n```\n"
    )


def _own_fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    if model is FieldMapping or not issubclass(model, FieldMapping):
        return model.model_fields
    # What a mapping alone has is read first; pydantic lists what several have in common before it.
    names = sorted(model.model_fields, key=lambda name: name not in model.__annotations__)
    return {name: model.model_fields[name] for name in names if name not in FieldMapping.model_fields}


def _title(model: type[BaseModel]) -> str:
    """The class name as words: `DirectorySource` is "Directory source"."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", model.__name__).capitalize().replace("Sql", "SQL")


def _sentence(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split("\n\n")[0].split())


def _row(key: str, field: FieldInfo) -> str:
    annotation = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    cells = (f"`{key}`", _type(annotation), _default(field), field.description or "")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _type(annotation: Any) -> str:
    for known, text in _KINDS.items():
        if annotation == known:
            return text
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin is list:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return "mapping"
    if arguments:
        texts = dict.fromkeys(_type(argument) for argument in arguments if argument is not NoneType)
        return " or ".join(texts)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        title = _title(annotation)
        return f"[{title}](#{title.lower().replace(' ', '-')})"
    return {str: "text", int: "number", float: "number", bool: "true or false"}[annotation]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    default = field.get_default(call_default_factory=True)
    if default is PydanticUndefined or default is None or default in ("", [], {}):
        return ""
    if isinstance(default, timedelta):
        return f"`{format_window(default)}`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, Enum):
        return f"`{default.value}`"
    return f'`"{default}"`' if isinstance(default, str) and not default.strip() else f"`{default}`"


def _not_yet() -> str:
    features = [feature.what for feature in NOT_YET]
    return _NOT_YET + "\n" + "".join(f"- {feature}\n" for feature in features)


def _templates() -> str:
    parts = [_TEMPLATES]
    kinds: tuple[tuple[Kind, str], ...] = (("jobs", "Job templates"), ("collections", "Collection templates"))
    for kind, title in kinds:
        parts.append(f"### {title}\n")
        for name in BUILT_IN.names(kind):
            comment = [
                line.removeprefix("#").strip()
                for line in BUILT_IN.get(kind, name).text.splitlines()
                if line.startswith("#")
            ]
            parts.append(f"**`{name}`** " + " ".join(comment).replace("  ", "\n\n") + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    print(reference_markdown(), end="")
