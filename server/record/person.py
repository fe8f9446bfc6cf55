"""The person behind an account, as access asks about it."""

from server.access.user import User
from server.store.accounts import Account


def user_of(account: Account) -> User:
    """Who it is, in which roles, with which children."""
    return User(
        id=account.id,
        reference=account.fhir_user,
        name=account.name,
        roles=account.roles,
        caseload=account.caseload,
        teams=account.teams,
        references=account.references,
    )
