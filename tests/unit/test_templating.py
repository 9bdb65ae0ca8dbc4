"""Templates of definitions: what they can do, and that nothing they do harms anything but their own
record.
"""

from __future__ import annotations

import contextlib
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directory_sync.definition.checks import check
from directory_sync.definition.expressions.templating import ExpressionError, compile_template
from directory_sync.definition.models import Collection
from directory_sync.errors import RecordCancelled, RecordError, UnsupportedError
from directory_sync.plan.mapping.transform import compile_mapping
from tests.scenarios.definitions import job_changed
from tests.scenarios.examples import examples


def render(template: str, /, **values: list[str]) -> str:
    """Render a template over text values."""
    return compile_template(template).render(
        {name: [text.encode() for text in texts] for name, texts in values.items()}
    )


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("{{ givenName|lower }}.{{ sn|lower }}@lab.example", "amy.wong@lab.example"),
        ("{{ mail|join(';') }}", "a@x;b@x"),
        ("{{ mail|first }} {{ sn|first }} {{ mail|last }}", "a@x Wong b@x"),
        ("{{ absent }}", ""),
        ("{% if absent %}x{% else %}y{% endif %}", "y"),
        ("{% for address in mail if 'b' in address %}{{ loop.index }}{{ address }}{% endfor %}", "1b@x"),
        ("{% set initials = givenName[0] ~ sn[0] %}{{ initials.upper() }}", "AW"),
        ("{{ {'Wong': 'W'}[sn]|default('?') }}{{ {}[sn]|default('?') }}", "W?"),
        ("{{ record['sn'] }}{{ record.givenName }}", "WongAmy"),
        ("{{ '7'.zfill(4) }}{{ sn.replace('o', '0') }}{{ 2 * 3 + 2 ** 3 }}", "0007W0ng14"),
        ("\n {{ sn }} \n", "Wong"),
        ("{{ sn|values|length }}{{ mail|values|length }}{{ absent|values|length }}", "120"),
    ],
)
def test_what_templates_can_say(template: str, result: str) -> None:
    """One value is text, several a list, an absent one the empty text; white space around the result goes."""
    assert render(template, givenName=["Amy"], sn=["Wong"], mail=["a@x", "b@x"]) == result


def test_names_that_are_no_words() -> None:
    """A field such as `my-attr` is reached through `record`, and is among the fields that the template
    reads.
    """
    template = compile_template("{{ record['my-attr'] }}{{ sn }}{{ record[\"First name\"]|lower }}")
    assert sorted(template.fields) == ["First name", "my-attr", "sn"]
    assert template.render({"my-attr": [b"1"], "sn": [b"2"], "First name": [b"Amy"]}) == "12amy"


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        (
            "{{ First name }}",
            'line 1: First name is no single word.*Name such a field as in {{ record["First name"] }}',
        ),
        ("x\n{%- if Last  name %}y{% endif %}", 'line 2: Last name .*{{ record["Last name"] }}'),
        ("{{ First name|lower }}", 'record["First name"]'),
        ("{{ a if b else }}", "line 1: .*Write it as in"),
        ("{{ not x y }}", "line 1: "),
    ],
)
def test_a_name_of_several_words_is_explained(template: str, shown: str) -> None:
    """Who writes a column's name as it stands in the file is told how to write it; other mistakes are not
    taken for that.
    """
    with pytest.raises(ExpressionError) as caught:
        compile_template(template)
    assert re.search(re.escape(shown).replace(r"\.\*", ".*"), str(caught.value)), str(caught.value)


def test_fields_that_a_template_makes_itself_are_not_read() -> None:
    """Only variables that the template does not set itself are source fields."""
    assert compile_template("{% set x = sn %}{% for y in mail %}{{ x }}{{ y }}{% endfor %}").fields == (
        "mail",
        "sn",
    )


