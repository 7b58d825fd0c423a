"""Whom a link lets in."""

from datetime import datetime

from billing.accounts.models import Account
from billing.pages import links
from billing.pages.links import Link
from billing.pages.models import LinkSeries


def series_of(account_id: str) -> int:
    """Return the series of the account's links that are good."""
    known = LinkSeries.objects.filter(account=account_id).values_list("number", flat=True)
    return known.first() or 0


def visited(token: str, *, now: datetime) -> tuple[Link, Account] | None:
    """Return a good link and the account whose pages it opens; None: it opens nothing any more."""
    link = links.read(token, now=now)
    if link is None or link.series != series_of(link.account_id):
        return None
    account = Account.objects.filter(pk=link.account_id).first()
    return None if account is None else (link, account)
