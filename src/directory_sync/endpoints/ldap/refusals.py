"""What a server's refusal of one write means: a conflict or a failure, in words that name object, attribute
and remedy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import ldap

from directory_sync.definition.passwords import is_password
from directory_sync.dn import NameSyntaxError, naming, parse
from directory_sync.endpoints.change import Result
from directory_sync.endpoints.ldap import errors
from directory_sync.endpoints.ldap.operations import Add, Delete, Modify, Operation, Rename
from directory_sync.endpoints.ldap.schema import base_name


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a write was not applied.

    Attributes:
        result: conflict or failed.
        message: one or two sentences, without the object's name.
        look: the object itself tells more (or that the change is there already), so it is worth looking at.
        computed: the value that could not be taken away may be one that the server computes.
        taken: attributes and values of which another object has one, where the directory lets only one object
            have it; the server does not always say which of them it is.
    """

    result: Result
    message: str
    look: bool = False
    computed: bool = False
    taken: tuple[tuple[str, bytes], ...] = ()


_DANGLING = re.compile(
    r"00000525|specified dn doesn't exist|referenced object not found|non-existing object as group member",
    re.IGNORECASE,
)
_MUST = re.compile(r"""(?:requires|missing) attribute ['"]([^'"]+)['"]""")
_QUOTED = re.compile(r"""attribute ['"]([^'"]+)['"]|privilege to the '([^']+)' attribute""", re.IGNORECASE)
_NAMED = re.compile(r"attribute ([A-Za-z][\w-]*) on ")
_LEADING = re.compile(r"^([A-Za-z][\w;.-]*): ")
# 00000524 and 00000526: ERROR_USER_EXISTS and ERROR_GROUP_EXISTS of Active Directory, for an account name.
_IN_USE = re.compile(r"samAccountName|userPrincipalName|already in use|0000052[46]", re.IGNORECASE)
# OpenLDAP's overlay `unique` (2.5 and later, before), 389 Directory Server's plug-in, Samba, Active
# Directory.
_NOT_UNIQUE = re.compile(
    r"non-unique attributes|attributes not unique|same attribute value already exists|already in"
    r" use|000021C[78]",
    re.IGNORECASE,
)
_FILTERED = re.compile(r"\(([A-Za-z][\w;.-]*)=")
_PLUGIN_NAMED = re.compile(r"""\(attribute: "([^"]+)"\)""")

_ABOUT_SECRETS = "password|0000052D"
_ONE_VALUE = "multiple values|SINGLE-VALUE"
_ABOUT_VALUES = (ldap.CONSTRAINT_VIOLATION, ldap.TYPE_OR_VALUE_EXISTS, ldap.OBJECT_CLASS_VIOLATION)

