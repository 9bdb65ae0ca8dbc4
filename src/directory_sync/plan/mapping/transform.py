"""The mapping of a job, compiled: source record in, values for each destination field out. How each kind
computes: `produce`.

Values are bytes; a field that is copied is never decoded. An empty value is no value, nor is one of blanks
only, and values are sets: exact duplicates go, and the order says nothing. Keys and names lose the blanks
around them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, cast

from directory_sync.definition.checks.fields import source_fields
from directory_sync.definition.expressions.templating import (
    CompiledTemplate,
    ExpressionError,
    compile_template,
)
from directory_sync.definition.models import (
    AnyField,
    Copy,
    FieldContainer,
    GeneratePassword,
    Job,
    Join,
    Members,
    Resolve,
    Script,
    Static,
    Template,
    TemplateContainer,
)
from directory_sync.definition.problems import nearest
from directory_sync.dn import NameSyntaxError, format_rdn, parse
from directory_sync.endpoints.blanks import BLANKS, SEEN_FIRST, SEEN_LAST, is_blank, stripped
from directory_sync.endpoints.contract import Record
from directory_sync.errors import RecordCancelled, RecordError, SchemaError, UnsupportedError
from directory_sync.plan.mapping import variables as static_variables
from directory_sync.plan.mapping.delimiters import Delimiter
from directory_sync.plan.mapping.produce import (
    NoField,
    Produce,
    SourceFields,
    describe,
    make_produce,
    one_text,
    present,
)
from directory_sync.plan.mapping.scripts import ScriptFunction


class MappedRecord(NamedTuple):
    """What a source record says its object shall be.

    Attributes:
        values: in the order of the job's fields, each field's sorted; None leaves the destination's values
            alone.
        lookups: field → source values of `members` and `resolve` fields, whose place in `values` is None.
        container: where a new object goes, if the definition takes that from the record.
    """

    values: list[list[bytes] | None]
    lookups: dict[str, list[bytes]]
    container: str | None = None


_mapped = partial(tuple.__new__, MappedRecord)
"""`MappedRecord._make`, at a third of its time."""
_Get = Callable[[str | None], list[bytes] | None]


@dataclass(frozen=True, slots=True)
class _Step:
    """One field.

    Attributes:
        name: the destination's field.
        description: the expression, for messages.
        copies: the source field whose values are passed on as they are; None if there is more to do.
        produce: computes the values; None for a field that is looked up or generated later.
        lookup: the source field whose values are looked up later.
        strips: blanks around its values are no part of them: it is a key, or names the object.
    """

    name: str
    description: str
    single: bool
    keep_if_empty: bool
    delimiter: Delimiter | None
    copies: str | None
    produce: Produce | None
    lookup: str | None
    strips: bool

    def compute(self, values: Mapping[str, list[bytes]]) -> list[bytes]:
        """The field's values for a record. Raises RecordError that names the field and the expression."""
        assert self.produce is not None
        try:
            return self.finish(self.produce(values))
        except RecordCancelled as error:
            raise RecordCancelled(f"{self.description}: {error.message}", field=self.name) from None
        except RecordError as error:
            # What `finish` raises names the field already.
            raise (
                error if error.field else RecordError(f"{self.description}: {error.message}", field=self.name)
            ) from None

    def named(self, values: Sequence[bytes]) -> list[bytes]:
        """What a looked-up field's source values name: split, but never joined, for each name is looked up by
        itself.
        """
        kept = [value for value in dict.fromkeys(values) if not is_blank(value)]
        return kept if self.delimiter is None else self.delimiter.apply(kept)

    def finish(self, values: Sequence[bytes]) -> list[bytes]:
        """Without blank values and duplicates, split or joined, and only one where only one fits."""
        kept = [value for value in dict.fromkeys(values) if not is_blank(value)]
        if self.delimiter is not None:
            kept = self.delimiter.apply(kept)
        if self.single and len(kept) > 1:
            raise RecordError(
                f"{self.description}: gives {len(kept)} values, but {self.name} holds one at the destination."
                " Choose one with a template, or give a delimiter to join them.",
                field=self.name,
            )
        return kept