def test_skip_and_fail() -> None:
    """A template can leave its record out or fail it, with its own words."""
    with pytest.raises(RecordCancelled, match="left the company"):
        render("{{ skip('left the company') }}")
    with pytest.raises(RecordError, match="no badge") as caught:
        render("{% if not badge %}{{ fail('no badge') }}{% endif %}")
    assert not isinstance(caught.value, RecordCancelled)


HOSTILE = [
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ skip.__globals__ }}",
    "{{ range.__self__ }}",
    "{{ record.__class__ }}{{ x.__class__.__mro__ }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ 'a' * 10**9 }}",
    "{{ [1] * 10**9 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 'x'|center(10**9) }}",
    "{{ 'x'.ljust(10**9) }}",
    "{{ '\t'.expandtabs(10**9) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ range(10**9) }}",
    "{{ range(9999)|map('replace', '', 'a' * 60000)|list|length }}",
    "{{ ('a' * 60000).replace('a', 'b' * 60000) }}",
    "{{ ['a' * 60000, 'a' * 60000]|join('b' * 60000) }}",
    "{{ ('b' * 60000).join(range(9999)|map('string')) }}",
    "{% set a = 'a' * 60000 %}{% set b = a ~ a %}{% set c = b ~ b %}{{ c }}",
    "{% set a = 'a' * 60000 %}{% set b = a + a %}{% set c = b + b %}{{ c }}",
    "{% set a = [1, 2] %}{% set b = [a, a] %}{% set c = [b, b] %}{{ c == c }}",
    "{% set a = (1, 2) %}{% set b = {'x': a} %}{{ b }}",
    "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
    "{% for a in range(9999) %}" + "x" * 5000 + "{% endfor %}",
    "{% for a in range(9999) %}{{ 'x' * 60000 }}{% endfor %}",
    "{{ 1 / 0 }}",
    "{{ absent.x.y }}",
    "{{ absent() }}",
    "{{ x|int * 10**40 }}",
    "{{ ('9' * 60000)|int(0, 16) }}",
    "{{ 1|round(10**9, 'ceil') }}",
    "{{ '\\ud800' }}",
    "{{ x|map('attr', '__class__')|list }}",
    "{{ x|sort(attribute='__class__') }}",
    "{{ [1, 2] }}",
]


@pytest.mark.parametrize("template", HOSTILE)
def test_hostile_templates_fail_their_record_only(template: str) -> None:
    """Escapes from the sandbox, huge values and endless loops are errors of the record, and soon."""
    begun = time.process_time()
    with pytest.raises(RecordError):
        render(template, x=["1", "2"])
    assert time.process_time() - begun < 3


@pytest.mark.parametrize(
    "template",
    [
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% include 'x' %}",
        "{% import 'x' as x %}",
        "{% extends 'x' %}",
        "{% block b %}{% endblock %}",
        "{% set x %}{{ y }}{% endset %}",
        "{% filter upper %}x{% endfilter %}",
        "{% for x in y recursive %}{{ loop(x) }}{% endfor %}",
        "{{ x|attr('__class__') }}",
        "{{ x|nonsense }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ x" + "|upper" * 2000 + " }}",
        "{{ " + "1+" * 5000 + "1 }}",
        "{{ x",
        "{% for %}",
        "{{ record }}",
        "{{ record[sn] }}",
        "{% if self %}x{% endif %}",
        "{{ self.__init__ }}",
        "x" * 20000,
        "{{ " + "9" * 5000 + " }}",
    ],
)
def test_what_templates_cannot_say_is_told_when_compiling(template: str) -> None:
    """Statements that would need a loader or could recurse, unknown filters, bad syntax and monsters do not
    even compile.
    """
    with pytest.raises(ExpressionError, match=r"\w") as caught:
        compile_template(template)
    assert caught.value.remedy.endswith(".")
    assert is_refused_by_validate(template)


def is_refused_by_validate(template: str) -> bool:
    """Whether a definition with this template has an error."""
    definition = job_changed(("source", {"file": "a.csv"}), ("fields.x", {"template": template}))
    problems = check(Collection.model_validate(definition))
    assert all(problem.key == "jobs[0].fields.x.template" and problem.hint for problem in problems)
    return bool(problems)


