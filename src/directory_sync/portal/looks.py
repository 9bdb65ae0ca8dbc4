"""Looks at endpoints that people ask for on pages and through the REST API: who may, and where they are
taken.

Only connections that the person could save a definition with are looked at, so that a look shows nothing that
a preview would not.
"""

from __future__ import annotations

from dataclasses import dataclass

from directory_sync import settings
from directory_sync.collections.saving import SavingRules
from directory_sync.definition.loading import Loaded
from directory_sync.errors import LookError, NotAllowed
from directory_sync.looking.answering import Given
from directory_sync.looking.answers import Answer
from directory_sync.looking.children import CHILDREN
from directory_sync.looking.questions import AnyQuestion, OfJob, Side, TryRecord, connections_of
from directory_sync.portal import airflow_connections
from directory_sync.portal.access import Visitor
from directory_sync.portal.definition_cache import DEFINITIONS
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.rights.choosing import Place, classes_to_see, places_of, why_not_choose
from directory_sync.rights.editing import may_edit
from directory_sync.rights.judgement import BrokenRule, RuleCode
from directory_sync.rights.words import broken_rule_text, edit_right_text
from directory_sync.store.store import Store

LDAP = "ldap"
"""The type of connections that jobs can use; databases cannot be used yet."""


@dataclass(frozen=True, slots=True)
class Usable:
    """A connection that a person may use.

    Attributes:
        name: its name.
        type: Airflow's connection type.
        sides: as which it may be used.
    """

    name: str
    type: str
    sides: tuple[Side, ...]


def take(store: Store, visitor: Visitor, question: AnyQuestion, *, collection: str | None = None) -> Answer:
    """What an endpoint answers, from the API server.

    `collection`: the saved collection that is being edited; its owners may look at what it uses.

    Raises NotAllowed, EndpointError, LookError and what `saving_rules` raises.
    """
    rules = saving_rules(visitor)
    places = _places(question)
    known = _known(store, visitor, rules, collection)
    for place in places:
        _require_choice(visitor, rules, place, known)
    if settings.endpoint_access() == "worker":
        raise LookError(
            "Airflow's API server looks at no directories in this deployment, and this version cannot ask"
            " workers to. If the API server reaches your directories, an administrator can set"
            " endpoint_access to api_server. Otherwise type what you need, and see by Preview what it does."
        )
    given = Given(
        {name: airflow_connections.read_connection(name) for _, name in places if name is not None},
        settings.data_folder(),
        tuple(classes_to_see(places[0], rules.connection_rules)),
        settings.script_modules(),
        rules.connection_rules,
    )
    return CHILDREN.answer(question, given, by=visitor.person.name)


def _places(question: AnyQuestion) -> list[Place]:
    """What a question looks at."""
    if isinstance(question, OfJob):
        both: list[Place] = [("source", question.source_connection)]
        if isinstance(question, TryRecord):
            both.append(("destination", question.destination_connection))
        return both
    return [(question.side, name) for name in connections_of(question)] or [(question.side, None)]


def usable_connections(
    store: Store, visitor: Visitor, *, collection: str | None = None
) -> tuple[Usable, ...]:
    """The connections to directories that the visitor may use, by name.

    Those that only a secrets backend has cannot be listed; they are found where rules or the collection name
    them. Raises EditRefused's text as NotAllowed for those who may write no definition; StoreError.
    """
    rules = saving_rules(visitor)
    known = _known(store, visitor, rules, collection)
    types = airflow_connections.in_database()
    named = set(rules.connection_rules.connections) if rules.connection_rules is not None else set()
    named |= {name for _, name in known if name is not None}
    lower = {name.lower() for name in (*types, *named)}
    named |= {name for name in airflow_connections.in_environment() if name not in lower}
    may = {
        name: sides
        for name in (*types, *sorted(named - set(types)))
        if (sides := _sides(visitor, rules, name, known))
    }
    types |= airflow_connections.types_of(name for name in may if name not in types)
    found = (Usable(name, types[name], sides) for name, sides in may.items() if types.get(name) == LDAP)
    return tuple(sorted(found, key=lambda each: each.name))


def may_use_files(store: Store, visitor: Visitor, *, collection: str | None = None) -> tuple[Side, ...]:
    """As which sides the visitor may use files of the data folder."""
    rules = saving_rules(visitor)
    return _sides(visitor, rules, None, _known(store, visitor, rules, collection))


def _sides(
    visitor: Visitor, rules: SavingRules, name: str | None, known: frozenset[Place]
) -> tuple[Side, ...]:
    both: tuple[Side, ...] = ("source", "destination")
    return tuple(side for side in both if _why_not(visitor, rules, (side, name), known) is None)


def _known(store: Store, visitor: Visitor, rules: SavingRules, collection: str | None) -> frozenset[Place]:
    """What the collection uses that is being edited. Raises NotAllowed for those who may not edit it, or, if
    none is, create one.
    """
    newest = None
    if collection is not None and visitor.may_see(collection):
        newest = store.collections.get(collection)
    found = None if newest is None else DEFINITIONS.judge(newest.document, rules.templates)
    saved = found.collection if isinstance(found, Loaded) else None
    right = may_edit(
        visitor.person,
        () if saved is None else saved.owners,
        rules.collection_roles,
        rules.administrators,
    )
    if not right.allowed:
        raise NotAllowed(edit_right_text(right, rules.collection_roles, rules.administrators))
    return frozenset() if saved is None else places_of(saved)


def _why_not(visitor: Visitor, rules: SavingRules, place: Place, known: frozenset[Place]) -> RuleCode | None:
    return why_not_choose(
        place, rules.connection_rules, visitor.person.roles, rules.administrators, known=known
    )


def _require_choice(visitor: Visitor, rules: SavingRules, place: Place, known: frozenset[Place]) -> None:
    """Raise NotAllowed, in the same words whether there is such a connection or not."""
    code = _why_not(visitor, rules, place, known)
    if code is None:
        return
    side, name = place
    if code is RuleCode.SPELLED_OTHERWISE and name is not None and rules.connection_rules is not None:
        subject = (rules.connection_rules.spelled(name) or "",)
        message, hint = broken_rule_text(BrokenRule(code, "", (), side, name, subject))
        raise NotAllowed(f"{message[:1].upper()}{message[1:]}: {hint}.")
    what = "files of the data folder" if name is None else f"connection {name}"
    if code is RuleCode.ONLY_ADMINISTRATORS:
        raise NotAllowed(
            f"You may not use {what} as a {side}: only administrators choose connections here, as this"
            " deployment has no rules of connections. Ask one to set connection_rules, or to make the job."
        )
    raise NotAllowed(
        f"You may not use {what} as a {side}: the rules of connections name none of your roles for it. Ask an"
        " administrator to name one, or choose another connection."
    )
