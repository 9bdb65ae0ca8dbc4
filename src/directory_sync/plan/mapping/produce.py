"""How each kind of field mapping computes its values from a source record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from directory_sync.definition.checks.fields import source_fields
from directory_sync.definition.expressions.templating import ExpressionError, compile_template
from directory_sync.definition.models import (
    AnyField,
    Copy,
    Join,
    Left,
    Map,
    OnMissing,
    Script,
    Static,
    Substring,
    Template,
    Transformation,
)
from directory_sync.definition.passwords import is_password
from directory_sync.endpoints.blanks import is_blank
from directory_sync.errors import RecordCancelled, RecordError, SchemaError, UnsupportedError
from directory_sync.plan.mapping import variables as static_variables
from directory_sync.plan.mapping.scripts import ScriptFunction, ScriptRecord, call_script, declared_fields

SourceValues = Mapping[str, list[bytes]]
Produce = Callable[[SourceValues], Sequence[bytes]]
NoField = Callable[[str], SchemaError]
"""`Source.no_field`."""


class SourceFields:
    """The source fields that a mapping reads. The first spelling of a name is the one that is asked for."""

    def __init__(self) -> None:
        self._spelled: dict[str, str] = {}
        self._used_by: dict[str, str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, in order of appearance."""
        return tuple(self._spelled.values())

    def use(self, name: str, where: str) -> str:
        """Note a field and return the spelling under which records will have it.

        `where`: who reads it, for messages.
        """
        self._used_by.setdefault(name.lower(), where)
        return self._spelled.setdefault(name.lower(), name)

    def check(self, known: Collection[str], job: str, no_field: NoField) -> None:
        """Raise SchemaError for a field that the source does not have.

        Options (`cn;lang-de`) need not be known.
        """
        lower = {name.lower() for name in known}
        for name, spelled in self._spelled.items():
            if name in lower or name.partition(";")[0] in lower:
                continue
            error = no_field(spelled)
            where = self._used_by.get(name, f"job {job}")
            raise SchemaError(f"{where}: {error.message}", endpoint=error.endpoint, remedy=error.remedy)


def present(values: SourceValues, source: str) -> list[bytes]:
    """The values of a source field that are not blank."""
    return [value for value in values.get(source, ()) if not is_blank(value)]


def make_produce(
    mapping: AnyField,
    fields: SourceFields,
    *,
    where: str,
    variables: Mapping[str, str],
    scripts: Mapping[str, ScriptFunction],
) -> Produce:
    """The function that computes a field.

    Raises UnsupportedError for a template or script that cannot be used.
    """
    produce = _make_produce(mapping, fields, where=where, variables=variables, scripts=scripts)
    if not isinstance(mapping, Transformation) or mapping.on_missing is OnMissing.EVALUATE:
        return produce
    return _unless_missing(mapping, fields, produce, where=where, scripts=scripts)


def _unless_missing(
    mapping: Transformation,
    fields: SourceFields,
    produce: Produce,
    *,
    where: str,
    scripts: Mapping[str, ScriptFunction],
) -> Produce:
    """The function that computes a field only for records that have a value in each source field it is made
    of.
    """
    read = [name for _, name in source_fields(mapping)]
    if isinstance(mapping, Template):
        read = list(compile_template(mapping.template).fields)
    if isinstance(mapping, Script):
        read = list(declared_fields(scripts[mapping.script]))
        if not read:
            raise UnsupportedError(
                f"{where}: on_missing needs to know what the script {mapping.script} reads. Declare it in the"
                " script as source_fields, or leave on_missing out."
            )
    sources = [fields.use(name, where) for name in read]
    action = mapping.on_missing

    def guarded(values: SourceValues) -> Sequence[bytes]:
        missing = next((source for source in sources if not present(values, source)), None)
        if missing is None:
            return produce(values)
        if action is OnMissing.EMPTY:
            return ()
        if action is OnMissing.SKIP:
            raise RecordCancelled(f"the source field {missing} has no value (on_missing: skip)")
        raise RecordError(
            f"the source field {missing} has no value. Fill it at the source, or change on_missing."
        )

    return guarded


