"""Words for findings about Airflow's configuration and the settings."""

from __future__ import annotations

from collections.abc import Mapping

from directory_sync.doctor.codes import Code
from directory_sync.doctor.wording.words import Words, words

WORDS: Mapping[Code, Words] = {
    Code.CONFIG_READ: words("{file} can be read."),
    Code.CONFIG_ABSENT: words("There is no {file}: the environment and defaults apply."),
    Code.CONFIG_NO_FILE: words(
        "{file} is not a file.", "Move it away, or let AIRFLOW_CONFIG name Airflow's configuration file."
    ),
    Code.CONFIG_NO_TEXT: words(
        "{file} is not a text in UTF-8 (byte {place}).", "Save it in UTF-8, or restore it from a backup."
    ),
    Code.CONFIG_UNREADABLE: words(
        "{file} cannot be read: {reason}.",
        "Let the user that Airflow runs as read it:",
        'chown "$USER" {file!q} && chmod 600 {file!q}',
    ),
    Code.CONFIG_MALFORMED: words(
        "{file} is not a configuration file: see line {line}.",
        "Correct that line. Each line is [section], key = value, a comment, or indented to go on with the"
        " line before it.",
    ),
    Code.KEYS_KNOWN: words("All keys of [directory_sync] are known ({count} given)."),
    Code.KEY_MISSPELT: words(
        "{key} in {place} is not a setting of [directory_sync], so it has no effect.",
        "Rename it:",
        "{right}",
    ),
    Code.KEY_UNKNOWN: words(
        "{key} in {place} is not a setting of [directory_sync], so it has no effect.",
        "Remove it, or see docs/settings.md for the right name.",
    ),
    Code.KEY_TAKES_NO_COMMAND: words(
        "{key} in {place} has no effect: only sensitive settings may come from a command or a secrets"
        " backend.",
        "Write the value itself, in {right}.",
    ),
    Code.SECTION_MISSPELT: words("{name} in {place} has no effect.", "Rename it:", "{right}"),
    Code.SETTINGS_READ: words("All {count} settings can be used."),
    Code.SETTING_WRONG: words("{said}"),
    Code.NEEDS_SETTING: words("Not checked, because of a setting. {said}"),
    Code.ADDRESS_SET: words("Airflow's address is set ([api] base_url, host {host})."),
    Code.ADDRESS_MISSING: words(
        "[api] base_url is not set, so mails have no link to the page of their request.",
        "Add the address that people open in a browser to airflow.cfg:",
        "[api]",
        "base_url = https://airflow.example.com",
    ),
    Code.ADDRESS_WRONG: words(
        "[api] base_url is not an address that begins with http:// or https://.",
        "Write the address that people open in a browser:",
        "[api]",
        "base_url = https://airflow.example.com",
    ),
    Code.ADDRESS_LOCAL: words(
        "[api] base_url names {host}, so links in mails work on this machine only.",
        "Write the address that people open in a browser:",
        "[api]",
        "base_url = https://airflow.example.com",
    ),
}