class CompiledMapping:
    """A job's mapping, ready to be used on each record.

    Attributes:
        source_fields: every field that has to be read, spelled as in the definition.
        volatile: destination fields whose text is another one in each run, so that they alone are no reason
            to change an object.
        may_leave: a field may leave the destination's values alone.
        copies_keys: every key is a source field as it is, so that a record of which only a part could be read
            gives no wrong key.
    """

    def __init__(
        self,
        steps: Sequence[_Step],
        keys: Sequence[int],
        source_fields: tuple[str, ...],
        volatile: frozenset[str],
        container: Callable[[Mapping[str, list[bytes]]], str | None] | None,
    ) -> None:
        self.source_fields = source_fields
        self.volatile = volatile
        self.may_leave = any(step.keep_if_empty or step.produce is None for step in steps)
        self._steps = [(step.copies, step) for step in steps]
        self._keys = [steps[place] for place in keys]
        self._stripped = tuple(place for place, step in enumerate(steps) if step.strips)
        self.copies_keys = all(step.copies is not None for step in self._keys)
        self._container = container

    def map(self, record: Record) -> MappedRecord:
        """Compute every field.

        Raises RecordError, or RecordCancelled if a transformation leaves the record out.
        """
        held = record.values
        get = cast(_Get, held.get)
        lookups: dict[str, list[bytes]] = {}
        # One value that is copied is by far the most frequent case; no record has the field None, which
        # stands for others.
        values = [
            found
            if (found := get(source)) and len(found) == 1 and (only := found[0]) and SEEN_FIRST[only[0]]
            else self._computed(step, found, held, lookups)
            for source, step in self._steps
        ]
        for place in self._stripped:
            if (named := values[place]) and not (
                SEEN_FIRST[named[0][0]] and SEEN_LAST[named[0][-1]] and len(named) == 1
            ):
                values[place] = _stripped(named)
        return _mapped((values, lookups, None if self._container is None else self._container(held)))

    def _computed(
        self,
        step: _Step,
        found: list[bytes] | None,
        held: Mapping[str, list[bytes]],
        lookups: dict[str, list[bytes]],
    ) -> list[bytes] | None:
        if step.produce is None:
            if step.lookup is not None:
                lookups[step.name] = step.named(held.get(step.lookup, ()))
            return None
        if step.copies is None:
            values = step.compute(held)
        elif found:
            values = step.finish(found)
        else:
            values = []
        return sorted(values) if values else None if step.keep_if_empty else []

    def map_field(self, name: str, record: Record) -> list[bytes] | None:
        """Compute one field only, as `map` does; None also for what is looked up or generated later.

        Raises RecordError, or RecordCancelled.
        """
        place = next(place for place, (_, step) in enumerate(self._steps) if step.name == name)
        source, step = self._steps[place]
        values = self._computed(
            step, None if source is None else record.values.get(source), record.values, {}
        )
        return _stripped(values) if values and place in self._stripped else values

    def map_keys(self, record: Record) -> list[list[bytes]]:
        """Compute the key fields only, so that a record that fails elsewhere still has its key.

        Raises RecordError.
        """
        held = record.values
        return [
            _stripped(step.compute(held) if step.copies is None else step.finish(held.get(step.copies, ())))
            for step in self._keys
        ]


def _stripped(values: list[bytes]) -> list[bytes]:
    if len(values) == 1:
        return values if (only := stripped(values[0])) is values[0] else [only]
    return sorted(set(map(stripped, values)))


def compile_mapping(
    job: Job,
    *,
    source_fields_known: Collection[str] | None,
    single: Callable[[str], bool],
    naming_fields: Collection[str],
    variables: Mapping[str, str],
    scripts: Mapping[str, ScriptFunction],
    source_single: Callable[[str], bool] | None = None,
    no_field: NoField | None = None,
) -> CompiledMapping:
    """Prepare a job's mapping.

    Args:
        job: the job.
        source_fields_known: the fields that the source can have; None if that cannot be told.
        single: whether a destination field holds at most one value.
        naming_fields: lower-case destination fields that ids are made of (`Names.made_of`).
        variables: those of static texts (`directory_sync.plan.mapping.variables`).
        scripts: dotted path → function, of all scripts that the job names.
        source_single: whether a source field holds at most one value; without it, the record's number of
            values tells.
        no_field: what to raise for a field that the source cannot have (`Source.no_field`).

    Raises SchemaError for a source field that does not exist and for values that can never fit,
    UnsupportedError for a template or script that cannot be used.
    """
    fields = SourceFields()
    steps = [
        _make_step(
            job,
            name,
            mapping,
            fields,
            single=single,
            names=name.lower() in naming_fields,
            source_single=source_single,
            variables=variables,
            scripts=scripts,
        )
        for name, mapping in job.fields.items()
    ]
    keys = [place for place, name in enumerate(job.fields) if name in job.keys]
    for step in (steps[place] for place in keys):
        if step.produce is None:
            raise UnsupportedError(
                f"job {job.name}, field {step.name}: {step.description} cannot be a key. Choose another one."
            )
    container = _make_container(job, fields)
    if source_fields_known is not None:
        fields.check(source_fields_known, job.name, no_field or partial(_no_field, source_fields_known))
    return CompiledMapping(
        steps,
        keys,
        fields.names,
        frozenset(name for name, mapping in job.fields.items() if _is_volatile(mapping)),
        container,
    )


