"""Money that goes back takes its credits as what they have become in the same wallet."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.insights import audit
from billing.ledger import services as ledger
from billing.ledger.models import Grant
from billing.payments.gateway.seen import SeenRefund
from billing.payments.models import Purchase, Refund
from billing.payments.services import offering
from plans import selectors as plans
from plans.catalog import publish
from plans.credits import MICROS
from tests import factories
from tests.organizations import studio
from tests.packs import shelf
from tests.payments import back
from tests.payments.back import PAID

pytestmark = pytest.mark.django_db
AT_ITS_END = ('expiry_in_flight = "expire"', 'expiry_in_flight = "P7D"')
SUNSET = """
[[conversion]]
code = "sunset"
name = {{ en = "Sunset", zh = "下线" }}
at = {at}
from_sources = ["pack", "present"]
factor = "{factor}"
source = "converted"
"""


@dataclass
class Bought:
    """A pack of 120 credits that was paid for, as Stripe tells of it."""

    account: Account
    refunds: list[SeenRefund] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Buy it."""
        self.seen = back.payment(self.account)
        back.look(self.seen)

    def goes_back(self, micros: int) -> Purchase:
        """Let so much of its money go back."""
        self.refunds.append(back.refund(micros, key=f"re_{len(self.refunds)}"))
        return self._look()

    def comes_again(self) -> Purchase:
        """Let the bank not take what went back last."""
        self.refunds[-1] = replace(self.refunds[-1], status="failed")
        return self._look()

    def _look(self) -> Purchase:
        """Look how it stands, and hold all rules against it."""
        purchase = back.look(self.seen, self.refunds)
        back.as_at_the_commit()
        assert list(audit.breaches()) == []
        return purchase


@pytest.fixture
def ada(db: None) -> Account:
    """Ada has nothing but what she will buy."""
    back.open_shop()
    return factories.new_account("ada")


def convert(factor: str) -> None:
    """Let the product end for which the packs were, and their credits become others."""
    back.open_shop(back.RULE + SUNSET.format(at=datetime.now(UTC).isoformat(), factor=factor))
    assert ledger.convert_due(catalog=plans.current().catalog) == 1


@transaction.atomic
def foreseen(account: Account, purchase: Purchase) -> tuple[int, int, int]:
    """Return what an operator is shown of a full refund: taken, revoked, owed."""
    offer = offering.offer(
        factories.lock(account),
        purchase,
        rule=Refund.Rule.GOODWILL,
        amount_micros=None,
        at=datetime.now(UTC),
    )
    return offer.taken_micros, offer.revoked_micros, offer.owed_micros


@pytest.mark.parametrize(("factor", "credits_"), [("1", 120), ("0.5", 60), ("3", 360)])
def test_converted_credits_go_back_with_their_money(
    ada: Account, factor: str, credits_: int
) -> None:
    bought = Bought(ada)
    convert(factor)
    assert back.standing(ada) == (credits_, 0)

    half = bought.goes_back(PAID // 2)
    assert half.taken_micros == 60 * MICROS
    assert back.standing(ada) == (credits_ // 2, 0)
    assert foreseen(ada, half) == (60 * MICROS, 60 * MICROS, 0)

    whole = bought.goes_back(PAID // 2)
    assert whole.taken_micros == 120 * MICROS
    assert back.standing(ada) == (0, 0)


def test_of_converted_credits_what_was_spent_is_owed_and_given_again(ada: Account) -> None:
    bought = Bought(ada)
    convert("0.5")
    back.spend(ada, 10)  # for which 20 of those were bought

    for _again in range(2):
        purchase = bought.goes_back(PAID)
        step = purchase.takings.order_by("-number")[0]
        assert (step.revoked_micros, step.owed_micros) == (100 * MICROS, 20 * MICROS)
        assert back.standing(ada) == (0, 10)

        purchase = bought.comes_again()
        assert purchase.taken_micros == 0
        assert back.standing(ada) == (50, 0)


def test_what_no_factor_divides_is_taken_to_a_few_micros(ada: Account) -> None:
    """Each step rounds in her favour, of each grant by a micro or two."""
    bought = Bought(ada)
    convert("7/9")

    for micros in (PAID // 9, PAID // 7, PAID // 3):
        bought.goes_back(micros)
        bought.comes_again()
        bought.goes_back(micros)
    bought.goes_back(PAID - PAID // 9 - PAID // 7 - PAID // 3)

    assert 0 <= factories.free_micros(ada) <= 2 * 2 * len(bought.refunds)


def test_credits_that_were_given_anew_go_back_with_their_money() -> None:
    text = shelf.shop_text()
    assert AT_ITS_END[0] in text
    publish.publish(text.replace(*AT_ITS_END) + back.PACKS + back.RULE, now=datetime.now(UTC))
    ada = factories.new_account("ada")
    bought = Bought(ada)
    held = factories.hold(ada, 120)
    factories.later(ada, timedelta(days=31))
    factories.release(ada, held)
    assert Grant.objects.filter(fact__startswith="returned:").count() == 2
    back.spend(ada, 30)
    assert back.standing(ada) == (90, 0)

    assert foreseen(ada, Purchase.objects.get()) == (120 * MICROS, 90 * MICROS, 30 * MICROS)
    bought.goes_back(PAID)

    assert back.standing(ada) == (0, 30)


def test_what_came_home_is_foreseen_as_free(db: None) -> None:
    back.open_shop()
    team = studio.found()
    factories.new_account("mia")
    bought = Bought(team.account)
    studio.take_back(studio.allot(team, "mia", 100))
    assert back.standing(team.account) == (120, 0)

    assert foreseen(team.account, Purchase.objects.get()) == (120 * MICROS, 120 * MICROS, 0)
    bought.goes_back(PAID)

    assert back.standing(team.account) == (0, 0)
