"""What other packages wait for comes due by a clock as well: rewards, and caps of the free tier."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from billing.accounts.models import FreeTier
from billing.accounts.signals import Signal
from billing.partners.models import Reward
from billing.subscriptions import services as subscriptions
from plans.catalog import publish
from plans.credits import MICROS
from tests import factories
from tests.partners import shelf
from tests.sandbox.conftest import DAILY, advance, clock_of


def test_a_reward_is_paid_when_its_holdback_is_over() -> None:
    shelf.open_shop()
    ada = factories.new_account("ada")
    bob = shelf.newcomer("bob", after=ada)
    shelf.come(bob, shelf.code_of(ada, "buyers"))
    shelf.buy(bob)
    shelf.look(bob)
    clock = clock_of(ada)

    advance(clock, timedelta(days=13))
    waits = Reward.objects.get(account=ada).state
    advance(clock, timedelta(days=90))

    reward = Reward.objects.get(account=ada)
    assert (waits, reward.state) == ("pending", "granted")
    assert reward.settled_at is not None
    assert reward.settled_at - reward.due_at < timedelta(minutes=1)
    assert factories.free_micros(ada) == 5 * MICROS


def test_who_waits_for_another_day_is_admitted_when_it_begins() -> None:
    rule = "\n[free_tier]\nper_day = 1\n"
    publish.publish(factories.KLING.read_text().replace(*DAILY, 1) + rule, now=timezone.now())
    first, second = factories.new_account("first"), factories.new_account("second")
    for one in (first, second):
        with transaction.atomic():
            subscriptions.tell_signals(
                account=one, told={Signal.DEVICE: one.external_id}, now=timezone.now()
            )
    clock = clock_of(second)
    waits = FreeTier.objects.get(account=second).state

    advance(clock, timedelta(days=3))

    admitted = FreeTier.objects.get(account=second)
    assert (waits, admitted.state) == ("waiting", "admitted")
    assert admitted.decided_at < timezone.now() + timedelta(days=1, minutes=1)
    assert factories.free_micros(second) == 66 * MICROS
