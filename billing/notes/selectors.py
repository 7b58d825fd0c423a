"""Reads of notes."""

from django.db.models import QuerySet

from billing.accounts.models import Account
from billing.notes.models import AccountNote


def latest(account: Account) -> QuerySet[AccountNote]:
    """Return the notes on an account with their authors, the newest first."""
    return AccountNote.objects.filter(account=account).select_related("author").order_by("-id")
