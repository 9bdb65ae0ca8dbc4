"""The spool: whatever is put into it is found again, one by one, in any order, and from another process."""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.garbage import rare_collection
from directory_sync.plan import spool as module
from directory_sync.plan.spool import Spool

RECORDS = st.lists(st.binary(max_size=40), max_size=30)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 64)
    monkeypatch.setattr(module, "_RECORD", 16)


@given(RECORDS, st.randoms(use_true_random=False))
def test_records_are_found_by_their_offset(records: list[bytes], chance: random.Random) -> None:
    """In order or not, records within a block, across two of them, and larger than one."""
    spool = Spool()
    offsets = [spool.append(record) for record in records]
    spool.flush()
    assert [spool.read(offset) for offset in offsets] == records
    assert list(spool) == records
    order = list(range(len(records)))
    chance.shuffle(order)
    assert [spool.read(offsets[place]) for place in order] == [records[place] for place in order]
    spool.close()


@given(st.lists(st.tuples(st.binary(max_size=40), st.booleans()), max_size=30))
def test_reading_and_appending_alternate(steps: list[tuple[bytes, bool]]) -> None:
    """What was read before does not hide what came later."""
    spool = Spool()
    known: list[tuple[int, bytes]] = []
    for record, look in steps:
        known.append((spool.append(record), record))
        if look:
            spool.flush()
            assert [spool.read(offset) for offset, _ in known] == [held for _, held in known]
    spool.close()


def test_what_a_child_appends_is_found_by_its_parent() -> None:
    """The readers of a plan fill their spools in processes of their own."""
    spool = Spool()
    first = spool.append(b"parent")
    spool.flush()
    assert spool.read(first) == b"parent"
    child = os.fork()
    if not child:
        spool.append(b"child")
        spool.flush()
        os._exit(0)
    os.waitpid(child, 0)
    assert list(spool) == [b"parent", b"child"]
    spool.close()


def test_a_file_that_ends_early_is_an_error() -> None:
    """A disk that is full must not look like a shorter record."""
    spool = Spool()
    offset = spool.append(b"x" * 100)
    spool.flush()
    os.ftruncate(spool._file.fileno(), 50)
    with pytest.raises(OSError, match="ended early"):
        spool.read(offset)
    spool.close()


def test_the_collector_is_as_before_afterwards() -> None:
    """Looking seldom for garbage ends with the work, however it ends."""
    before = gc.get_threshold()
    with pytest.raises(KeyError), rare_collection():
        assert gc.get_threshold() != before
        raise KeyError
    assert gc.get_threshold() == before


FULL = """
import resource, sys
from directory_sync.plan.spool import Spool
spool = Spool()
spool.append(b"x" * 5000)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
if sys.argv[1] == "closed":
    spool.close()
"""


@pytest.mark.parametrize("how", ["closed", "left to the interpreter"])
def test_a_spool_on_a_full_disk_is_closed_without_a_word(how: str) -> None:
    """What is in a spool when it is closed is of no use to anybody: a full disk is no reason for an error at
    the way out.
    """
    done = subprocess.run([sys.executable, "-c", FULL, how], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
