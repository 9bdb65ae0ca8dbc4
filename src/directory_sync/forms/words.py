"""What people call the keys and choices of a definition, where that is not the key's own name.

Labels that users of the product before know are fixed (`docs/concepts.md`); everything else is the key in
words. Help is the description of the model, unless that speaks of YAML.
"""

from __future__ import annotations

from collections.abc import Mapping

LABELS: Mapping[tuple[str, str], str] = {
    ("Collection", "timezone"): "Time zone",
    ("Collection", "schedule"): "When it runs",
    ("Collection", "start"): "Start",
    ("Collection", "end"): "End",
    ("Collection", "limit_window"): "Count earlier removals for",
    ("Job", "limit_window"): "Count earlier removals for",
    ("Job", "on_failure"): "On Failure",
    ("Job", "object"): "Object type",
    ("Job", "object_classes"): "Object classes",
    ("Job", "rdn"): "Naming attribute",
    ("Job", "missing_at_destination"): "Missing at destination",
    ("Job", "missing_at_source"): "Missing at source",
    ("Job", "remove"): "What may be removed",
    ("Job", "returning"): "Objects that return",
    ("Job", "records"): "Records",
    ("Job", "wait_for_approval"): "Wait for approval",
    ("Job", "retries"): "Retries",
    ("Notifications", "when"): "Send mail",
    ("Notifications", "to"): "Recipients",
    ("ApprovalPolicy", "when"): "When to ask",
    ("ApprovalPolicy", "changes"): "Only for these changes",
    ("ApprovalPolicy", "fields"): "Only for these fields",
    ("ApprovalPolicy", "require"): "How many must agree",
    ("ApprovalPolicy", "self_approval"): "The requester’s own approval",
    ("ApprovalPolicy", "expires"): "Ends undecided after",
    ("Escalation", "after"): "After",
    ("Escalation", "levels"): "Next approvers",
    ("Escalation", "default"): "Last instance",
    ("MoveMissing", "move"): "Container",
    ("MoveMissing", "disable"): "Disable them too",
    ("MoveMissing", "delete"): "Delete them after",
    ("DisableMissing", "delete"): "Delete them after",
    ("ChangedSince", "changed_since"): "Timestamp field",
    ("DirectoryDestination", "base"): "Look for objects below",
    ("DirectoryDestination", "move_existing"): "Move existing objects",
    ("DirectoryDestination", "unmanaged_match"): "Objects with a record’s key outside base or filter",
    ("FileEndpoint", "complete"): "Accept a file whose last line has no line break",
    ("FileEndpoint", "mode"): "Rows that the file holds already",
}
"""Model and key → label."""

HELP: Mapping[tuple[str, str], str] = {
    (
        "Collection",
        "name",
    ): "Small letters, digits and `_`, beginning with a letter; it is the id of the DAG.",
    ("Collection", "title"): "Shown instead of the name.",
    ("Collection", "owners"): "User names. They may edit this collection.",
    ("Collection", "schedule"): "Several are allowed. Without any it runs only by hand.",
    (
        "Collection",
        "start",
    ): "No scheduled run before this date or time, as in `2026-01-31` or `2026-01-31 18:00`.",
    ("Collection", "end"): "No scheduled run after this date or time.",
    ("Collection", "limits"): "Most changes of each kind: a number, a percentage such as `10%`, both as in"
    " `10%, 200` (the smaller counts), or `none`.",
    ("Job", "name"): "Small letters, digits and `_`, beginning with a letter; unique in the collection.",
    ("Job", "enabled"): "Untick to leave the job out of runs.",
    ("Job", "on_failure"): "Whether the jobs after this one still run when it fails.",
    ("Job", "missing_at_destination"): "A record without an object at the destination.",
    ("Job", "missing_at_source"): "An object whose record is gone.",
    ("Job", "remove"): "Which objects may be deleted, disabled or moved because their record is gone.",
    ("Job", "returning"): "A moved or disabled object whose record is back.",
    ("Job", "records"): "Which records a run looks at.",
    ("Job", "limits"): "Most changes of each kind: a number, a percentage such as `10%`, both as in"
    " `10%, 200` (the smaller counts), or `none`. Empty: what the collection says.",
    ("Notifications", "when"): "Which runs are reported.",
    ("Notifications", "to"): "Each is a mail address, the word `owners`, or users and roles.",
    ("ApprovalPolicy", "when"): "Which runs wait for an approval.",
    ("DirectoryDestination", "container"): "Where new objects go.",
    ("FileEndpoint", "filter"): "LDAP filter (RFC 4515) over attributes or columns: which entries or rows are"
    " records.",
    ("FileEndpoint", "mode"): "What a run does with them.",
    (
        "FileEndpoint",
        "complete",
    ): "Otherwise the last record of such a file counts as cut off: it is not used,"
    " and nothing is removed in that run.",
}
"""Model and key → help."""

