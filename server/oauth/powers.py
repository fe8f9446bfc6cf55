"""What an administrator may do, and to what: scopes of `admin`, narrowed to agencies."""

from dataclasses import dataclass

from server.access import scope
from server.access.access import Access
from server.access.scope import ADMIN, CRUDS, SYSTEM, USER, Scope
from server.fhir.issue import Forbidden

ADMINISTRATOR = "administrator"
"""The role of who administers an agency."""

_DOES = {"c": "add", "r": "read", "u": "change", "d": "take away", "s": "list"}


@dataclass(frozen=True, slots=True)
class Powers:
    """`held`: as scopes of a system, each of every agency or of those that it names."""

    access: Access
    held: tuple[Scope, ...]

    @classmethod
    def of(cls, access: Access) -> "Powers":
        """What a caller holds.

        Raises:
            Forbidden: nothing.
        """
        held = tuple(
            power
            for each in access.scopes
            if each.type == ADMIN and (power := _power(each, access)) is not None
        )
        if not held:
            raise Forbidden("The token's scopes do not let it administer anything.")
        return cls(access, held)

    def may(self, letter: str, agency: str) -> bool:
        """Whether it may do `letter` of `cruds` to what is of this agency; empty: to what is nobody's."""
        return any(each.covers(_of(letter, agency)) for each in self.held)

    def require(self, letter: str, agency: str) -> None:
        """Raises Forbidden."""
        if not self.may(letter, agency):
            whose = f"of agency '{agency}'" if agency else "that is no agency's"
            raise Forbidden(f"The token's scopes do not let it {_DOES[letter]} what is {whose}.")

    def require_all_of(self, scopes: str, agency: str) -> None:
        """Nobody gives, or takes over, more power than they have. Raises Forbidden."""
        wanted = (found for text in scopes.split() if (found := scope.parse(text)) is not None)
        for each in wanted:
            if each.type == ADMIN and not any(held.covers(_wanted(each, agency)) for held in self.held):
                raise Forbidden(f"'{each}' is more than the token's own scopes let it administer.")


def _power(given: Scope, access: Access) -> Scope | None:
    """A scope of administration as a system's; None if it is not this user's to use."""
    if given.level == SYSTEM:
        return given if access.user is None else None
    user = access.user
    if given.level != USER or user is None or user.is_family or ADMINISTRATOR not in user.roles:
        # Whom the record is about administers nothing, whatever a claim says.
        return None
    return Scope(SYSTEM, ADMIN, given.interactions, _narrowed(given.query, access.agency.code))


def _wanted(given: Scope, agency: str) -> Scope:
    """The power that a client of an agency would have by a scope."""
    if given.level == SYSTEM or not agency:
        return Scope(SYSTEM, ADMIN, given.interactions, given.query)
    return Scope(SYSTEM, ADMIN, given.interactions, _narrowed(given.query, agency))


def _narrowed(query: str, agency: str) -> str:
    return "&".join(dict.fromkeys(part for part in (query, f"agency={agency}") if part))


def _of(letter: str, agency: str) -> Scope:
    assert letter in CRUDS
    return Scope(SYSTEM, ADMIN, letter, f"agency={agency}" if agency else "")
