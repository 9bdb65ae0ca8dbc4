"""Words for what may not be done with a collection or a connection, and what to do about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from directory_sync.definition.loading import Broken, Loaded
from directory_sync.definition.places import Places
from directory_sync.definition.problems import Problem, Severity
from directory_sync.printable import printable
from directory_sync.rights.editing import EditRight
from directory_sync.rights.judgement import BrokenRule, RuleCode
from directory_sync.rights.written import Way

_RULES = "by the rules of the deployment, "


def edit_right_text(right: EditRight, roles: Collection[str], administrators: Collection[str]) -> str:
    """Why a person may not change a collection, for that person; why they may, for the log.

    Args:
        right: what `may_edit` says.
        roles, administrators: as `may_edit` got them.
    """
    named = printable(", ".join(roles or administrators)) or "no role at all"
    match right:
        case EditRight.BY_ROLE:
            return "One of your roles may create, edit, delete and import all collections."
        case EditRight.AS_OWNER:
            return "You are an owner of the collection."
        case EditRight.NOT_VERIFIED:
            return "No one has checked who you are. Log in to Airflow."
        case EditRight.NEITHER:
            return (
                "You may not create, edit or delete this collection: that takes one of these roles:"
                f" {named}; or your name in its list of owners. An administrator can give you either."
            )
        case EditRight.SPELLED_OTHERWISE:
            return (
                "You may not edit this collection: an owner has nearly your user name, but names have to be"
                " spelled exactly as Airflow knows them. Ask a person with one of these roles to correct the"
                f" list of owners: {named}."
            )
        case EditRight.OWNERS_CHANGED:
            return (
                "You may edit this collection, but not change who owns it. Leave owners as they are, or ask a"
                f" person with one of these roles: {named}."
            )


def rule_problems(
    broken: Iterable[BrokenRule], places: Places, *, severity: Severity = "error"
) -> list[Problem]:
    """Broken rules as problems of the collection, where they are."""
    return [
        places.problem(rule.path, *broken_rule_text(rule), severity=severity, at_key=_at_key(rule))
        for rule in broken
    ]


def as_broken(loaded: Loaded, broken: Sequence[BrokenRule]) -> Loaded | Broken:
    """A collection as one that cannot be used, if it breaks rules; else as it is."""
    if not broken:
        return loaded
    problems = (*loaded.problems, *rule_problems(broken, loaded.places))
    return Broken(loaded.document, loaded.name, problems)


def broken_rule_text(rule: BrokenRule) -> tuple[str, str]:
    """What a collection may not do, and what would be right."""
    place = "files of the data folder" if rule.connection is None else f"connection {rule.connection}"
    use = f"{place} may not be used as a {rule.side}"
    subject, allowed = ", ".join(rule.subject), ", ".join(rule.allowed)
    match rule.code:
        case RuleCode.ROLES:
            message = f"{_RULES}{use} with the roles of the person who saved this"
            told = f"only those with one of these roles may: {allowed}" if allowed else "no one may"
            return message, f"{told}; let one of them save it, or use another connection"
        case RuleCode.ONLY_ADMINISTRATORS:
            hint = f"let a person with one of these roles save it: {allowed}" if allowed else ""
            return f"{use} unless an administrator has chosen it", hint
        case RuleCode.SPELLED_OTHERWISE:
            named = f"the rules of the deployment name {subject}, which may be the same as {place}"
            return named, f"write {subject}"
        case RuleCode.OBJECT:
            hint = f"it may for {allowed}" if allowed else "it may for none"
            return f"{_RULES}{use} for the object type {subject}", hint
        case RuleCode.OBJECT_CLASSES:
            what = f"the classes {subject} to objects" if subject else "classes out of the source to objects"
            return f"{_RULES}no job gives {what} of {place}", f"allowed are {allowed}"
        case RuleCode.OBJECT_FILTER:
            message = f"{_RULES}not every object type of {place} may be written, but this job manages any"
            hint = f"let its filter demand {_filters(rule.allowed)}" if allowed else "use another connection"
            return message, hint
        case RuleCode.UNMANAGED_MATCH:
            message = f"{_RULES}not every object type of {place} may be written, but reuse takes any"
            return message, "leave unmanaged_match out"
        case RuleCode.NEVER_WRITE:
            return f"{_RULES}no job writes {subject} to {place}", _instead(rule)


def _instead(rule: BrokenRule) -> str:
    match rule.way:
        case Way.NAMING:
            return "but this job names its objects by it; name them by another attribute with rdn"
        case Way.ANY_NAME:
            return "because it may name entries by a field that is never written; leave dn out of the fields"
        case Way.CLASSES:
            return "but new objects have classes; write missing_at_destination: skip, without object_classes"
        case Way.DISABLING:
            return "but disabling an object may write it; choose something else for missing_at_source"
        case Way.PASSWORD:
            return "nor any other password; take it out of the fields"
        case _:
            return "take it out of the fields"


def _filters(classes: Iterable[str]) -> str:
    return " or ".join(f"(objectClass={name})" for name in classes)


def _at_key(rule: BrokenRule) -> bool:
    """A field's place is its name; anything else is found by its value."""
    return rule.code is RuleCode.NEVER_WRITE and rule.way in (Way.FIELD, Way.PASSWORD)
