"""A peer that is measured beside us: django-hordak's transfer, with a check of the balance.

It is a program of its own, in the environment of `requirements/peers.txt`, and knows nothing of
the service. DATABASE says where it works, in Django's words. `stranger.py migrate` makes the
tables; without a word it charges as each line of its input says, and answers each by a line.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.db import transaction

settings.configure(
    DATABASES={
        "default": {"ENGINE": "django.db.backends.postgresql", **json.loads(os.environ["DATABASE"])}
    },
    INSTALLED_APPS=["django.contrib.contenttypes", "mptt", "djmoney", "hordak"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DEFAULT_CURRENCY="EUR",
    CURRENCIES=["EUR"],
    USE_TZ=True,
)
django.setup()

from django.db.models import Sum  # noqa: E402 (Django wants its settings first)
from hordak.models import Account, AccountType, Leg  # noqa: E402 (as above)
from hordak.utilities.currency import Balance  # noqa: E402 (as above)
from moneyed import Money  # noqa: E402 (as above)

_RICH = Money(1_000_000_000, "EUR")
_PRICE = Money(1, "EUR")


class Client:
    """A customer with money, and what charges it."""

    def __init__(self) -> None:
        name = f"bench {time.time_ns()}"
        with transaction.atomic():
            self._bank = Account.objects.create(name=name, type=AccountType.asset)
            self._sales = Account.objects.create(name=name, type=AccountType.income)
            self._wallet = Account.objects.create(name=name, type=AccountType.liability)
            self._wallet.transfer_to(self._bank, _RICH)
        self._charged = 0

    def charge(self) -> bool:
        """Move a price from the wallet to the sales, if it is there."""
        with transaction.atomic():
            wallet = Account.objects.select_for_update().get(pk=self._wallet.pk)
            if wallet.get_balance() < Balance([_PRICE]):
                return False
            self._sales.transfer_to(wallet, _PRICE)
        self._charged += 1
        return True

    def adrift(self) -> int:
        """Return how many sums are not what was charged."""
        debit, credit = Leg.objects.aggregate(d=Sum("debit"), c=Sum("credit")).values()
        wrong: int = int(debit != credit)
        left, sold = _RICH - self._charged * _PRICE, self._charged * _PRICE
        wrong += self._wallet.get_balance() != Balance([left])
        wrong += self._sales.get_balance() != Balance([sold])
        return wrong


def work(call: Callable[[], bool], *, seconds: float, calls: int | None) -> dict[str, Any]:
    """Return what a turn brought, as the bench's own hands tell it."""
    latencies: list[float] = []
    complaints: list[str] = []
    began, cpu = time.perf_counter(), time.process_time()
    ended = began
    while ended - began < seconds and len(latencies) != calls:
        started = time.perf_counter()
        try:
            complaint = "" if call() else "The answer is wrong."
        except Exception as problem:  # noqa: BLE001 (whatever it is, it is a wrong answer)
            complaint = f"{type(problem).__name__}: {problem}"
        ended = time.perf_counter()
        latencies.append(ended - started)
        complaints += [complaint] if complaint else []
    used = time.process_time() - cpu
    return {
        "began": began,
        "ended": ended,
        "latencies": latencies,
        "complaints": complaints,
        "cpu_seconds": used,
    }


def main() -> None:
    """Answer line by line until nobody asks any more."""
    client = Client()
    sys.stdout.write('"ready"\n')
    sys.stdout.flush()
    for line in sys.stdin:
        asked = json.loads(line)
        told = work(client.charge, **asked) if asked else client.adrift()
        sys.stdout.write(f"{json.dumps(told)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    if "migrate" in sys.argv:
        call_command("migrate", verbosity=0, interactive=False)
    else:
        main()