# (exception, pattern in the server's text or None, meaning, remedy); the first that fits counts. The codes
# are those of RFC 4511, appendix A; Samba, Active Directory and 389 Directory Server use some in their own
# way, which only the text tells.
_FAILURES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str | None, str, str], ...] = (
    (
        ldap.NO_SUCH_ATTRIBUTE,
        "not found in the schema",
        "the directory's schema has no such attribute",
        "Correct the field's name.",
    ),
    (
        ldap.NO_SUCH_ATTRIBUTE,
        "not a valid objectClass",
        "the directory's schema has no such object class",
        "Correct object_classes.",
    ),
    (ldap.UNDEFINED_TYPE, None, "the directory's schema has no such attribute", "Correct the field's name."),
    (
        ldap.OBJECT_CLASS_VIOLATION,
        "unknown object class",
        "the directory's schema has no such object class",
        "Correct object_classes.",
    ),
    (
        _ABOUT_VALUES,
        _ONE_VALUE,
        "the attribute holds only one value",
        "Choose one value with a transformation.",
    ),
    (
        ldap.OBJECT_CLASS_VIOLATION,
        "requires attribute|missing attribute",
        "the object's classes demand a value for this attribute",
        "Map a value to it, or have it filled at the source.",
    ),
    (
        ldap.OBJECT_CLASS_VIOLATION,
        None,
        "the object would not fit its object classes",
        (
            "Map only attributes that the object's classes allow and all that they demand. object_classes of"
            " the job is for new objects: one that exists keeps its classes, so add what it lacks there."
        ),
    ),
    (
        (ldap.CONSTRAINT_VIOLATION, ldap.UNWILLING_TO_PERFORM),
        _ABOUT_SECRETS,
        "the password does not meet the directory's rules",
        "Use a longer or more varied one.",
    ),
    (
        (ldap.CONSTRAINT_VIOLATION, ldap.UNWILLING_TO_PERFORM),
        "modified as system|no user modification|not modifiable|must not be specified",
        "only the server itself sets this attribute",
        "Take the field out of the mapping.",
    ),
    (
        ldap.CONSTRAINT_VIOLATION,
        None,
        "a value breaks a rule of the directory (its form, length, range or number)",
        "Correct the value at the source, or have the rule changed.",
    ),
    (
        ldap.INVALID_SYNTAX,
        None,
        "a value does not have the form that the attribute's syntax demands",
        "Correct the value at the source.",
    ),
    (
        ldap.INVALID_DN_SYNTAX,
        None,
        "a name is not a DN that the directory takes",
        "Correct the value that it is made of.",
    ),
    (
        ldap.NAMING_VIOLATION,
        None,
        "the directory does not allow this name at this place",
        "Look at the naming attribute (rdn) and the container.",
    ),
    (
        ldap.INSUFFICIENT_ACCESS,
        None,
        "the login may not do this",
        "Grant the connection's login the right to write this object and attribute, or use another login.",
    ),
    (
        (ldap.STRONG_AUTH_REQUIRED, ldap.CONFIDENTIALITY_REQUIRED),
        None,
        "the directory wants a login or an encrypted connection for this",
        "Enter a login, and set security to ldaps or starttls.",
    ),
    (
        ldap.NOT_ALLOWED_ON_NONLEAF,
        None,
        "there are objects below it that the plan does not delete",
        "Delete or move them first, or leave the container out of the job.",
    ),
    (
        ldap.NOT_ALLOWED_ON_RDN,
        None,
        "the attribute names the object",
        "Set rdn so that the change becomes a rename.",
    ),
    (
        ldap.INAPPROPRIATE_MATCHING,
        None,
        "the attribute's values cannot be told apart by the directory",
        "Report this: the schema changed while the job ran.",
    ),
    (
        ldap.UNAVAILABLE_CRITICAL_EXTENSION,
        None,
        "the directory does not support a control it offers",
        "Set flavour in the connection's extra.",
    ),
    (
        ldap.OPERATIONS_ERROR,
        "checking for attribute uniqueness",
        # 389 Directory Server 2.3: every rename of such an object, also if nothing unique changes.
        "the server's check for unique values fails for objects whose names hold characters such as commas",
        (
            "Rename it while the plug-in Attribute Uniqueness is off, or set rdn to an attribute without such"
            " characters."
        ),
    ),
    (
        ldap.REFERRAL,
        None,
        "another server holds this object",
        "Make a connection to that server; referrals are not followed.",
    ),
    (
        ldap.UNWILLING_TO_PERFORM,
        None,
        "the server refused this (unwillingToPerform)",
        "Look at its own text.",
    ),
)


def refusal(error: ldap.LDAPError, operation: Operation) -> Refusal:
    """Read a server's answer to one operation."""
    text = _without_secrets(errors.server_text(error), operation)
    subject = _subject(text, operation)
    if _DANGLING.search(text):
        return _failed(
            subject or _only(name for name, values in attributes(operation) if all(map(_is_name, values))),
            "a value names an object that does not exist",
            "Create that object first, or take the value out.",
            text,
        )
    if isinstance(error, ldap.CONSTRAINT_VIOLATION | ldap.ALREADY_EXISTS) and _NOT_UNIQUE.search(text):
        return _not_unique(text, operation)
    for kinds, pattern, meaning, remedy in _FAILURES:
        if isinstance(error, kinds) and (pattern is None or re.search(pattern, text, re.IGNORECASE)):
            if pattern == _ABOUT_SECRETS:
                subject = subject or _only(name for name, _ in attributes(operation) if is_password(name))
            # A value that is added where none was seen proves by the one refusal that there is one now; by
            # the other Active Directory says that a member is there already, or gone (Win32 errors 1377 and
            # 1378).
            worth_a_look = pattern == _ONE_VALUE or isinstance(error, ldap.UNWILLING_TO_PERFORM)
            look = worth_a_look and isinstance(operation, Modify)
            return replace(_failed(subject, meaning, remedy, text), look=look)
    if isinstance(error, ldap.ALREADY_EXISTS):
        if _IN_USE.search(text) and not isinstance(operation, Modify):
            return _not_unique(text, operation)
        what = (
            "the value is there already"
            if isinstance(operation, Modify)
            else "an object of this name exists already"
        )
        return Refusal(Result.CONFLICT, f"{what}. Nothing was overwritten; run the job again.", look=True)
    if isinstance(error, ldap.NO_SUCH_OBJECT):
        if isinstance(operation, Add):
            return _failed(
                "", "the container does not exist", "Create it first, or correct the container.", text
            )
        if isinstance(operation, Rename) and operation.new_superior is not None:
            # Whether the object or the new container is missing, only a look at the object tells.
            return Refusal(
                Result.FAILED,
                f"the container {operation.new_superior} does not exist. Create it first, or correct the"
                " container.",
                look=True,
            )
        return Refusal(Result.CONFLICT, "the object does not exist any more. Run the job again.", look=True)
    if isinstance(error, ldap.ASSERTION_FAILED | ldap.NO_SUCH_ATTRIBUTE | ldap.TYPE_OR_VALUE_EXISTS):
        return Refusal(
            Result.CONFLICT,
            "the directory says that the object is not as it was when the change was planned, although all"
            " that can be read is. If that stays so, the login may lack the right to search or compare an"
            f" attribute of this job. Nothing was overwritten. Server: {text}.",
            look=True,
            computed=isinstance(error, ldap.NO_SUCH_ATTRIBUTE),
        )
    return _failed(subject, "the directory refused the change", "Look at its own text and log.", text)


