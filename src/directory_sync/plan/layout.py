"""What a job's mapping means for one destination: the fields in order, their rules, and which of them are
compared how.

Refuses, before anything is read, a mapping that does not fit the schemas of the two sides.
"""

from __future__ import annotations

import itertools
import marshal
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod

from directory_sync.definition.models import (
    AnyField,
    Job,
    LookUp,
    ObjectKind,
)
from directory_sync.definition.problems import nearest
from directory_sync.endpoints.blanks import SEEN_FIRST, SEEN_LAST, is_blank, stripped
from directory_sync.endpoints.contract import Can, Destination, FieldRule, Source
from directory_sync.errors import SchemaError
from directory_sync.plan.mapping.delimiters import as_set

_MAX_KEY_COMBINATIONS = 64
_MEMBER_ATTRIBUTES = frozenset(
    {
        "member",
        "uniquemember",
        "memberuid",
        "roleoccupant",
        "memberurl",
        "rfc822mailmember",
        "nismembers",
        "mgrprfc822mailmember",
    }
)
"""Attributes by which groups of common schemas name their members (RFC 4519, RFC 2307, sendmail and Netscape
schemas).
"""


@dataclass(frozen=True, slots=True)
class Layout:
    """The fields of a job at its destination; all indices point into `fields`.

    Attributes:
        fields: destination field names in definition order.
        rules: the schema's rule for each.
        keys: indices of the key fields.
        compared: indices of the fields that decide whether an object is updated and whose values need no
            lookup.
        others: indices of all further fields.
        volatile: indices of fields that change only along with another.
        lookups: indices of `members` and `resolve` fields.
        exact: indices of the fields whose spelling counts.
        memberships: indices of the fields that hold members of groups and are copied, not looked up.
        classes: object classes of new objects, empty where there is no such thing.
        mandatory: lower-case names of the fields that such objects must have.
        must_have: those of `fields` that are mandatory.
    """

    fields: tuple[str, ...]
    rules: tuple[FieldRule, ...]
    keys: tuple[int, ...]
    compared: tuple[int, ...]
    others: tuple[int, ...]
    volatile: tuple[int, ...]
    lookups: tuple[int, ...]
    exact: tuple[int, ...]
    memberships: tuple[int, ...]
    classes: tuple[str, ...]
    mandatory: frozenset[str]
    must_have: frozenset[str]

    def keys_of(self, values: Sequence[Sequence[bytes] | None]) -> tuple[bytes, ...]:
        """Every key that an object with these values of all fields can stand for, normalised."""
        if len(self.keys) == 1:
            index = self.keys[0]
            found = values[index]
            if (
                found
                and len(found) == 1
                and (only := found[0])
                and SEEN_FIRST[only[0]]
                and SEEN_LAST[only[-1]]
            ):
                # Nearly every record of nearly every job.
                return (self.rules[index].normalise(only),)
        return self.combinations(values[i] or () for i in self.keys)

    def combinations(self, key_values: Iterable[Sequence[bytes]]) -> tuple[bytes, ...]:
        """Every key that these values of the key fields can stand for, normalised.

        None if a field is empty, or if there are more than anyone means.
        """
        return key_combinations([self.rules[i] for i in self.keys], key_values)

    def key_text(self, values: Iterable[bytes]) -> str:
        """A key as people read it."""
        return " + ".join(value.decode(errors="backslashreplace") for value in values)


def key_combinations(rules: Sequence[FieldRule], key_values: Iterable[Sequence[bytes]]) -> tuple[bytes, ...]:
    """Every key that these values of the key fields, whose rules are given, can stand for; see
    `Layout.combinations`.
    """
    normalised = [
        list(dict.fromkeys(rule.normalise(value) for value in usable(values)))
        for rule, values in zip(rules, key_values, strict=True)
    ]
    if len(normalised) == 1:
        return tuple(normalised[0])
    if not 0 < prod(map(len, normalised)) <= _MAX_KEY_COMBINATIONS:
        return ()
    return tuple(marshal.dumps(parts, 2) for parts in itertools.product(*normalised))


def usable(values: Sequence[bytes]) -> list[bytes]:
    """Key values without the blanks around them, which are no part of a key; one of blanks only is a mistake,
    not a key.
    """
    return [stripped(value) for value in values if not is_blank(value)]


