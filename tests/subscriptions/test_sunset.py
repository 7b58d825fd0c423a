"""The end of a product: what is left of its credits becomes others, once, at its instant."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from billing.accounts.models import Account
from billing.insights import audit
from billing.ledger import services as ledger
from billing.ledger.models import Grant
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories
from tests.subscriptions.conftest import Vary

pytestmark = pytest.mark.django_db
AT = datetime(2099, 1, 1, tzinfo=UTC)
KEYS = ('expiry_in_flight = "expire"', 'expiry_in_flight = "P7D"')
SUNSET = """
[[conversion]]
code = "sunset"
name = { en = "Sunset", zh = "下线" }
at = %(at)s
from_sources = ["sora", "converted"]
factor = "0.5"
source = "converted"
"""


def convert() -> int:
    return ledger.convert_due(catalog=plans.current().catalog)


def put(vary: Vary, at: datetime = AT) -> None:
    vary(more=SUNSET % {"at": at.isoformat()})


def test_credits_are_converted_once_their_product_has_ended(ada: Account, vary: Vary) -> None:
    put(vary, at=datetime.now(UTC) + timedelta(days=3))
    factories.give(ada, 35, source="sora")
    factories.give(ada, 10)

    assert convert() == 0
    assert factories.free_micros(ada) == 45 * MICROS

    factories.later(ada, timedelta(days=3))
    assert convert() == 1
    assert convert() == 0

    assert factories.free_micros(ada) == 27_500_000
    made = Grant.objects.get(source="converted")
    assert made.amount_micros == 17_500_000
    assert list(audit.breaches()) == []


def test_what_comes_back_from_a_hold_is_converted_then(ada: Account, vary: Vary) -> None:
    factories.give(ada, 30, source="sora")
    put(vary, at=datetime.now(UTC))
    held = factories.hold(ada, 10)

    assert convert() == 1
    assert factories.free_micros(ada) == 10 * MICROS

    factories.release(ada, held)
    assert convert() == 1
    assert convert() == 0
    assert factories.free_micros(ada) == 15 * MICROS
    assert list(audit.breaches()) == []


def test_many_wallets_are_converted_batch_by_batch(kling: None, vary: Vary) -> None:
    for number in range(5):
        factories.give(factories.new_account(f"user-{number}"), 10, source="sora")
    put(vary, at=datetime.now(UTC))
    catalog = plans.current().catalog

    counts = [ledger.convert_due(catalog=catalog, limit=2) for _round in range(4)]

    assert counts == [2, 2, 1, 0]


def test_the_command_shows_before_it_converts(ada: Account, vary: Vary) -> None:
    factories.give(ada, 35, source="sora")
    at = datetime.now(UTC)
    put(vary, at=at)

    shown = _said("--dry-run")
    assert f"sunset at {at.isoformat()}: 1 wallets, 35 credits" in shown
    assert factories.free_micros(ada) == 35 * MICROS

    assert "wallets converted: 1" in _said()
    assert "wallets converted: 0" in _said()
    assert factories.free_micros(ada) == 17_500_000


def test_what_is_given_after_the_end_of_a_product_stays_what_it_is(
    ada: Account, vary: Vary
) -> None:
    factories.give(ada, 10, source="sora")
    put(vary, at=datetime.now(UTC))
    factories.give(ada, 30, source="sora")

    assert convert() == 1
    assert convert() == 0

    assert factories.free_micros(ada) == 35 * MICROS


def test_what_is_given_anew_is_converted_by_where_it_came_from(ada: Account, vary: Vary) -> None:
    hour = timedelta(hours=1)
    old = factories.give(ada, 10, source="sora", expires_in=hour)
    factories.later(ada, timedelta(seconds=1))
    at = datetime.now(UTC) + timedelta(milliseconds=500)
    vary(KEYS, more=SUNSET % {"at": at.isoformat()})
    factories.give(ada, 30, source="sora", expires_in=hour)
    held = factories.hold(ada, 40)
    factories.later(ada, hour)
    factories.release(ada, held)
    assert Grant.objects.filter(fact__startswith="returned:").count() == 2

    assert convert() == 1
    assert convert() == 0

    assert Grant.objects.get(source="converted").amount_micros == 5 * MICROS
    assert Grant.objects.filter(fact=f"returned:{held.pk}:{old.pk}", available_micros=0).exists()
    assert factories.free_micros(ada) == 35 * MICROS


def _said(*words: str) -> str:
    out = StringIO()
    call_command("convert_credits", *words, stdout=out)
    return out.getvalue()