def held_by(refused: Refusal, holders: Sequence[tuple[str, str]]) -> str:
    """The message of a refusal for a value that is taken, once it is known who has it: attributes, and DNs of
    objects.

    The value itself is not told: the job may have declared the field a secret.
    """
    if not holders:
        return refused.message
    found = " or ".join(f"{dn} has the same {name}" for name, dn in holders)
    unsure = " The directory does not say which of them it means." if len(holders) > 1 else ""
    return (
        f"{found}, and the directory lets only one object have it.{unsure} Take the value from that object,"
        " or correct it at the source."
    )


def _not_unique(text: str, operation: Operation) -> Refusal:
    """A refusal because another object has the value of an attribute."""
    written = tuple((name, value) for name, values in _given(operation) for value in values)
    named = {base_name(name) for pattern in (_FILTERED, _PLUGIN_NAMED) for name in pattern.findall(text)}
    subject = _subject(text, operation)
    if not named and subject:
        named = {base_name(subject)}
    told = tuple((name, value) for name, value in written if base_name(name) in named)
    taken = told or written
    names = dict.fromkeys(name for name, _ in taken)
    about = " or ".join(names) if told or len(names) == 1 else ""
    # The server's text may hold the value, which may be a secret.
    return Refusal(
        Result.FAILED,
        f"{about and f'{about}: '}another object has this value, and the directory lets only one have it."
        " Take it from that object, or correct it at the source.",
        taken=taken,
    )


def _given(operation: Operation) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    """The attributes and values that an object gets by an operation."""
    match operation:
        case Add(_, attributes):
            yield from attributes
        case Modify(_, modifications):
            yield from ((part.attribute, part.values) for part in modifications if part.kind != "delete")
        case Rename(_, new_rdn, _, _, _):
            try:
                yield from (
                    (ava.attribute, (ava.value.encode(),)) for ava in naming(new_rdn) if not ava.hexadecimal
                )
            except NameSyntaxError:
                return


def _failed(subject: str, meaning: str, remedy: str, text: str) -> Refusal:
    return Refusal(Result.FAILED, f"{f'{subject}: ' if subject else ''}{meaning}. {remedy} Server: {text}.")


def attributes(operation: Operation) -> Iterable[tuple[str, tuple[bytes, ...]]]:
    """The attributes and values that an operation writes."""
    match operation:
        case Add(_, written):
            return written
        case Modify(_, modifications):
            return tuple((part.attribute, part.values) for part in modifications)
        case Rename() | Delete():
            return ()


def _subject(text: str, operation: Operation) -> str:
    """The attribute that the server's text is about, as the job spells it; empty if it names none."""
    written = {base_name(name): name for name, _ in attributes(operation)}
    inside = text[text.find("(") + 1 :]
    for pattern in (_MUST, _QUOTED, _NAMED, _LEADING):
        if found := pattern.search(inside):
            name = str(next(filter(None, found.groups())))
            if pattern is not _LEADING or base_name(name) in written:
                return written.get(base_name(name), name)
    words = {word.lower() for word in re.findall(r"[A-Za-z][\w-]*", inside)}
    named = [name for base, name in written.items() if base in words]
    if len(named) == 1:
        return named[0]
    return next(iter(written.values())) if len(written) == 1 else ""


def _only(names: Iterable[str]) -> str:
    """The one name among these; empty if there are several or none."""
    found = list(names)
    return found[0] if len(found) == 1 else ""


def _is_name(value: bytes) -> bool:
    try:
        return bool(parse(value.decode()))
    except (NameSyntaxError, UnicodeDecodeError):
        return False


def _without_secrets(text: str, operation: Operation) -> str:
    for name, values in attributes(operation):
        if is_password(name):
            for value in values:
                for encoding in ("utf-8", "utf-16-le"):
                    secret = value.decode(encoding, errors="replace").strip('"')
                    if secret:
                        text = text.replace(secret, "***")
    return text
