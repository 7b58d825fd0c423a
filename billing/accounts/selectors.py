"""Reads of accounts and keys; a foreign account looks absent."""

from django.db.models import QuerySet

from billing.accounts import external_ids
from billing.accounts.models import Account, ApiKey


def find_account(external_id: str, *, is_sandbox: bool) -> Account | None:
    """Return the account of that name, seen from inside or outside of the sandbox, or None."""
    if not external_ids.is_external_id(external_id):
        return None  # also spares the database what it cannot hold
    return accounts(is_sandbox=is_sandbox).filter(external_id=external_id).first()


def accounts(*, is_sandbox: bool) -> QuerySet[Account]:
    """Return the accounts of one side: the other side's do not exist for it."""
    return Account.objects.filter(is_sandbox=is_sandbox)


def find_key(prefix: str) -> ApiKey | None:
    """Return the key with this visible beginning, good or not, or None."""
    return ApiKey.objects.filter(prefix=prefix).first()