def _make_produce(
    mapping: AnyField,
    fields: SourceFields,
    *,
    where: str,
    variables: Mapping[str, str],
    scripts: Mapping[str, ScriptFunction],
) -> Produce:
    match mapping:
        case Copy():
            source = fields.use(mapping.from_, where)
            return lambda values: values.get(source, ())
        case Static():
            texts = [mapping.static] if isinstance(mapping.static, str) else mapping.static
            fixed = [static_variables.replace(text, variables).encode() for text in texts]
            return lambda values: fixed
        case Join():
            return _join([fields.use(source, where) for source in mapping.join], mapping.separator)
        case Left():
            return _slice(fields.use(mapping.left, where), slice(mapping.length))
        case Substring():
            end = None if mapping.length is None else mapping.start + mapping.length
            return _slice(fields.use(mapping.substring, where), slice(mapping.start, end))
        case Map():
            return _map(fields.use(mapping.map, where), mapping)
        case Template():
            return _template(mapping, fields, where)
        case Script():
            return _script(mapping, fields, where, scripts)
        case _:
            raise UnsupportedError(
                f"{where}: {describe(mapping)} cannot be computed from the record. Leave the field out."
            )


def describe(mapping: AnyField) -> str:
    """The expression as a definition writes it, shortened, for messages."""
    data = mapping.model_dump(by_alias=True)
    kind, value = next((key, data[key]) for key in _KINDS if key in data)
    text = f"[{', '.join(value)}]" if isinstance(value, list) else str(value)
    if kind == "generate_password":
        return kind
    return f"{kind}: {text if len(text) <= 60 else text[:57] + '...'}"


_KINDS = (
    "from", "static", "join", "left", "substring", "resolve", "map", "template", "script", "generate_password", "members",  # noqa: E501
)  # fmt: skip


def one_text(values: SourceValues, source: str) -> str:
    """The text of a source field that may hold one value; empty if it has none. Raises RecordError."""
    texts = _texts(values, source)
    if len(texts) > 1:
        raise RecordError(
            f"the source field {source} has {len(texts)} values, and only one can be used. Choose one with a"
            f" template: {{{{ record['{source}']|first }}}}."
        )
    return texts[0] if texts else ""


def _texts(values: SourceValues, source: str) -> list[str]:
    try:
        return [value.decode() for value in dict.fromkeys(present(values, source))]
    except UnicodeDecodeError:
        raise RecordError(
            f"the source field {source} is binary, and only text can be used. Copy it with from: instead."
        ) from None


def _join(sources: Sequence[str], separator: str) -> Produce:
    def produce(values: SourceValues) -> list[bytes]:
        parts = [text for source in sources if (text := one_text(values, source))]
        return [separator.join(parts).encode()] if parts else []

    return produce


def _slice(source: str, part: slice) -> Produce:
    # Characters are code points: an accent that comes after its letter as a character of its own counts as
    # one.
    return lambda values: [text[part].encode() for text in _texts(values, source)]


def _map(source: str, mapping: Map) -> Produce:
    table = {code: value.encode() for code, value in mapping.values.items()}
    default = b"" if mapping.default is None else mapping.default.encode()
    return lambda values: [table.get(text, default) for text in _texts(values, source)]


def _template(mapping: Template, fields: SourceFields, where: str) -> Produce:
    try:
        template = compile_template(mapping.template)
    except ExpressionError as error:
        raise UnsupportedError(f"{where}: template: {error}") from None
    spelled = [(name, fields.use(name, where)) for name in template.fields]

    def produce(values: SourceValues) -> list[bytes]:
        return [template.render({name: present(values, source) for name, source in spelled}).encode()]

    return produce


def _script(
    mapping: Script, fields: SourceFields, where: str, scripts: Mapping[str, ScriptFunction]
) -> Produce:
    function = scripts.get(mapping.script)
    if function is None:
        raise UnsupportedError(
            f"{where}: the script {mapping.script} is not loaded. Add its module to the setting"
            " script_modules."
        )
    for name in declared_fields(function):
        if is_password(name):
            raise UnsupportedError(
                f"{where}: the script {mapping.script} reads {name}, and this version cannot read passwords."
                " Take it out of source_fields."
            )
        fields.use(name, where)

    def produce(values: SourceValues) -> list[bytes]:
        # All fields that the mapping reads, also those that stand after this one.
        return call_script(
            function, ScriptRecord(fields.names, {name: present(values, name) for name in values})
        )

    return produce
