"""The end of a paid plan, announced, moved and taken back by the platform that sells it."""

from datetime import datetime, timedelta

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.ledger.models import Allowance, Grant
from billing.subscriptions import selectors, services
from billing.subscriptions.errors import AlreadySubscribed, EndIsOver
from billing.subscriptions.models import Subscription
from billing.webhooks.models import Event
from plans.credits import MICROS
from tests import factories
from tests.subscriptions.conftest import STANDARD, Vary

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@transaction.atomic
def say(account: Account, *, ends_at: datetime | None, is_past_due: bool = False) -> Subscription:
    """Let the platform say what it has sold, and until when."""
    kept = services.keep(
        account=account,
        plan="standard",
        interval="P1M",
        currency="CNY",
        ends_at=ends_at,
        is_past_due=is_past_due,
    )
    assert kept is not None
    return kept


def told() -> list[str]:
    return [one.type.removeprefix("subscription.") for one in Event.objects.order_by("sequence")]


@pytest.fixture
def sold(ada: Account) -> Subscription:
    """Ada pays 66 a month for 660 credits."""
    return services.start(account=ada, plan="standard", interval="P1M", currency="CNY")


def test_a_platform_announces_the_end_of_a_paid_plan(ada: Account, sold: Subscription) -> None:
    ends_at = sold.started_at + 40 * DAY

    kept = say(ada, ends_at=ends_at)
    again = say(ada, ends_at=ends_at)

    assert (kept.pk, kept.ends_at, kept.renewal_micros) == (sold.pk, ends_at, 66 * MICROS)
    assert (again.pk, told()) == (sold.pk, ["activated", "changed"])
    factories.later(ada, 32 * DAY)
    assert factories.free_micros(ada) == 660 * MICROS  # the second month's, as was paid
    factories.later(ada, 9 * DAY)
    assert selectors.open_of(ada) is None
    factories.later(ada, 60 * DAY)
    assert Grant.objects.filter(wallet__account=ada, series__contains="standard").count() == 2


def test_an_announced_end_is_taken_back(ada: Account, sold: Subscription, vary: Vary) -> None:
    say(ada, ends_at=sold.started_at + 10 * DAY)
    vary((STANDARD, f"{STANDARD}until = 2020-01-01T00:00:00Z\n"))  # not sold any more

    kept = say(ada, ends_at=None)

    assert (kept.pk, kept.ends_at) == (sold.pk, None)
    assert Grant.objects.filter(wallet__account=ada).count() == 1
    factories.later(ada, 32 * DAY)
    assert factories.free_micros(ada) == 660 * MICROS
    assert Grant.objects.filter(wallet__account=ada).count() == 2


def test_an_end_in_the_past_is_refused_and_nothing_moves(ada: Account, sold: Subscription) -> None:
    with pytest.raises(EndIsOver):
        say(ada, ends_at=sold.started_at - DAY)

    sold.refresh_from_db()
    assert (sold.ends_at, told()) == (None, ["activated"])
    assert Allowance.objects.filter(wallet__account=ada, ends_at=None).count() == 1


def test_what_has_not_been_paid_can_be_given_an_end_too(ada: Account, sold: Subscription) -> None:
    kept = say(ada, ends_at=sold.started_at + 10 * DAY, is_past_due=True)

    assert kept.past_due_at is not None
    assert told() == ["activated", "changed", "past_due"]


def test_a_gift_does_not_end_what_goes_on(ada: Account, sold: Subscription) -> None:
    with pytest.raises(AlreadySubscribed):
        services.start(account=ada, plan="standard", ends_at=sold.started_at + 10 * DAY)

    sold.refresh_from_db()
    assert (sold.ends_at, told()) == (None, ["activated"])


@pytest.mark.parametrize(("days", "event"), [(90, "renewed"), (10, "changed")])
def test_a_later_end_is_told_as_renewed_and_an_earlier_one_as_changed(
    ada: Account, days: int, event: str
) -> None:
    now = factories.later(ada, timedelta())
    services.start(account=ada, plan="pro", ends_at=now + 60 * DAY)

    services.start(account=ada, plan="pro", ends_at=now + days * DAY)

    assert Subscription.objects.get().ends_at == now + days * DAY
    assert told() == ["activated", event]
