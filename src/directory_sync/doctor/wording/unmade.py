"""Words for findings about checks that could not be made."""

from __future__ import annotations

from collections.abc import Mapping

from directory_sync.doctor.codes import Code
from directory_sync.doctor.wording.words import Words, words

WORDS: Mapping[Code, Words] = {
    Code.NO_ANSWER: words(
        "The check {check} had no answer within {seconds} s.",
        "Something that it asks does not answer: see that servers and network file systems that the settings"
        " name are up. This makes the check alone:",
        "directory-sync doctor --only {group}",
    ),
    Code.CHECKS_DIED: words(
        "The check {check} was ended from outside.", "Run the command again; if it ends again, report it."
    ),
    Code.CHECK_FAILED: words("The check {check} failed unexpectedly: {error}: {said}", "Please report it."),
}
