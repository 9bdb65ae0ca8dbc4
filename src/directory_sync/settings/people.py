"""Where users are looked up, as the settings say it; apart from them, so that what looks them up need not
know of settings.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PeopleDirectory:
    """Where users are looked up.

    Attributes:
        connection: id of an Airflow connection of the type `ldap`.
        base: DN of the container.
        name, mail, manager: attributes with a user's name, mail address and manager's DN.
    """

    connection: str
    base: str
    name: str
    mail: str
    manager: str
