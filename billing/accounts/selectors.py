"""Reads of accounts and keys; a foreign account looks absent."""

from django.db.models import QuerySet

from billing.accounts import external_ids
from billing.accounts.models import Account, ApiKey
from plans.catalog.policies import Book
from plans.catalog.schema import Catalog


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


def book_of(account: Account, *, catalog: Catalog) -> Book | None:
    """Return the price book that the account pays by; None: the catalog has none for it."""
    return catalog.book_for(region=account.region or None, currency=account.currency or None)


def currency_of(account: Account, *, catalog: Catalog) -> str | None:
    """Return in which currency the account buys: its own, or its book's; None: in any."""
    book = book_of(account, catalog=catalog)
    of_book = book.currencies if book is not None else ()
    return account.currency or next(iter(of_book), None)


def currencies_of(catalog: Catalog) -> list[str]:
    """Return in which currencies a catalog sells, in the order in which it names them."""
    in_books = [currency for book in catalog.books for currency in book.currencies]
    of_plans = [price.currency for plan in catalog.plans for price in plan.prices]
    of_packs = [price.currency for pack in catalog.packs for price in pack.prices]
    return list(dict.fromkeys((*in_books, *of_plans, *of_packs)))