def test_a_value_in_a_container_template_is_never_structure() -> None:
    """RFC 4514, section 2.4: whatever a value holds, it stays one value of one RDN."""
    template = compile_template("OU={{ department|upper }},DC=x", names=True)
    assert template.render({"department": [b"a,OU=b"]}) == r"OU=A\,OU\=B,DC=x"
    assert compile_template("OU={{ 'a,b' }}", names=True).render({}) == r"OU=a\,b"


def test_binary_values_are_refused() -> None:
    """A template reads text; a picture fails the record and names the field."""
    with pytest.raises(RecordError, match="jpegPhoto is binary"):
        compile_template("{{ jpegPhoto }}").render({"jpegPhoto": [b"\xff\xd8"]})


WORDS = st.sampled_from(
    [
        *(
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
            "x",
            "y",
            "'a'",
            "1",
            "10**9",
            "|",
            ".",
            "[",
            "]",
            "(",
            ")",
            ",",
            "~",
            "+",
            "*",
            "**",
            "%",
        ),
        *(
            "for",
            "in",
            "if",
            "else",
            "endif",
            "endfor",
            "set",
            "=",
            "upper",
            "join",
            "center",
            "replace",
            "range",
            "__class__",
            "first",
        ),
        *(
            "values",
            "loop",
            "skip",
            "fail",
            "record",
            "record['x']",
            "''.join",
            "not",
            "and",
            "is",
            "defined",
            "map('upper')",
            "{'a':1}",
        ),
    ]
)


@settings(deadline=None, max_examples=examples(300))
@given(
    st.lists(WORDS, max_size=12).map(" ".join)
    | st.lists(WORDS, max_size=8).map(lambda words: "{{ " + " ".join(words) + " }}"),
    st.lists(st.text(max_size=5), max_size=3),
)
def test_any_template_gives_text_or_a_record_error(template: str, values: list[str]) -> None:
    """Whatever stands in a definition, compiling raises ValueError at most, and rendering RecordError at
    most.
    """
    try:
        compiled = compile_template(template)
    except ValueError:
        return
    with contextlib.suppress(RecordError):
        assert isinstance(compiled.render({"x": [value.encode() for value in values]}), str)


def is_refused_by_a_run(template: str) -> bool:
    """Whether a run refuses a definition with this template when it compiles the mapping, before anything is
    read.
    """
    definition = job_changed(("source", {"file": "a.csv"}), ("fields.x", {"template": template}))
    job = Collection.model_validate(definition).jobs[0]
    try:
        compile_mapping(
            job,
            source_fields_known=None,
            single=lambda name: False,
            naming_fields=(),
            variables={},
            scripts={},
        )
    except UnsupportedError:
        return True
    return False


@pytest.mark.parametrize("template", HOSTILE)
def test_validate_accepts_what_a_run_accepts(template: str) -> None:
    """What fails only for a record is no problem of the definition."""
    assert not is_refused_by_validate(template)
    assert not is_refused_by_a_run(template)


@settings(deadline=None, max_examples=examples(200))
@given(
    st.lists(WORDS, max_size=12).map(" ".join)
    | st.lists(WORDS, max_size=8).map(lambda words: "{{ " + " ".join(words) + " }}")
    | st.text(min_size=1, max_size=40)
)
def test_validate_and_run_agree(template: str) -> None:
    """`validate` accepts a template exactly if a run does: nothing is found out only at night."""
    assert not template or is_refused_by_validate(template) == is_refused_by_a_run(template)


@settings(max_examples=examples(100))
@given(st.lists(st.text(max_size=20), max_size=3))
def test_any_value_gives_text_or_a_record_error(values: list[str]) -> None:
    """Values are data: what looks like a template in them is written as it is."""
    texts = [value for value in values if value]
    result = compile_template("{{ x|values|join('\\n') }}").render({"x": [text.encode() for text in texts]})
    assert result == "\n".join(texts).strip()