def _no_field(known: Collection[str], name: str) -> SchemaError:
    near = nearest(name, known)
    remedy = f"Did you mean {near!r}?" if near else "Correct the name."
    return SchemaError(f"the source has no field {name!r}.", remedy=remedy)


def _make_step(
    job: Job,
    name: str,
    mapping: AnyField,
    fields: SourceFields,
    *,
    single: Callable[[str], bool],
    names: bool,
    source_single: Callable[[str], bool] | None,
    variables: Mapping[str, str],
    scripts: Mapping[str, ScriptFunction],
) -> _Step:
    is_single = single(name)
    where = f"job {job.name}, field {name}"
    lookup = copies = None
    produce: Produce | None = None
    if isinstance(mapping, Members):
        lookup = fields.use(mapping.members, where)
    elif isinstance(mapping, Resolve):
        lookup = fields.use(mapping.resolve, where)
    elif not isinstance(mapping, GeneratePassword):
        produce = make_produce(mapping, fields, where=where, variables=variables, scripts=scripts)
        if isinstance(mapping, Copy) and mapping.delimiter is None:
            copies = fields.use(mapping.from_, where)
    if (
        isinstance(mapping, Static)
        and isinstance(mapping.static, list)
        and is_single
        and mapping.delimiter is None
    ):
        _check_texts(mapping.static, where)
    delimiter = None
    if mapping.delimiter is not None:
        delimiter = Delimiter(
            mapping.delimiter,
            join=is_single and lookup is None,
            split=_holds_one(mapping, source_single),
            ordered=isinstance(mapping, Static | Script),
        )
    return _Step(
        name=name,
        description=describe(mapping),
        single=is_single,
        keep_if_empty=mapping.keep_if_empty,
        delimiter=delimiter,
        copies=copies,
        produce=produce,
        lookup=lookup,
        strips=produce is not None and (mapping.key or names),
    )


def _holds_one(mapping: AnyField, source_single: Callable[[str], bool] | None) -> bool | None:
    """Whether a mapping gives one text in which a delimiter may stand between values; None if only the record
    can tell.
    """
    match mapping:
        case Join() | Template():
            return True
        case Static():
            return isinstance(mapping.static, str)
        case Script():
            return None
        case _:
            return (
                None
                if source_single is None
                else all(source_single(name) for _, name in source_fields(mapping))
            )


def _check_texts(texts: Sequence[str], where: str) -> None:
    if len({text for text in texts if text}) > 1:
        raise SchemaError(
            f"{where}: {len(texts)} texts, but the destination's field holds one.",
            remedy="Give one text, or a delimiter to join them.",
        )


def _is_volatile(mapping: AnyField) -> bool:
    if not isinstance(mapping, Static):
        return False
    texts = [mapping.static] if isinstance(mapping.static, str) else mapping.static
    return any(static_variables.used(text) & static_variables.VOLATILE for text in texts)


def _make_container(
    job: Job, fields: SourceFields
) -> Callable[[Mapping[str, list[bytes]]], str | None] | None:
    container = getattr(job.destination, "container", None)
    where = f"job {job.name}, destination.container"
    if isinstance(container, FieldContainer):
        source = fields.use(container.field, where)

        def from_field(values: Mapping[str, list[bytes]]) -> str | None:
            text = one_text(values, source)
            return _checked_container(text, f"the source field {source}") if text else None

        return from_field
    if isinstance(container, TemplateContainer):
        try:
            template = compile_template(container.template, names=True)
        except ExpressionError as error:
            raise UnsupportedError(f"{where}: template: {error}") from None
        spelled = [(name, fields.use(name, where)) for name in template.fields]
        return lambda values: _from_template(
            template, {name: present(values, source) for name, source in spelled}
        )
    return None


def _from_template(template: CompiledTemplate, values: Mapping[str, Sequence[bytes]]) -> str:
    try:
        return _checked_container(template.render(values), "its template")
    except RecordCancelled as error:
        raise RecordCancelled(f"destination.container: {error.message}") from None
    except RecordError as error:
        raise RecordError(f"destination.container: {error.message}") from None


def _checked_container(dn: str, origin: str) -> str:
    try:
        parsed = parse(dn)
    except NameSyntaxError:
        parsed = []
    # Blanks around a name are no part of it, also where they are escaped because they come from a field's
    # value.
    bare = [tuple(ava._replace(value=ava.value.strip(BLANKS)) for ava in rdn) for rdn in parsed]
    if not parsed or any(not ava.value for rdn in bare for ava in rdn):
        raise RecordError(
            f"{origin} gives {dn!r}, which is no DN with a value in each part. Fill the fields it is made of,"
            " or correct it."
        )
    return dn if bare == parsed else ",".join(map(format_rdn, bare))
