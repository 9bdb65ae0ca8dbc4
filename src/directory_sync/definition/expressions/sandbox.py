"""The Jinja2 sandbox that templates of definitions run in, with a bound on everything that a template can
make or spend.

Jinja2's own sandbox keeps a template from reaching Python; it does not keep it from filling the memory or
from never ending. Here no value can get long (`MAX_TEXT`, `MAX_ITEMS`), every step is counted (`MAX_STEPS`)
and the clock is looked at with each one, so that a template ends in any thread, without signals. Values are
flat: texts, numbers, and lists of them.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from jinja2 import StrictUndefined, Undefined, nodes, pass_context
from jinja2.filters import FILTERS
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

MAX_TEXT = 64 * 1024
"""Characters in one text."""
MAX_ITEMS = 10_000
"""Items in one list."""
MAX_STEPS = 50_000
"""Loop passes, calls, filters and operators in one rendering."""
MAX_SECONDS = 1.0
"""Wall time of one rendering."""
_MAX_NUMBER = 2**128


class BoundExceeded(Exception):
    """A template asked for more than it may have."""


class Budget:
    """What one rendering has spent."""

    __slots__ = ("_deadline", "_steps")

    def __init__(self) -> None:
        self._steps = 0
        self._deadline = time.monotonic() + MAX_SECONDS

    def spend(self) -> None:
        """Count one step. Raises BoundExceeded."""
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise BoundExceeded(f"it takes more than {MAX_STEPS} steps")
        if time.monotonic() > self._deadline:
            raise BoundExceeded(f"it takes longer than {MAX_SECONDS:g} s")


budget: ContextVar[Budget] = ContextVar("budget")
"""The budget of the rendering that goes on in this thread."""


def bounded(value: Any) -> Any:
    """The value, if a template may hold it; iterators become lists. Raises BoundExceeded or TypeError."""
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise BoundExceeded(f"a text is longer than {MAX_TEXT} characters")
    elif isinstance(value, int):
        if abs(value) > _MAX_NUMBER:
            raise BoundExceeded("a number is too large")
    elif isinstance(value, list | tuple | Iterator | range):
        return _bounded_items(value)
    elif isinstance(value, dict):
        _bounded_items(value.keys())
        _bounded_items(value.values())
    elif not (value is None or isinstance(value, float | Undefined)):
        raise TypeError(f"a {type(value).__name__} cannot be used here")
    return value


def _bounded_items(values: Any) -> list[Any]:
    items: list[Any] = []
    size = 0
    for value in values:
        if not (value is None or isinstance(value, str | int | float | Undefined)):
            raise TypeError("a list holds texts and numbers only, no lists")
        items.append(bounded(value))
        size += len(value) if isinstance(value, str) else 1
        if len(items) > MAX_ITEMS or size > 4 * MAX_TEXT:
            raise BoundExceeded(f"a list has more than {MAX_ITEMS} items or is too large as a whole")
    return items


# -- what templates may call ---------------------------------------------------------------------------------


def _text(value: Any) -> str:
    if isinstance(value, list | tuple | dict):
        raise TypeError(
            "a list was used where a text is needed: join it, as in {{ mail|join(', ') }}, or take {{"
            " mail|first }}"
        )
    return "" if value is None else str(value)


def _join(values: Any, separator: Any = "") -> str:
    texts = [_text(value) for value in ([values] if isinstance(values, str) else values)]
    between = _text(separator)
    if sum(map(len, texts)) + len(between) * len(texts) > MAX_TEXT:
        raise BoundExceeded(f"a text is longer than {MAX_TEXT} characters")
    return between.join(texts)


def _replace(value: Any, old: Any, new: Any, count: int = -1) -> str:
    text, old, new = _text(value), _text(old), _text(new)
    found = text.count(old)
    if len(text) + max(len(new) - len(old), 0) * found > MAX_TEXT:
        raise BoundExceeded(f"a text is longer than {MAX_TEXT} characters")
    return text.replace(old, new, count)


def _pad(method: str, value: Any, width: int, fill: str = " ") -> str:
    if width > MAX_TEXT:
        raise BoundExceeded(f"a text is longer than {MAX_TEXT} characters")
    text = _text(value)
    padded: str = text.zfill(width) if method == "zfill" else getattr(text, method)(width, fill)
    return padded


def _round(value: float, precision: int = 0) -> float:
    return round(value, max(-30, min(30, precision)))


def _values(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value] if value not in ("", None) else []


def _one(value: Any, *, last: bool) -> Any:
    # `first` of Jinja2 gives the first letter of a text; here a text is a field with one value.
    values = _values(value)
    return values[-1 if last else 0] if values else ""


def _loop(values: Any) -> Iterator[Any]:
    spend = budget.get().spend
    for value in values:
        spend()
        yield value


_PLAIN_FILTERS = (
    *(
        "abs",
        "capitalize",
        "count",
        "d",
        "default",
        "float",
        "int",
        "length",
        "list",
        "lower",
        "map",
        "max",
        "min",
        "reject",
    ),
    *("reverse", "select", "sort", "string", "title", "trim", "truncate", "unique", "upper", "wordcount"),
)
_OWN_FILTERS: dict[str, Callable[..., Any]] = {
    "center": functools.partial(_pad, "center"),
    "first": functools.partial(_one, last=False),
    "join": _join,
    "last": functools.partial(_one, last=True),
    "replace": _replace,
    "round": _round,
    "values": _values,
}
_CONCATENATE, _FLAT, _LOOP = "_concatenate", "_flat", "_loop"

_TEXT_METHODS = frozenset(
    {
        *(
            "capitalize",
            "casefold",
            "count",
            "endswith",
            "find",
            "index",
            "isalnum",
            "isalpha",
            "isascii",
            "isdecimal",
            "isdigit",
        ),
        *(
            "islower",
            "isnumeric",
            "isspace",
            "istitle",
            "isupper",
            "lower",
            "lstrip",
            "partition",
            "removeprefix",
            "removesuffix",
        ),
        *(
            "rfind",
            "rindex",
            "rpartition",
            "rsplit",
            "rstrip",
            "split",
            "splitlines",
            "startswith",
            "strip",
            "swapcase",
            "title",
        ),
        "upper",
    }
)
_GROWING_METHODS: dict[str, Callable[..., Any]] = {
    "join": lambda text, values: _join(values, text),
    "replace": _replace,
    **{method: functools.partial(_pad, method) for method in ("center", "ljust", "rjust", "zfill")},
}
_LOOP_ATTRIBUTES = frozenset(
    {
        "changed",
        "cycle",
        "first",
        "index",
        "index0",
        "last",
        "length",
        "nextitem",
        "previtem",
        "revindex",
        "revindex0",
    }
)


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def guarded(*arguments: Any, **keywords: Any) -> Any:
        budget.get().spend()
        passed = 1 if hasattr(function, "jinja_pass_arg") else 0
        values = [*arguments[:passed], *map(bounded, arguments[passed:])]
        return bounded(function(*values, **{name: bounded(value) for name, value in keywords.items()}))

    return guarded


@pass_context
def _written(context: Context, value: Any) -> str:
    budget.get().spend()
    text = _text(bounded(value))
    environment = context.environment
    assert isinstance(environment, Sandbox)
    return environment.escape(text)


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment. `escape` is put on everything that `{{ … }}` writes."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, escape: Callable[[str], str]) -> None:
        # Not optimised: that would compute constants while compiling, outside any budget.
        super().__init__(
            undefined=StrictUndefined, finalize=_written, optimized=False, cache_size=0, autoescape=False
        )
        self.escape = escape
        self.globals = {}
        filters: dict[str, Callable[..., Any]] = {
            name: FILTERS[name] for name in _PLAIN_FILTERS
        } | _OWN_FILTERS
        filters |= {_CONCATENATE: _join, _FLAT: lambda values: values}
        self.filters = {name: _guarded(function) for name, function in filters.items()}
        self.filters[_LOOP] = _loop

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Numbers, and `+` for two texts or lists; `*` for a text and a small number."""
        budget.get().spend()
        bounded(left)
        bounded(right)
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "**" and (not numbers or abs(right) > 128 or abs(left) > 2**64):
            raise BoundExceeded("a power is too large")
        if operator == "*" and not numbers:
            text, times = (left, right) if isinstance(left, str) else (right, left)
            if not isinstance(text, str) or not isinstance(times, int) or len(text) * times > MAX_TEXT:
                raise BoundExceeded(f"a text is longer than {MAX_TEXT} characters")
        if operator == "%" and not numbers:
            raise TypeError("% is for numbers; use ~ to put texts together")
        return bounded(super().call_binop(context, operator, left, right))

    def call(self, context: Context, function: Any, /, *arguments: Any, **keywords: Any) -> Any:
        """Call one of the few things that can be reached at all."""
        budget.get().spend()
        return bounded(super().call(context, function, *map(bounded, arguments), **keywords))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Attributes are what is listed here and nothing else."""
        if isinstance(obj, str) and attribute in _GROWING_METHODS:
            return functools.partial(_GROWING_METHODS[attribute], obj)
        if (isinstance(obj, str) and attribute in _TEXT_METHODS) or (
            isinstance(obj, LoopContext) and attribute in _LOOP_ATTRIBUTES
        ):
            return getattr(obj, attribute)
        if isinstance(obj, Mapping):
            return self.getitem(obj, attribute)
        return self.unsafe_undefined(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Items of lists, texts and mappings; never an attribute."""
        if isinstance(obj, str | list | tuple | Mapping):
            try:
                return obj[argument]
            except (TypeError, LookupError):
                pass
        return self.undefined(obj=obj, name=argument)


