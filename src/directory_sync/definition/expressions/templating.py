"""Templates of definitions: compiled once, rendered for each record, hostile ones included. The bounds are in
`sandbox`.

A definition is checked with `compile_template` too, so that nothing is accepted that a run would refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from jinja2 import TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.environment import Template

from directory_sync.definition.expressions.sandbox import (
    MAX_TEXT,
    BoundExceeded,
    Budget,
    Guard,
    Sandbox,
    bounded,
    budget,
    refused_statement,
)
from directory_sync.definition.problems import suggest
from directory_sync.errors import RecordCancelled, RecordError

MAX_SOURCE = 16 * 1024
"""Characters in a template."""

RECORD = "record"
"""The variable that holds all fields by name, for names that are no words: `{{ record['my-attribute'] }}`."""

_MAX_REASON = 500
_EXAMPLE = 'Write it as in "{{ givenName|lower }}.{{ sn|lower }}@lab.example".'
_USE_A_SCRIPT = "Use a script for this."
_SEVERAL_WORDS = re.compile(r"\{(?:\{|%-?\s*(?:el)?if\s)-?\s*([^\W\d]\w*(?:[ \t]+\w+)+)\s*(?:\||[-+]?[%}]\})")
"""Words that follow each other where one name belongs: mostly the name of a column that holds a space."""
_KEYWORDS = frozenset({"if", "else", "is", "in", "not", "and", "or"})


class ExpressionError(ValueError):
    """A template that cannot be used.

    Attributes:
        message: what is wrong, with the template's line.
        remedy: what would be right, as a sentence.
    """

    def __init__(self, message: str, remedy: str, *, line: int | None = None) -> None:
        self.message = message if line is None else f"line {line}: {message}"
        self.remedy = remedy
        super().__init__(f"{self.message}. {remedy}")


def _skip(reason: Any = "") -> NoReturn:
    raise RecordCancelled(str(reason)[:_MAX_REASON] or "left out by its template")


def _fail(reason: Any = "") -> NoReturn:
    raise RecordError(str(reason)[:_MAX_REASON] or "failed by its template")


def _range(*arguments: int) -> list[int]:
    made: list[int] = bounded(range(*arguments))
    return made


_FUNCTIONS = {"skip": _skip, "fail": _fail, "range": _range}


def _escaped(value: str) -> str:
    # Importing python-ldap takes longer than all else that is needed to check a definition.
    from ldap.dn import escape_dn_chars

    return str(escape_dn_chars(value))


# One environment for texts and one for DNs: what a template writes into a DN is always a value, never a part
# of its structure.
_TEXTS = Sandbox(escape=str)
_NAMES = Sandbox(escape=_escaped)


class CompiledTemplate:
    """A template that is ready to be rendered.

    Attributes:
        fields: the source fields it reads, as it spells them.
    """

    def __init__(self, template: Template, fields: Sequence[str], variables: Sequence[str]) -> None:
        self._template = template
        self._variables = frozenset(variables)
        self.fields = tuple(fields)

    def render(self, values: Mapping[str, Sequence[bytes]]) -> str:
        """The text for one record, without white space around it.

        `values` are those of `fields`, by the names that stand there; absent ones are the empty text. Raises
        RecordError, also RecordCancelled, whatever the template does.
        """
        shown = {field: _shown(field, values.get(field, ())) for field in self.fields}
        variables: dict[str, Any] = {name: value for name, value in shown.items() if name in self._variables}
        variables.update(_FUNCTIONS)
        variables.setdefault(RECORD, shown)
        token = budget.set(Budget())
        try:
            text = self._write(variables).strip()
            text.encode()
        except RecordError:
            raise
        except BoundExceeded as error:
            raise RecordError(f"the template was stopped: {error}. Simplify it.") from None
        except RecursionError:
            raise RecordError("the template was stopped: it is nested too deeply. Simplify it.") from None
        except Exception as error:  # noqa: BLE001 - a template can make any exception there is; each is this record's fault
            reason = " ".join(str(error).split())[:_MAX_REASON] or type(error).__name__
            raise RecordError(
                f"the template failed: {reason}. Correct it, or have it test for such records first."
            ) from None
        finally:
            budget.reset(token)
        return text

    def _write(self, variables: dict[str, Any]) -> str:
        pieces: list[str] = []
        size = 0
        context = self._template.new_context(variables, shared=True)
        for piece in self._template.root_render_func(context):
            size += len(piece)
            if size > MAX_TEXT:
                raise BoundExceeded(f"the result is longer than {MAX_TEXT} characters")
            pieces.append(piece)
        return "".join(pieces)


def compile_template(text: str, *, names: bool = False) -> CompiledTemplate:
    """Compile a template. With `names` it gives a DN, and what `{{ … }}` writes is escaped (RFC 4514, section
    2.4).

    Raises ExpressionError.
    """
    if len(text) > MAX_SOURCE:
        raise ExpressionError(f"the template has more than {MAX_SOURCE} characters", _USE_A_SCRIPT)
    environment = _NAMES if names else _TEXTS
    try:
        tree = environment.parse(text)
        _check(tree, environment)
        undeclared = meta.find_undeclared_variables(tree) - _FUNCTIONS.keys()
        by_name = _named_through_record(tree) if RECORD in undeclared else []
        variables = sorted(undeclared - {RECORD})
        guarded = Guard().visit(tree)
        template = Template.from_code(environment, environment.compile(guarded), {})
    except TemplateSyntaxError as error:
        raise _syntax_error(text, error) from None
    except RecursionError:
        raise ExpressionError("the template is nested too deeply", _USE_A_SCRIPT) from None
    except ExpressionError:
        raise
    except ValueError:
        # Python refuses to read numbers of several thousand digits.
        raise ExpressionError(
            "the template cannot be compiled: a number in it is too large", _EXAMPLE
        ) from None
    except (TemplateError, SyntaxError, MemoryError, OverflowError) as error:
        raise ExpressionError(f"the template cannot be compiled: {error}", _EXAMPLE) from None
    return CompiledTemplate(template, list(dict.fromkeys([*variables, *by_name])), variables)


def _check(tree: nodes.Template, environment: Sandbox) -> None:
    """Raise ExpressionError for statements, filters and tests that there are not, and for `self`, which Jinja
    keeps for the template itself: it is there in every record, and never the field.
    """
    if refused := refused_statement(tree):
        node, what = refused
        raise ExpressionError(
            f"{what} cannot be used in a template here",
            f"Write the text out. {_USE_A_SCRIPT}",
            line=node.lineno,
        )
    for name in tree.find_all(nodes.Name):
        if name.name == "self":
            raise ExpressionError(
                "self stands for the template itself",
                f"Name a field that is called so as in {{{{ {RECORD}['self'] }}}}.",
                line=name.lineno,
            )
    known: tuple[tuple[type[nodes.Filter | nodes.Test], str, Iterable[str]], ...] = (
        (nodes.Filter, "filter", environment.filters),
        (nodes.Test, "test", environment.tests),
    )
    for kind, what, names in known:
        usable = sorted(name for name in names if name.isidentifier() and not name.startswith("_"))
        for node in tree.find_all(kind):
            if node.name not in usable:
                hint = suggest(node.name, usable, f"there are: {', '.join(usable)}.")
                raise ExpressionError(
                    f"there is no {what} {node.name!r}", hint[0].upper() + hint[1:], line=node.lineno
                )


def _syntax_error(text: str, error: TemplateSyntaxError) -> ExpressionError:
    for found in _SEVERAL_WORDS.finditer(text):
        if _KEYWORDS.isdisjoint(found[1].split()):
            name = " ".join(found[1].split())
            return ExpressionError(
                f"{name} is no single word, so it cannot stand in a template as it is",
                f'Name such a field as in {{{{ {RECORD}["{name}"] }}}}.',
                line=text.count("\n", 0, found.start()) + 1,
            )
    return ExpressionError(str(error.message).rstrip("."), _EXAMPLE, line=error.lineno)


def _named_through_record(tree: nodes.Template) -> list[str]:
    """The fields that are read as `record['name']`.

    Raises ExpressionError if that cannot be told from the text.
    """
    found: list[str] = []
    usual: set[int] = set()
    for node in tree.find_all(nodes.Expr):
        if not (isinstance(node, nodes.Getitem | nodes.Getattr) and isinstance(node.node, nodes.Name)):
            continue
        if isinstance(node, nodes.Getattr):
            name = node.attr
        elif isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            name = node.arg.value
        else:
            continue
        if node.node.name == RECORD:
            found.append(name)
            usual.add(id(node.node))
    for used in tree.find_all(nodes.Name):
        if used.name == RECORD and id(used) not in usual:
            raise ExpressionError(
                f"{RECORD} stands for all fields of the record",
                f"Name one, as in {RECORD}['employee-id'].",
                line=used.lineno,
            )
    return found


def _shown(field: str, values: Sequence[bytes]) -> str | list[str]:
    try:
        texts = [value.decode() for value in values]
    except UnicodeDecodeError:
        raise RecordError(
            f"the source field {field} is binary, and a template reads text only. Copy it with from: instead."
        ) from None
    if sum(map(len, texts)) > MAX_TEXT:
        raise RecordError(f"the source field {field} is too long for a template. Copy it with from: instead.")
    return texts[0] if len(texts) == 1 else texts or ""
