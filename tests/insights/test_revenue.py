"""Deferred revenue: every micro that was sold is earned once, goes back, or is still owed."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from random import Random

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.insights import revenue
from billing.insights.revenue import Sums
from billing.insights.revenue.spreading import Standing
from billing.ledger.models import Entry, Grant
from billing.payments.gateway.seen import SeenRefund
from billing.payments.models import Purchase
from billing.subscriptions import services as subscriptions
from plans.credits import MICROS
from plans.periods import Window, add_period
from tests import factories
from tests.insights import sales
from tests.insights.books import lines, months, now_of, see_that_what_was_touched_is_all_that_moved
from tests.insights.sales import look, paid, spend
from tests.operators import signed_in

pytestmark = pytest.mark.usefixtures("kling")

ALL = 3500  # credits of the pack, its bonus with it
USD = 50 * MICROS
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _few_tell_what_all_do(db: None) -> Iterator[None]:
    """After each of these lives, see that a day is told by the purchases that it touched."""
    yield
    see_that_what_was_touched_is_all_that_moved()


@pytest.fixture
def ada() -> Account:
    """Ada buys in the sandbox, where her clock can be moved; nothing was given to her."""
    return factories.new_account("ada")


def test_a_pack_is_earned_as_its_credits_are_used_the_bonus_with_them(ada: Account) -> None:
    bought = look(paid(ada))
    spend(ada, 700)

    stands = now_of(bought, ada)

    assert stands == Standing(USD, 0, used_micros=USD * 700 // ALL, expired_micros=0)
    assert stands.deferred_micros == USD - USD * 700 // ALL


def test_what_is_set_aside_for_an_order_is_not_earned_yet(ada: Account) -> None:
    bought = look(paid(ada))
    factories.hold(ada, 700)

    assert now_of(bought, ada).deferred_micros == USD


def test_what_expires_is_earned_as_breakage_on_its_day_written_down_or_not(ada: Account) -> None:
    bought = look(paid(ada))
    spend(ada, 700)
    grant = bought.pack_purchase and bought.pack_purchase.grant
    assert grant is not None
    assert grant.expires_at is not None
    [before, month] = months(grant.expires_at - timedelta(days=31), 2)

    [unwritten] = [lines(month)[bought.pk]]

    assert unwritten.before.deferred_micros > 0
    assert unwritten.after.deferred_micros == 0
    assert unwritten.after.used_micros == USD * 700 // ALL
    assert unwritten.moved.expired_micros > 0
    assert lines(before)[bought.pk].moved.expired_micros == 0
    factories.later(ada, grant.expires_at - sales.clock(ada) + 40 * DAY)
    factories.settle(ada)
    assert lines(month)[bought.pk] == unwritten


def test_money_that_went_back_is_earned_by_nobody(ada: Account) -> None:
    payment = paid(ada)
    look(payment)
    spend(ada, 700)

    bought = look(payment, refunds=[sales.refund(ada, USD)])

    assert now_of(bought, ada) == Standing(USD, USD)


def test_a_part_that_went_back_takes_from_what_is_deferred(ada: Account) -> None:
    payment = paid(ada)
    look(payment)
    spend(ada, 700)

    bought = look(payment, refunds=[sales.refund(ada, USD // 2)])

    stands = now_of(bought, ada)
    assert (stands.returned_micros, stands.used_micros) == (USD // 2, USD * 700 // ALL)
    assert stands.deferred_micros == USD // 2 - USD * 700 // ALL


def test_a_dispute_takes_the_money_away_and_a_won_one_brings_it_back(ada: Account) -> None:
    payment = paid(ada)
    look(payment)
    spend(ada, 700)
    opened = sales.dispute(ada, USD)
    bought = look(payment, disputes=[opened])
    assert now_of(bought, ada) == Standing(USD, USD)
    [first] = months(sales.clock(ada), 1)
    told = lines(first)[bought.pk]
    factories.later(ada, 40 * DAY)

    look(payment, disputes=[replace(opened, status="won")])

    stands = now_of(bought, ada)
    assert (stands.returned_micros, stands.used_micros) == (0, USD * 700 // ALL)
    assert lines(first)[bought.pk] == told


def test_credits_that_were_sent_stay_what_they_were_bought_as(ada: Account) -> None:
    bought = look(paid(ada))
    friend = factories.new_account("eve")
    factories.send(ada, friend, 700 * MICROS)

    assert now_of(bought, ada).deferred_micros == USD
    spend(friend, 70)

    stands = now_of(bought, ada)
    assert stands.used_micros == USD * 70 // ALL
    assert stands.expired_micros == 0


def test_a_day_on_which_a_friend_uses_them_touches_the_purchase(ada: Account) -> None:
    look(paid(ada))
    friend = factories.new_account("eve")
    factories.send(ada, friend, 700 * MICROS)
    factories.later(friend, 3 * DAY)
    spend(friend, 70)

    at = sales.clock(friend)
    day = revenue.moved_in(Window("", at - DAY, at + DAY))

    assert day[True, "USD"].used_micros == USD * 70 // ALL


def test_a_day_on_which_credits_end_touches_their_purchase_though_nobody_wrote_it(
    ada: Account,
) -> None:
    look(paid(ada))
    end = Grant.objects.filter(expires_at__isnull=False).earliest("expires_at").expires_at
    assert end is not None

    day = revenue.moved_in(Window("", end - DAY, end + DAY))

    assert not Entry.objects.filter(kind="expire").exists()
    assert day[True, "USD"].expired_micros == USD


def test_a_year_is_earned_month_by_month(ada: Account) -> None:
    year = 12 * 660 * MICROS // 100
    subscription = subscriptions.start(account=ada, plan="standard", interval="P1Y", currency="USD")
    ends_at = add_period(subscription.started_at, "P1Y")
    bought = sales.period(ada, subscription, micros=year, ends_at=ends_at)
    assert now_of(bought, ada).deferred_micros == year

    spend(ada, 330)
    assert now_of(bought, ada).used_micros == year // 24

    factories.later(ada, 400 * DAY)
    factories.settle(ada)
    done = [lines(month).get(bought.pk) for month in months(subscription.started_at, 14)]
    earned = [line.moved.used_micros + line.moved.expired_micros for line in done if line]
    assert sum(earned) == year
    # Half of the first window was used at once, and each window ends in the next month.
    assert earned[:2] == [year // 24, year // 24]
    assert {*earned[2:]} == {year // 12}
    assert done[-1] is None or done[-1].after.deferred_micros == 0


def test_a_change_of_plan_is_earned_by_the_difference_that_it_gave(ada: Account) -> None:
    bought = sales.change(ada, micros=8 * MICROS, credits_=100)

    spend(ada, 25)

    assert now_of(bought, ada) == Standing(8 * MICROS, 0, used_micros=2 * MICROS)


def test_a_plan_that_was_ended_for_good_owes_what_it_gave_and_no_window_more(ada: Account) -> None:
    subscription = subscriptions.start(account=ada, plan="standard", interval="P1Y", currency="USD")
    ends_at = add_period(subscription.started_at, "P1Y")
    bought = sales.period(ada, subscription, micros=12 * MICROS, ends_at=ends_at)

    subscriptions.end(account=ada)

    stands = now_of(bought, ada)
    assert (stands.deferred_micros, stands.used_micros) == (MICROS, 0)


@pytest.mark.parametrize("seed", range(4))
def test_over_any_life_the_months_add_up_and_are_told_alike_for_ever(seed: int) -> None:
    life = _Life(Random(seed))
    life.live(14)
    past = list(months(life.began_at, (life.now() - life.began_at).days // 31))
    told = [lines(month) for month in past]
    life.live(14)

    assert [lines(month) for month in past] == told
    if past:
        history = revenue.history_of(past, is_sandbox=True)
        assert [revenue.sums_of(month.values()).get("USD", Sums()) for month in told] == history[
            "USD"
        ]

    whole = list(months(life.began_at, 60))
    open_micros: dict[str, int] = {}
    moved: dict[str, list[Standing]] = {}
    for month in whole:
        found = lines(month)
        for key in found.keys() | open_micros.keys():
            before = found[key].before.deferred_micros if key in found else 0
            assert before == open_micros.get(key, 0)
            open_micros[key] = found[key].after.deferred_micros if key in found else 0
            if key in found:
                moved.setdefault(key, []).append(found[key].moved)
    for purchase in Purchase.objects.all():
        sums = [
            sum(getattr(one, name) for one in moved[purchase.pk])
            for name in ("sold_micros", "returned_micros", "used_micros", "expired_micros")
        ]
        back = min(purchase.amount_micros, purchase.refunded_micros + purchase.disputed_micros)
        assert sums[:2] == [purchase.amount_micros, back]
        assert open_micros[purchase.pk] == sums[0] - sum(sums[1:]) == 0  # all has ended by then


class _Life:
    """Somebody buys, spends, sends, waits, and gets money back, in any order."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.account = factories.new_account(f"ada-{chance.random()}")
        self.friend = factories.new_account(f"eve-{chance.random()}")
        factories.settle(self.friend)
        self.payments = [paid(self.account)]
        self.back: dict[str, list[SeenRefund]] = {}
        look(self.payments[0])
        self.began_at = self.now()

    def now(self) -> datetime:
        return sales.clock(self.account)

    def live(self, steps: int) -> None:
        acts = (self.buy, self.spend, self.spend, self.wait, self.wait, self.refund, self.send)
        for _step in range(steps):
            self.chance.choice(acts)()

    def buy(self) -> None:
        self.payments.append(paid(self.account))
        look(self.payments[-1])

    def free(self, account: Account) -> int:
        """Return what can be spent; who owes spends nothing."""
        in_debt = factories.wallet_of(account).debt_micros > 0
        return 0 if in_debt else factories.free_micros(account)

    def spend(self) -> None:
        for account in (self.account, self.friend):
            whole = self.free(account) // MICROS
            if whole > 1:
                many = self.chance.randint(1, whole)
                held = factories.hold(account, many, facts={"surface": "web"})
                factories.capture(account, held, self.chance.randint(1, held.amount_micros))

    def wait(self) -> None:
        by = timedelta(days=self.chance.randint(1, 90), seconds=self.chance.randint(0, 86_400))
        for account in (self.account, self.friend):
            factories.later(account, by)

    def refund(self) -> None:
        payment = self.chance.choice(self.payments)
        bought = Purchase.objects.get(stripe_id=payment.id)
        left = bought.amount_micros - bought.refunded_micros
        if left:
            refunds = self.back.setdefault(payment.id, [])
            refunds.append(sales.refund(self.account, self.chance.randint(1, left)))
            look(payment, refunds=refunds)

    def send(self) -> None:
        free = self.free(self.account)
        if free > MICROS:
            factories.send(self.account, self.friend, self.chance.randint(1, free))


