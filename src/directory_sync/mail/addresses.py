"""Where mail reaches a user or a role."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from directory_sync.approval.people import Approver
from directory_sync.definition.mail_addresses import checked_address, is_within


@dataclass(frozen=True, slots=True)
class Found:
    """Where mail reaches someone: an address, or why there is none."""

    address: str = ""
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Finds mail addresses.

    Attributes:
        mail_of: user name → address in the people directory, None if it has none; raises EndpointError while
            it cannot tell. None where there is no such directory.
        domain: of users who are found nowhere else; empty for none.
        roles: role → address of everyone who has it.
        domains: of addresses that a collection may name for mail about its runs; empty for any.
    """

    mail_of: Callable[[str], str | None] | None = None
    domain: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)
    domains: Collection[str] = ()

    def named(self, address: str) -> Found:
        """An address that a definition names."""
        if is_within(address, self.domains):
            return Found(address)
        # Who may edit a collection must not be able to send what it reads to anywhere.
        return Found(why_not="Its domain is not one of the setting notification_domains.")

    def find(self, approver: Approver) -> Found:
        """The address of a user or role. Raises EndpointError while the people directory cannot tell."""
        return self._of_role(approver.name) if approver.kind == "role" else self._of_user(approver.name)

    def _of_role(self, role: str) -> Found:
        if role not in self.roles:
            return Found(why_not="No address of this role is known. Add it to the setting role_addresses.")
        return _checked(
            self.roles[role],
            "The setting role_addresses gives this role something that is no mail address. Correct it.",
        )

    def _of_user(self, user: str) -> Found:
        if self.mail_of is not None and (mail := self.mail_of(user)):
            return _checked(
                mail, "What the people directory holds for this user is no mail address. Correct it there."
            )
        if "@" in user:
            # A person who reroutes can type any name: mail goes where the deployment says that its people
            # are.
            if user.rpartition("@")[2].casefold() != self.domain.casefold():
                return Found(
                    why_not="The name is a mail address of another domain than the setting mail_domain says,"
                    " and"
                    " the people directory does not know it."
                )
            return _checked(user, "The user's name holds an @, but is no mail address.")
        if self.domain:
            return _checked(
                f"{user}@{self.domain}",
                "With the setting mail_domain, the user's name makes no mail address.",
            )
        return Found(
            why_not=(
                "No mail address is known. Add one to the people directory (setting people_connection), or"
                " set mail_domain."
            )
        )


def _checked(text: str, why_not: str) -> Found:
    address = checked_address(text)
    return Found(why_not=why_not) if address is None else Found(address)