# -- what templates may say ----------------------------------------------------------------------------------

_ALLOWED_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.With, nodes.Const, nodes.Name,  # noqa: E501
    nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair, nodes.Keyword, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Call,  # noqa: E501
    nodes.Getitem, nodes.Getattr, nodes.Slice, nodes.Concat, nodes.Compare, nodes.Operand, nodes.Not, nodes.And, nodes.Or,  # noqa: E501
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Neg, nodes.Pos,
)  # fmt: skip


def refused_statement(tree: nodes.Template) -> tuple[nodes.Node, str] | None:
    """The first statement that templates of definitions cannot use, and its name: macros, blocks, includes,
    recursive loops.
    """
    for node in tree.find_all(nodes.Node):
        if type(node) not in _ALLOWED_NODES:
            return node, f"{type(node).__name__.lower()} statements"
        if isinstance(node, nodes.For) and node.recursive:
            return node, "recursive loops"
    return None


class Guard(NodeTransformer):
    """Puts the counting and checking filters where Jinja2 has no hook: loops, `~`, and lists written down."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - Jinja2's way to name a visitor
        """Count each pass."""
        self.generic_visit(node)
        assert isinstance(node.iter, nodes.Expr)
        node.iter = _filter(node.iter, _LOOP)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - Jinja2's way to name a visitor
        """Bound the text that `~` makes."""
        self.generic_visit(node)
        return _filter(nodes.List(node.nodes, lineno=node.lineno), _CONCATENATE)

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802 - Jinja2's way to name a visitor
        """Keep lists flat."""
        self.generic_visit(node)
        return _filter(node, _FLAT)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802 - Jinja2's way to name a visitor
        """Keep tables flat."""
        self.generic_visit(node)
        return _filter(node, _FLAT)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802 - Jinja2's way to name a visitor
        """Keep tuples flat; the names on the left of an assignment are left alone."""
        self.generic_visit(node)
        return _filter(node, _FLAT) if node.ctx == "load" else node


def _filter(node: nodes.Expr, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)