def test_the_command_writes_the_purchases_for_a_spreadsheet(ada: Account, tmp_path: Path) -> None:
    bought = look(paid(ada))
    spend(ada, 700)
    month, out, file = sales.clock(ada).strftime("%Y-%m"), StringIO(), tmp_path / "revenue.csv"

    call_command("revenue", "--month", month, "--sandbox", "--csv", file, stdout=out)

    [row] = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    assert (row["purchase"], row["currency"], row["paid"]) == (bought.pk, "USD", "50")
    assert (row["credits"], row["cost_per_credit"]) == ("3500", "0.014286")
    assert (row["opening_deferred"], row["sold"]) == ("0", "50")
    assert (row["recognised_used"], row["closing_deferred"]) == ("10", "40")
    assert out.getvalue().splitlines()[1].split() == ["USD", "0", "50", "0", "10", "0", "40", "1"]


def test_the_sandbox_is_not_in_the_books(ada: Account) -> None:
    look(paid(ada))
    out = StringIO()

    call_command("revenue", "--month", f"{datetime.now(UTC):%Y-%m}", "--json", stdout=out)

    assert out.getvalue().strip() == "{}"


@pytest.mark.parametrize("said", [("2026-13", "UTC"), ("2026-1", "UTC"), ("2026-10", "Mars")])
def test_what_is_no_month_or_no_zone_is_refused(said: tuple[str, str]) -> None:
    with pytest.raises(CommandError):
        call_command("revenue", "--month", said[0], "--zone", said[1])


def test_operators_with_the_right_see_the_books_and_fetch_the_file(
    ada: Account, settings: Settings
) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    look(paid(ada))  # in the sandbox
    buyer = factories.new_account("grace", is_sandbox=False)
    bought = look(paid(buyer))
    month = f"{sales.clock(buyer):%Y-%m}"
    client, operator = Client(), User.objects.create_user("op", is_staff=True)
    signed_in(client, operator)

    assert client.get("/admin/revenue").status_code == 403
    operator.user_permissions.add(Permission.objects.get(codename="view_purchase"))
    page = client.get(f"/admin/revenue?month={month}").content.decode()
    file = client.get(f"/admin/revenue?month={month}&format=csv")

    assert "USD" in page
    assert page.count("50.00") == 4  # sold and closing, of the month and in all
    assert "2000-01" in (empty := client.get("/admin/revenue?month=2000-01").content.decode())
    assert "Nothing was sold or earned" in empty
    assert bought.pk in b"".join(file).decode()
    assert client.get("/admin/revenue?month=soon").status_code == 400
    assert Client().get("/admin/revenue").status_code == 302
