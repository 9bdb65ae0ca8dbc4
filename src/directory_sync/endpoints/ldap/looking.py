"""Tells by looking whether changes were written that no one could record: a few searches each, and never a
write.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import ldap
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.dn import depth, parent_of
from directory_sync.endpoints.change import Action, Change, Outcome, Result
from directory_sync.endpoints.ldap import errors
from directory_sync.endpoints.ldap.findings import Finding, find
from directory_sync.endpoints.ldap.lookup import Existence, Lookup, Question, Sight, Visibility
from directory_sync.endpoints.ldap.operations import Operations, operations
from directory_sync.endpoints.ldap.progress import Known
from directory_sync.endpoints.ldap.read import Broken
from directory_sync.endpoints.ldap.server import Server

WINDOW = 64
"""Searches underway at once."""
_EXPLAINED_AT_MOST = 1000
"""Values of one change of which it is asked whether their objects are gone."""


@dataclass(slots=True)
class _Looked:
    """A change, and what is asked about it."""

    sequence: int
    change: Change
    planned: Operations
    lookup: Lookup
    question: Question
    unreadable: str = ""


def look_at(
    server: Server, changes: Iterable[tuple[int, Change]], *, renamed: Mapping[str, str]
) -> Iterator[Outcome]:
    """Tell of each change whether its object is as the change wants it, as it was before, or neither.

    Args:
        server: holds the objects.
        changes: with their places in the plan.
        renamed: DNs before and after, of the objects that the same plan has renamed; references to them may
            have followed.

    Raises EndpointUnavailable if the connection breaks; what was yielded until then holds.
    """
    normalise = server.schema.names.normalise
    moved = {normalise(old).encode(): normalise(new).encode() for old, new in renamed.items()}
    sight, label = Sight(server), server.label
    puzzling: list[_Looked] = []
    absent: dict[int, tuple[_Looked, Finding]] = {}
    with server.pool.session() as connection:
        for each in _asked(server, connection, (_begun(sight, place, change) for place, change in changes)):
            finding = _judged(server, each, Known())
            if finding.result is Result.UNCERTAIN and finding.by_references:
                puzzling.append(each)
                continue
            if _is_about_absence(each, finding):
                if each.lookup.is_hidden:
                    yield _outcome(label, each, Finding(Result.UNCERTAIN, _HIDDEN))
                else:
                    absent[each.sequence] = (each, finding)
                continue
            if finding.result is Result.FOUND_DONE and each.change.new_object is not None:
                moved[normalise(each.change.object).encode()] = normalise(each.change.new_object).encode()
            yield _outcome(label, each, finding)
        # Values may have followed or left with the objects that they name, which is known only now.
        unexplained: list[_Looked] = []
        for each in puzzling:
            finding = _judged(server, each, Known(moved))
            if not 0 < len(finding.unexplained) <= _EXPLAINED_AT_MOST:
                yield _outcome(label, each, finding)
                continue
            each.question = Existence(finding.unexplained)
            unexplained.append(each)
        for each in _asked(server, connection, iter(unexplained)):
            assert isinstance(each.question, Existence)
            yield _outcome(label, each, _judged(server, each, Known(moved, each.question.gone)))
        for each, is_proven in _proven_absent(server, connection, [each for each, _ in absent.values()]):
            yield _outcome(label, each, absent[each.sequence][1] if is_proven else _blind(each))


def _proven_absent(
    server: Server, connection: SimpleLDAPObject, absent: Iterable[_Looked]
) -> Iterator[tuple[_Looked, bool]]:
    """Whether it is proven that objects are not there which are not seen: this login sees others where they
    would be, or their container is one of them.
    """
    normalise = server.schema.names.normalise
    # One in each container asks for all of them.
    together: dict[tuple[str, str], list[_Looked]] = defaultdict(list)
    for each in absent:
        place = normalise(parent_of(each.change.object) or "")
        together[place, each.lookup.sought_by or ""].append(each)
    for (_, sought_by), (first, *_) in together.items():
        first.question = Visibility(parent_of(first.change.object) or "", sought_by or None)
    for _ in _asked(server, connection, (first for first, *_ in together.values())):
        pass
    missing: set[str] = set()
    proven: dict[tuple[str, str], bool] = {}
    for asked in sorted(together, key=lambda asked: depth(asked[0])):
        question = together[asked][0].question
        assert isinstance(question, Visibility)
        proven[asked] = question.sees or (question.is_missing and asked[0] in missing)
        if proven[asked]:
            missing.update(normalise(each.change.object) for each in together[asked])
    # A container last: on record, it would prove nothing of what was in it to the next who looks.
    for asked in reversed(proven):
        yield from ((each, proven[asked]) for each in together[asked])


def _is_about_absence(each: _Looked, finding: Finding) -> bool:
    """Whether the finding says that an object is not there, which a login that may see none finds of all."""
    if each.change.action is Action.DELETE:
        return finding.result is Result.FOUND_DONE
    return each.change.action is Action.CREATE and finding.result is Result.NOT_DONE


_HIDDEN = "this login may not read it now"


def _blind(each: _Looked) -> Finding:
    sought_by = each.lookup.sought_by
    what = f"nothing that shows {sought_by}" if sought_by else "nothing at all"
    return Finding(Result.UNCERTAIN, f"this login sees {what} in its container now")


def _begun(sight: Sight, sequence: int, change: Change) -> _Looked:
    planned = operations(change, sight.server.schema, assertion=False, identity_field=None)
    lookup = Lookup(sight, change)
    lookup.begin()
    return _Looked(sequence, change, planned, lookup, lookup)


def _judged(server: Server, each: _Looked, known: Known) -> Finding:
    if each.unreadable:
        return Finding(Result.UNCERTAIN, f"the object cannot be read: {each.unreadable}")
    return find(
        each.change,
        each.planned,
        server.schema,
        each.lookup.seen,
        elsewhere=each.lookup.elsewhere,
        known=known,
        identified=each.change.identity is not None and server.identity_field is not None,
    )


def _outcome(label: str, each: _Looked, finding: Finding) -> Outcome:
    if finding.result is not Result.UNCERTAIN:
        said = f"{label}: {each.change.object}: {finding.text}." if finding.text else ""
        return Outcome(each.sequence, finding.result, said)
    said = f"the run broke off, and it cannot be told whether this was written: {finding.text}."
    return Outcome(
        each.sequence,
        Result.UNCERTAIN,
        f"{label}: {each.change.object}: {said} The next run goes by what is there.",
    )


def _asked(server: Server, connection: SimpleLDAPObject, looks: Iterator[_Looked]) -> Iterator[_Looked]:
    """Let each ask its question, many at a time; yield it when it has its answer."""
    underway: dict[int, _Looked] = {}
    again: deque[_Looked] = deque()
    while True:
        try:
            while (
                len(underway) < WINDOW
                and (each := again.popleft() if again else next(looks, None)) is not None
            ):
                underway[each.question.send(connection)] = each
            if not underway:
                return
            answered, over = _next_answer(connection, underway)
        except (*errors.CONNECTION_LOST, *errors.BUSY) as error:
            raise errors.unavailable(error, server.label) from None
        if answered is None:
            continue
        if over:
            yield answered
        else:
            again.append(answered)


def _next_answer(connection: SimpleLDAPObject, underway: dict[int, _Looked]) -> tuple[_Looked | None, bool]:
    """Whose question was answered, and whether nothing more is to be asked for it."""
    try:
        _, data, message, *_ = connection.result4(ldap.RES_ANY, ldap.MSG_ALL, connection.timeout)
    except (*errors.CONNECTION_LOST, *errors.BUSY):
        raise
    except ldap.LDAPError as error:
        each = underway.pop(errors.details(error).get("msgid", 0), None)
        if each is None:
            raise ldap.SERVER_DOWN(*error.args) from None
        try:
            return each, each.question.refused(error)
        except ldap.LDAPError:
            each.unreadable = errors.server_text(error)
            return each, True
    each = underway.pop(message, None)
    if each is None:
        return None, False
    try:
        return each, each.question.take(data, connection)
    except (*errors.CONNECTION_LOST, *errors.BUSY):
        raise
    except (ldap.LDAPError, Broken) as error:
        each.unreadable = errors.server_text(error) if isinstance(error, ldap.LDAPError) else str(error)
        return each, True
