"""`make fuzz`: atheris looks for octets that break one of the rules of `hostile`, guided by which code they
reach.

On demand, because atheris is no dependency of the tests: `make fuzz` puts it into a folder of its own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["directory_sync", "jinja2", "csv", "yaml"]):
    from tests.chaos import hostile
    from tests.scenarios.definitions import SPEC_EXAMPLE

Target = Callable[[bytes], None]
_VALUES = {
    "cn": [b"Ida  Example"],
    "sn;lang-de": [b"Beispiel"],
    "mail": [b"a@x", b"B@x"],
    "uidnumber": [b"514", b"x"],
    "objectclass": [b"top", b"person"],
    "jpegphoto": [b"\xff\x00", b""],
}


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _template(data: bytes) -> None:
    values = {"cn": [b"Ida"], "mail": [b"a@x", b"B@x"], "n": [b"7"]}
    hostile.template(_text(data[1:]), values, names=data[:1] == b"\x01")


def _csv(folder: Path) -> Target:
    return lambda data: hostile.csv_file(
        folder, data[1:], hostile.ENCODINGS[(data or b"\0")[0] % len(hostile.ENCODINGS)]
    )


def targets(folder: Path) -> dict[str, tuple[Target, Sequence[bytes]]]:
    """Name → what takes octets, and what to begin with."""
    example = SPEC_EXAMPLE.read_bytes()
    return {
        "definition": (
            lambda data: hostile.definition(_text(data)),
            [example, b"name: a\njobs: [{name: b}]\n"],
        ),
        "json": (
            lambda data: hostile.definition(_text(data), "hostile.json"),
            [b'{"name": "a", "jobs": [{"name": "b"}]}'],
        ),
        "filter": (
            lambda data: hostile.filter_and_values(_text(data), _VALUES),
            [
                b"(&(cn=ida*)(!(mail=*@x))(uidNumber>=5)(|(sn;lang-de=B*p*l)(cn~=i)))",
                b"(uidNumber:1.2.840.113556.1.4.803:=2)",
            ],
        ),
        "template": (
            _template,
            [
                b"\0{% for m in mail if 'a' in m %}{{ loop.index }}{{ m|upper }}{% endfor %}{{ cn[0] ~ n }}",
                (
                    b"\1ou={{ cn|replace('I', ',') }},{{ '%s' % 3 }}{{ {'a': 1}[n]|default(2 ** 3) }}{{"
                    b" skip('no') if n else '' }}"
                ),
            ],
        ),
        "csv": (_csv(folder), [b"\0" + hostile.CSV, b"\2" + hostile.CSV.decode().encode("utf-16")]),
        "ldif": (lambda data: hostile.ldif_file(folder, data), [hostile.LDIF]),
    }


def main() -> None:
    """Fuzz one target for some seconds; never returns: exits with libFuzzer's status, 0 if nothing was
    found.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.fuzz", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument(
        "--corpus", type=Path, required=True, help="folder of what was found interesting, kept between runs"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        target, seeds = targets(Path(name))[arguments.target]
        corpus = arguments.corpus / arguments.target
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds):
            (corpus / f"seed{number}").write_bytes(seed)
        libfuzzer = [
            sys.argv[0],
            str(corpus),
            f"-max_total_time={arguments.seconds}",
            "-timeout=20",
            "-rss_limit_mb=2048",
            "-max_len=4096",
            f"-artifact_prefix={arguments.corpus}/{arguments.target}-",
            "-print_final_stats=1",
            "-verbosity=0",
        ]
        atheris.Setup(libfuzzer, target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
