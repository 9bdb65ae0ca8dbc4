"""Templates of definitions: compiled once, rendered for each record, hostile ones included. The bounds are in `sandbox`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import ldap.dn
from jinja2 import TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.environment import Template

from directory_sync.errors import RecordCancelled, RecordError
from directory_sync.plan.mapping.sandbox import MAX_TEXT, BoundExceeded, Budget, Guard, Sandbox, bounded, budget, check_nodes

MAX_SOURCE = 16 * 1024
"""Characters in a template."""

RECORD = "record"
"""The variable that holds all fields by name, for names that are no words: `{{ record['my-attribute'] }}`."""

_MAX_REASON = 500


def _skip(reason: Any = "") -> NoReturn:
    raise RecordCancelled(str(reason)[:_MAX_REASON] or "left out by its template")


def _fail(reason: Any = "") -> NoReturn:
    raise RecordError(str(reason)[:_MAX_REASON] or "failed by its template")


def _range(*arguments: int) -> list[int]:
    made: list[int] = bounded(range(*arguments))
    return made


_FUNCTIONS = {"skip": _skip, "fail": _fail, "range": _range}

# One environment for texts and one for DNs: what a template writes into a DN is always a value, never a part of its structure.
_TEXTS = Sandbox(escape=str)
_NAMES = Sandbox(escape=ldap.dn.escape_dn_chars)


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

        `values` are those of `fields`, by the names that stand there; absent ones are the empty text. Raises RecordError, also
        RecordCancelled, whatever the template does.
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
            raise RecordError(f"the template failed: {reason}. Correct it, or test with `if` for such records.") from None
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
    """Compile a template. With `names` it gives a DN, and what `{{ … }}` writes is escaped (RFC 4514, section 2.4).

    Raises ValueError that names the line.
    """
    if len(text) > MAX_SOURCE:
        raise ValueError(f"the template is longer than {MAX_SOURCE} characters")
    environment = _NAMES if names else _TEXTS
    try:
        tree = environment.parse(text)
        check_nodes(tree)
        undeclared = meta.find_undeclared_variables(tree) - _FUNCTIONS.keys()
        by_name = _named_through_record(tree) if RECORD in undeclared else []
        variables = sorted(undeclared - {RECORD})
        guarded = Guard().visit(tree)
        template = Template.from_code(environment, environment.compile(guarded), {})
    except TemplateSyntaxError as error:
        raise ValueError(f"line {error.lineno}: {error.message}") from None
    except RecursionError:
        raise ValueError("the template is nested too deeply") from None
    except ValueError:
        raise
    except (TemplateError, SyntaxError, MemoryError, OverflowError) as error:
        raise ValueError(f"the template cannot be compiled: {error}") from None
    return CompiledTemplate(template, list(dict.fromkeys([*variables, *by_name])), variables)


def _named_through_record(tree: nodes.Template) -> list[str]:
    """The fields that are read as `record['name']`. Raises ValueError if that cannot be told from the text."""
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
            raise ValueError(f"line {used.lineno}: name the field that is read, as in {RECORD}['employee-id']")
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
