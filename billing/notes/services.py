"""The only module that writes notes."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from billing.accounts.models import Account
from billing.notes.models import AccountNote


@transaction.atomic(durable=True)
def write(*, account: Account, author: User, text: str, now: datetime) -> AccountNote:
    """The note stands on the account for good.

    Args:
        text: 1 to `TEXT_LENGTH_MAX` characters; the database refuses others.
    """
    return AccountNote.objects.create(account=account, author=author, text=text, written_at=now)