CHOICES: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("Job", "on_failure"): {"abort": "Abort", "continue": "Continue"},
    ("Job", "missing_at_destination"): {"create": "Create it", "skip": "Leave it out"},
    ("Job", "missing_at_source"): {
        "skip": "Leave it alone",
        "delete": "Delete it",
        "disable": "Disable it",
        "MoveMissing": "Move it to a container",
        "DisableMissing": "Disable it now and delete it later",
    },
    ("Job", "remove"): {
        "known": "Only what this job has created or matched before",
        "all": "Everything that base and filter select",
    },
    ("Job", "returning"): {"report": "Report it", "restore": "Restore it"},
    ("Job", "records"): {
        "all": "All records",
        "changed": "Only changed records",
        "ChangedSince": "Only records with a newer timestamp",
    },
    ("Job", "object"): {
        "user": "User",
        "inetOrgPerson": "inetOrgPerson",
        "contact": "Contact",
        "group": "Group",
        "organizationalUnit": "Organizational unit",
        "mail_user": "Mail user",
        "mail_contact": "Mail contact",
        "row": "Row",
    },
    ("Job", "approval"): {
        "": "As the collection says",
        "none": "No approval",
        "ApprovalPolicy": "A policy of this job",
    },
    ("Collection", "approval"): {"none": "No approval", "ApprovalPolicy": "Ask for approval"},
    ("Notifications", "when"): {
        "": "Never",
        "always": "Always",
        "records_updated": "Records are updated",
        "errors": "One or more errors occur",
        "failure": "Job fails",
    },
    ("Notifications", "to"): {"text": "Mail address, or owners", "Approvers": "Users and roles"},
    ("ApprovalPolicy", "when"): {
        "always": "Always",
        "manual": "Manual runs, and the first run of a job that is new or was edited",
        "over_limit": "Only runs over a limit",
    },
    ("ApprovalPolicy", "changes"): {},
    ("ApprovalPolicy", "self_approval"): {
        "forbid": "Does not count",
        "allow": "Counts",
        "auto": "Is given by asking",
    },
    ("Escalation", "levels"): {
        "manager": "The manager of those who were asked",
        "Approvers": "Users and roles",
    },
    ("DirectoryDestination", "container"): {
        "text": "One container",
        "FieldContainer": "The DN in a source field",
        "TemplateContainer": "Computed by a template",
    },
    ("DirectoryDestination", "unmanaged_match"): {"refuse": "Refuse", "reuse": "Reuse"},
    ("*", "scope"): {"subtree": "Subtree", "one": "One level", "base": "The base object only"},
    ("FileEndpoint", "mode"): {
        "replace": "Replace: rows of others are discarded",
        "merge": "Merge: rows of others stay",
        "append": "Append",
    },
    ("Job", "source"): {"DirectorySource": "Directory", "SqlSource": "Database", "FileEndpoint": "File"},
    ("Job", "destination"): {
        "DirectoryDestination": "Directory",
        "SqlDestination": "Database",
        "FileEndpoint": "File",
    },
}
"""Model and key → value → what it is called; a variant's key is the name of its model, or `text`."""

NOUNS: Mapping[str, str] = {
    "owners": "owner",
    "tags": "tag",
    "users": "user",
    "roles": "role",
    "to": "recipient",
    "levels": "level",
    "changes": "kind of change",
    "fields": "field",
    "object_classes": "object class",
    "schedule": "schedule",
}
"""Key of a list → what one of its items is called."""

MODELS: Mapping[str, tuple[str, ...]] = {
    "approval": ("ApprovalPolicy",),
    "escalation": ("Escalation",),
    "notifications": ("Notifications",),
    "source": ("DirectorySource", "FileEndpoint"),
    "destination": ("DirectoryDestination", "FileEndpoint"),
    "missing_at_source": ("MoveMissing", "DisableMissing"),
    "records": ("ChangedSince",),
}
"""Key → models whose labels its own keys have."""

DURATION_HELP = "As in `15m`, `12h` or `2d`."


def label_of(model: str, key: str) -> str:
    """What a key is called."""
    return LABELS.get((model, key)) or key.replace("_", " ").capitalize()


def choice_of(model: str, key: str, value: str) -> str:
    """What a value of a key is called."""
    for known in ((model, key), ("*", key)):
        if value in (names := CHOICES.get(known, {})):
            return names[value]
    return value.replace("_", " ").capitalize() if value else "None"


def noun_of(key: str) -> str:
    """What an item of a list is called."""
    return NOUNS.get(key, "entry")
