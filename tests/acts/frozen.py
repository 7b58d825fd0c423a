"""Accounts that are frozen, and a row of each kind that freezes and acts leave."""

from datetime import UTC, datetime

from django.contrib.auth.models import User

from billing.accounts.models import Account
from billing.operators import services as operators
from billing.subscriptions import services


def freeze(account: Account, by: User | None = None) -> User:
    """Freeze an account; return by whom."""
    sam = by or User.objects.create_superuser("freezer")
    services.freeze(account=account, operator=sam, reason="x", now=datetime.now(UTC))
    return sam


def let_go(account: Account, by: User) -> None:
    """Let an account go on."""
    services.unfreeze(account=account, operator=by, reason="x", now=datetime.now(UTC))


def make_rows(account: Account, *, text: str, now: datetime) -> None:
    """An operator has frozen the account for this reason, let it go on, and left a line."""
    root = User.objects.create_superuser("freezer")
    frozen = services.freeze(account=account, operator=root, reason=text, now=now)
    services.unfreeze(account=account, operator=root, reason=text, now=now)
    line = operators.begin_act(
        act="freeze.freeze",
        operator=root,
        object_type="freeze",
        object_id=frozen.pk,
        account_id=account.pk,
        reason=text,
        shown=[(text, text)],
        now=now,
    )
    operators.end_act(line, now=now)
