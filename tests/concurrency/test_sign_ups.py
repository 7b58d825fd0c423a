"""Sign-ups at once: one free tier for a device, and never one more than a cap has room for."""

from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.accounts.errors import FreeTierRefused
from billing.accounts.models import FreeTier, FreeTierCount, Identity
from billing.accounts.services import free_tier
from billing.accounts.signals import Signal
from billing.insights import audit
from billing.ledger.models import Grant
from billing.subscriptions import services
from plans.catalog import publish
from tests import factories
from tests.http.racing import at_once

AUTO = ('mode = "claimed"\n  credits = "66"', 'mode = "auto"\n  credits = "66"')

pytestmark = pytest.mark.django_db(transaction=True)


def _put(rule: str) -> None:
    text = factories.KLING.read_text().replace(*AUTO, 1)
    publish.publish(f"{text}\n[free_tier]\n{rule}\n", now=timezone.now())


def _sign_up(place: int, **told: str) -> FreeTierRefused | None:
    account = factories.new_account(f"u{place}", is_sandbox=False)
    with transaction.atomic(durable=True):
        return services.tell_signals(
            account=account,
            told={Signal(kind): value for kind, value in told.items()},
            now=timezone.now(),
        )


def test_of_twelve_accounts_with_one_device_one_has_the_free_tier() -> None:
    _put('signals = ["device", "email"]')

    results = at_once(
        12, lambda place: _sign_up(place, device="one", email=f"u{place}@example.com")
    )

    assert results.count(None) == 1
    assert sum(isinstance(one, FreeTierRefused) for one in results) == 11
    assert Grant.objects.count() == FreeTier.objects.filter(state="admitted").count() == 1
    assert list(audit.breaches()) == []


def test_of_twelve_accounts_from_one_address_three_have_the_free_tier() -> None:
    _put('requires = ["ip"]\nper_ip_day = 3\nper_day = 100')

    results = at_once(12, lambda place: _sign_up(place, ip="203.0.113.9"))

    assert results.count(None) == 3
    assert Grant.objects.count() == 3
    assert FreeTierCount.objects.get(cap="ip_day_full").begun == 3
    assert FreeTierCount.objects.get(cap="day_full").begun == 3


def test_control_without_the_lock_only_the_database_stops_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Shows that this set-up can race at all, and that the trigger is the second wall."""
    _put('signals = ["device"]')
    both_have_read, asked = Barrier(2), set[str]()

    def unlocked(account_id: str, kinds: Any) -> list[Identity]:  # noqa: ANN401 (as the original)
        seen = list(Identity.objects.filter(signals__account=account_id, kind__in=list(kinds)))
        if seen and account_id not in asked:  # each asks again once its wallet is open
            asked.add(account_id)
            try:
                both_have_read.wait(timeout=5)
            except BrokenBarrierError:
                pytest.fail("they did not both read: nothing raced")
        return seen

    monkeypatch.setattr(free_tier, "_locked", unlocked)
    with transaction.atomic(durable=True):  # so that both find the identity
        account = factories.new_account("u8", is_sandbox=False)
        free_tier.note_signals(account, {Signal.DEVICE: "one"}, now=timezone.now())

    results = at_once(2, lambda place: _sign_up(place, device="one"))

    assert results.count(None) == 1
    assert sum(isinstance(one, IntegrityError) for one in results) == 1
    assert "identity_keeps_its_free_tier" in str(results)
