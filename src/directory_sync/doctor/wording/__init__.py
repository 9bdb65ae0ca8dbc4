"""What each finding is called, and what to do about it: one entry for each code, one module for each group of
checks.
"""

from __future__ import annotations

from collections.abc import Mapping

from directory_sync.doctor.codes import Code
from directory_sync.doctor.wording import (
    airflow,
    configuration,
    connections,
    definitions,
    folders,
    installation,
    mail,
    rights,
    store,
    unmade,
)
from directory_sync.doctor.wording.words import Words

PARTS: tuple[Mapping[Code, Words], ...] = (
    installation.WORDS,
    configuration.WORDS,
    folders.WORDS,
    store.WORDS,
    definitions.WORDS,
    airflow.WORDS,
    mail.WORDS,
    connections.WORDS,
    rights.WORDS,
    unmade.WORDS,
)
"""In the order of the codes; none has a code of another."""

WORDS: Mapping[Code, Words] = {code: words for part in PARTS for code, words in part.items()}