def make_layout(
    job: Job, source: Source, destination: Destination, *, reads: Collection[str], volatile: Collection[str]
) -> Layout:
    """Check the mapping against both schemas and lay it out.

    Args:
        job: the job.
        source, destination: its endpoints.
        reads: source fields that the mapping reads.
        volatile: destination fields whose value differs from run to run.

    Raises:
        SchemaError: naming endpoint, field and remedy, for the first field that does not fit.
    """
    _check_source_fields(source, reads)
    fields = tuple(job.fields)
    rules = tuple(_rule(destination, name) for name in fields)
    _check_other_names(destination, fields, rules)
    classes: tuple[str, ...] = ()
    mandatory: frozenset[str] = frozenset()
    objects = destination.objects
    if objects is not None:
        classes = tuple(job.object_classes or objects.classes(job.object.value))
        if classes:
            mandatory = frozenset(map(str.lower, objects.mandatory(classes))) - {"objectclass"}
    if job.missing_at_destination == "create":
        _check_classes(job, destination, rules, classes, mandatory)
    indices = range(len(fields))
    lookups = tuple(i for i in indices if isinstance(job.fields[fields[i]], LookUp))
    for i in lookups:
        if not rules[i].reference:
            raise SchemaError(
                f"{fields[i]} does not hold DNs, so it cannot take the DNs that resolve or members finds.",
                endpoint=destination.label,
                remedy='Map it with "from" or a template instead.',
            )
    keys = tuple(i for i in indices if job.fields[fields[i]].key)
    rules = tuple(_compared_rule(job.fields[fields[i]], rule) for i, rule in enumerate(rules))
    unstable = tuple(i for i in indices if fields[i] in volatile and i not in keys)
    exact = tuple(
        i for i in indices if job.fields[fields[i]].exact and (i not in keys or objects is not None)
    )
    # A key is the same at both sides, but for its spelling.
    settled = tuple(i for i in keys if i not in exact)
    compared = tuple(
        i for i in indices if i not in settled + lookups + unstable and not job.fields[fields[i]].new_only
    )
    return Layout(
        fields=fields,
        rules=rules,
        keys=keys,
        compared=compared,
        others=tuple(i for i in indices if i not in compared),
        volatile=tuple(i for i in unstable if not job.fields[fields[i]].new_only),
        lookups=lookups,
        exact=exact,
        memberships=tuple(i for i in indices if i not in lookups and _holds_members(job, fields[i])),
        classes=classes,
        mandatory=mandatory,
        must_have=frozenset(
            name
            for name, rule in zip(fields, rules, strict=True)
            if not mandatory.isdisjoint((name.lower(), rule.described))
        ),
    )


def _holds_members(job: Job, name: str) -> bool:
    return job.object is ObjectKind.GROUP and name.lower().partition(";")[0] in _MEMBER_ATTRIBUTES


def _check_source_fields(source: Source, reads: Collection[str]) -> None:
    known = source.fields()
    if known is None:
        return
    names = {name.lower() for name in known}
    for name in reads:
        if name.lower().split(";")[0] not in names and name.lower() not in names:
            raise source.no_field(name)


def _rule(destination: Destination, name: str) -> FieldRule:
    rule = destination.rule(name)
    if rule is None:
        raise SchemaError(
            f"the destination has no field {name}.",
            endpoint=destination.label,
            remedy=_nearest(name, destination.fields() or ()),
        )
    if not rule.writable:
        raise SchemaError(
            f"{name} is set by the server and cannot be written.",
            endpoint=destination.label,
            remedy="Take it out of the job's fields.",
        )
    return rule


def _base(name: str) -> str:
    """A field's name without options, in lower case."""
    return name.lower().partition(";")[0]


def _check_other_names(destination: Destination, fields: Sequence[str], rules: Sequence[FieldRule]) -> None:
    """One field under two of its names would get the value of one, then of the other, in every run."""
    first: dict[str, str] = {}
    for name, rule in zip(fields, rules, strict=True):
        if rule.described and (other := first.setdefault(rule.described, name)) != name:
            raise SchemaError(
                f"{name} is another name of {other}, which is mapped too.",
                endpoint=destination.label,
                remedy="Take one of the two out of the job's fields.",
            )


def _compared_rule(mapping: AnyField, rule: FieldRule) -> FieldRule:
    """The rule by which a field is compared, which is the schema's but for joined values."""
    if mapping.delimiter is not None and rule.single and not isinstance(mapping, LookUp):
        normalise, spelled = (
            as_set(mapping.delimiter, rule.normalise),
            as_set(mapping.delimiter, rule.spelled),
        )
        rule = replace(rule, normalise=normalise, spelled=spelled)
    return rule


def _check_classes(
    job: Job,
    destination: Destination,
    rules: Sequence[FieldRule],
    classes: tuple[str, ...],
    mandatory: frozenset[str],
) -> None:
    described = [_base(rule.described or name) for name, rule in zip(job.fields, rules, strict=True)]
    mapped = {*map(_base, job.fields), *described}
    if Can.RENAME in destination.can and job.naming_attribute.lower() not in map(_base, job.fields):
        raise SchemaError(
            f"new objects are named by {job.naming_attribute}, but no field maps it.",
            endpoint=destination.label,
            remedy=f"Add {job.naming_attribute} to the job's fields, or name another attribute with rdn.",
        )
    missing = sorted(name for name in mandatory if name not in mapped)
    if missing:
        raise SchemaError(
            f"objects of the classes {', '.join(classes)} must have {', '.join(missing)}, but no field maps"
            f" {'it' if len(missing) == 1 else 'them'}.",
            endpoint=destination.label,
            remedy=(
                "Add them to the job's fields, choose other object_classes, or set missing_at_destination:"
                " skip."
            ),
        )
    allowed = destination.objects.allowed(classes) if classes and destination.objects is not None else None
    if allowed is None:
        return
    for name, one in zip(job.fields, described, strict=True):
        if allowed.isdisjoint((_base(name), one)):
            raise SchemaError(
                f"objects of the classes {', '.join(classes)} cannot have {name}.",
                endpoint=destination.label,
                remedy="Add a class that allows it with object_classes, or take it out of the job's fields.",
            )


def _nearest(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f"Did you mean {near}?" if near else "See what there is with directory-sync query."
