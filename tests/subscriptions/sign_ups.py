"""Sign-ups with signals, and catalogs that ask for them."""

from typing import Final

from django.db import transaction
from django.utils import timezone

from billing.accounts.errors import FreeTierRefused
from billing.accounts.models import Account, FreeTier
from billing.accounts.signals import Signal
from billing.subscriptions import services
from plans.credits import MICROS
from tests import factories

AUTO: Final = ('mode = "claimed"\n  credits = "66"', 'mode = "auto"\n  credits = "66"')
RULE: Final = '\n[free_tier]\nsignals = ["email", "card", "device"]\nrequires = ["email"]\n'
OPEN: Final = '\n[free_tier]\nsignals = ["email", "device"]\n'
CAPS: Final = '\n[free_tier]\nrequires = ["ip"]\nper_ip_day = 2\nper_day = 3\n'
DAILY: Final = 66 * MICROS


def tell(account: Account, **told: str) -> FreeTierRefused | None:
    with transaction.atomic():
        return services.tell_signals(
            account=account,
            told={Signal(kind): value for kind, value in told.items()},
            now=timezone.now(),
        )


def person(name: str, **told: str) -> Account:
    """Return an account that the platform tells of before anything else happens to it."""
    account = factories.new_account(name)
    tell(account, **told)
    return account


def state_of(account: Account) -> str:
    return FreeTier.objects.get(account=account).state
