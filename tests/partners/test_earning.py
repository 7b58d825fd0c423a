"""What somebody does earns his referrer a reward: once, when it is due, and only if it stays."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from billing.accounts.models import Account
from billing.ledger.models import Debt, Entry, Grant
from billing.outbox.models import Message
from billing.packs.services import NOTHING
from billing.partners import services
from billing.partners.models import Referral, Reward
from billing.partners.services import sweeping
from billing.promotions.models import CampaignBudget
from billing.subscriptions import services as subscriptions
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop
from tests.partners import shelf

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def messages(account: Account) -> int:
    return Message.objects.filter(task="partners.look", arguments__account_id=account.pk).count()


def swept() -> int:
    """Return how much there was to do, all of it overdue to be looked at."""
    Referral.objects.filter(closed_at=None).update(looked_at=datetime.now(UTC) - DAY)
    return services.sweep(now=datetime.now(UTC))


def test_the_first_video_is_told_of_and_earns_once(ada: Account, bob: Account) -> None:
    shelf.come(bob, shelf.code_of(ada))
    told = messages(bob)
    video = shelf.make_video(bob)

    assert messages(bob) == told + 1
    shelf.look(bob)
    shelf.look(bob)

    reward = Reward.objects.get(account=ada)
    assert (reward.occasion, reward.fact, reward.state) == ("first_video", video, "granted")
    assert factories.free_micros(ada) == 10 * MICROS
    assert Referral.objects.get().closed_at is not None
    told = messages(bob)
    shelf.make_video(Account.objects.get(pk=bob.pk))
    shelf.look(bob)
    assert messages(bob) == told  # who earns nothing more is not told of
    assert Reward.objects.filter(account=ada).count() == 1
    assert shelf.is_clean()


def test_the_sweep_finds_what_no_message_told_of(ada: Account, bob: Account) -> None:
    shelf.come(bob, shelf.code_of(ada))
    shelf.make_video(bob)
    Message.objects.all().delete()

    assert swept() == 2  # a look, and a reward
    assert swept() == 0

    assert factories.free_micros(ada) == 10 * MICROS


def test_a_video_that_failed_or_was_ordered_too_late_earns_nothing(
    ada: Account, bob: Account
) -> None:
    shelf.come(bob, shelf.code_of(ada))
    factories.give(bob, 10)
    shop.fail(shop.submit(bob, seconds=5))
    factories.later(bob, 30 * DAY)
    shelf.make_video(bob)

    shelf.look(bob)

    assert not Reward.objects.filter(account=ada).exists()
    assert Referral.objects.get().closed_at is None
    services.look(account_id=bob.pk, now=datetime.now(UTC) + 38 * DAY)
    assert Referral.objects.get().closed_at is not None
    assert not Account.objects.filter(is_followed=True).exists()


def test_a_reward_waits_for_its_holdback_by_its_own_wallets_clock(
    ada: Account, bob: Account
) -> None:
    shelf.come(bob, shelf.code_of(ada, "buyers"))
    told = messages(bob)
    bought = shelf.buy(bob)
    assert messages(bob) == told + 1

    shelf.look(bob)

    reward = Reward.objects.get(account=ada)
    assert (reward.state, reward.due_at) == ("pending", bought.bought_at + 14 * DAY)
    assert shelf.collect(ada, "buyers") == []
    factories.later(ada, 14 * DAY - timedelta(minutes=1))
    assert swept() == 0
    assert factories.free_micros(ada) == 0

    factories.later(ada, timedelta(minutes=1))
    assert [one.state for one in shelf.collect(ada, "buyers")] == ["granted"]

    assert factories.free_micros(ada) == 5 * MICROS
    assert shelf.collect(ada, "buyers") == []
    assert shelf.is_clean()


def test_run_due_ends_and_pays_nothing_before_its_wallet_says_so(
    ada: Account, bob: Account
) -> None:
    shelf.come(bob, shelf.code_of(ada, "buyers"))
    shelf.buy(bob)
    out = StringIO()

    call_command("run_due", "--at", (datetime.now(UTC) + 20 * DAY).isoformat(), stdout=out)

    assert "rewards and referrals looked after: 0" in out.getvalue()
    shelf.look(bob)
    call_command("run_due", "--at", (datetime.now(UTC) + 20 * DAY).isoformat(), stdout=out)
    assert shelf.rewards(ada) == [("first_purchase", "pending")]
    factories.later(ada, 14 * DAY)
    call_command("run_due", stdout=out)
    assert shelf.rewards(ada) == [("first_purchase", "granted")]


@pytest.mark.parametrize("stumbling", ["look", "pay"])
def test_one_that_stumbles_keeps_nobody_waiting(
    ada: Account, bob: Account, monkeypatch: pytest.MonkeyPatch, stumbling: str
) -> None:
    code = shelf.code_of(ada)
    eve = shelf.newcomer("eve", after=bob)
    for guest in (bob, eve):
        shelf.come(guest, code)
        shelf.make_video(guest)
    if stumbling == "pay":
        services.look(account_id=bob.pk, now=datetime.now(UTC))
        services.look(account_id=eve.pk, now=datetime.now(UTC))
    first = Reward.objects.filter(account=ada).order_by("id").first()
    does = getattr(sweeping, stumbling)

    def stumble(**said: object) -> object:
        if bob.pk in said.values() or (first is not None and first.pk in said.values()):
            raise RuntimeError("stumbled")
        return does(**said)

    monkeypatch.setattr(sweeping, stumbling, stumble)
    swept()

    assert factories.free_micros(ada) == 10 * MICROS
    monkeypatch.undo()
    factories.later(ada, timedelta(hours=1))
    swept()
    assert factories.free_micros(ada) == 20 * MICROS


def test_a_subscription_with_a_price_is_a_purchase_and_a_present_is_none(
    ada: Account, bob: Account
) -> None:
    shelf.come(bob, shelf.code_of(ada, "buyers"))
    shelf.buy(bob, paid=NOTHING)
    subscriptions.start(account=bob, plan="pro")
    told = messages(bob)
    shelf.look(bob)
    assert not Reward.objects.exists()

    sold = subscriptions.start(account=bob, plan="pro", interval="P1M", currency="USD")
    assert messages(bob) == told + 1
    shelf.look(bob)

    assert Reward.objects.get().fact == sold.pk


def test_what_was_bought_before_he_came_earns_nothing(ada: Account, bob: Account) -> None:
    shelf.buy(bob)
    shelf.come(bob, shelf.code_of(ada, "buyers"))

    shelf.look(bob)

    assert not Reward.objects.exists()


def test_a_partner_earns_his_share_of_each_purchase_up_to_the_campaigns_credits(
    ada: Account, bob: Account
) -> None:
    shelf.admit(ada)
    shelf.come(bob, shelf.code_of(ada, "studio"))
    shelf.buy(bob, fact="order:1")  # of 100 credits a tenth; the bonus does not count
    subscriptions.start(account=bob, plan="pro", interval="P1M", currency="USD")
    shelf.look(bob)
    shelf.admit(ada, share_micros=200_000)
    shelf.buy(bob, fact="order:2")
    shelf.look(bob)
    shelf.open_shop(('credits = "25"', 'credits = "7"'))  # what was promised is kept
    shelf.buy(bob, fact="order:3")
    shelf.look(bob)

    found = Reward.objects.order_by("earned_at").values_list("amount_micros", "share_micros")
    assert list(found) == [(10 * MICROS, 100_000), (20 * MICROS, 200_000), (20 * MICROS, 200_000)]


def test_a_share_is_capped_and_rounded_down_to_the_unit(ada: Account, bob: Account) -> None:
    shelf.open_shop(
        ('share = "0.1"', 'share = "0.100099"'), ('credits = "25"', 'credits = "10.01"')
    )
    shelf.admit(ada)
    shelf.come(bob, shelf.code_of(ada, "studio"))
    shelf.buy(bob, fact="order:1")
    shelf.look(bob)
    assert Reward.objects.get().amount_micros == 10_000_000  # of 10.0099 two decimals: 10.00

    shelf.admit(ada, share_micros=200_000)
    shelf.buy(bob, fact="order:2")
    shelf.look(bob)

    assert Reward.objects.order_by("-earned_at")[0].amount_micros == 10_010_000


def test_a_subscription_is_no_first_purchase_where_a_share_of_credits_is_earned(
    ada: Account, bob: Account
) -> None:
    shelf.open_shop(('when = "each_purchase"', 'when = "first_purchase"'))
    shelf.admit(ada)
    shelf.come(bob, shelf.code_of(ada, "studio"))
    subscriptions.start(account=bob, plan="pro", interval="P1M", currency="USD")
    bought = shelf.buy(bob)

    shelf.look(bob)

    assert Reward.objects.get().fact == bought.pk


def test_nothing_counts_once_a_partners_time_is_over(ada: Account, bob: Account) -> None:
    shelf.admit(ada)
    shelf.come(bob, shelf.code_of(ada, "studio"))
    shelf.buy(bob, fact="order:1")
    shelf.look(bob)
    shelf.admit(ada, ends_at=datetime.now(UTC))
    shelf.buy(bob, fact="order:2")

    shelf.look(bob)

    assert Reward.objects.count() == 1


def test_beyond_the_budget_a_reward_waits_until_it_is_raised(ada: Account) -> None:
    code = shelf.code_of(ada)
    for number in range(3):  # of ten credits each, out of 25
        guest = shelf.newcomer(f"guest-{number}", after=ada)
        shelf.come(guest, code)
        shelf.make_video(guest)
        shelf.look(guest)

    last = Reward.objects.filter(account=ada).order_by("earned_at")[2]
    assert (last.state, last.reason) == ("pending", "campaign_exhausted")
    assert factories.free_micros(ada) == 20 * MICROS
    assert CampaignBudget.objects.get(campaign="invited").granted_micros == 20 * MICROS

    shelf.open_shop(('budget = "25"', 'budget = "30"'))
    factories.later(ada, timedelta(hours=1))
    assert swept() == 1

    assert factories.free_micros(ada) == 30 * MICROS
    assert shelf.is_clean()


def test_or_it_is_refused_where_the_programme_says_so(ada: Account) -> None:
    code = shelf.code_of(ada, "strict")
    for number in range(3):
        guest = shelf.newcomer(f"guest-{number}", after=ada)
        shelf.come(guest, code)
        shelf.look(guest)
    shelf.open_shop(('budget = "25"', 'budget = "30"'))
    factories.later(ada, timedelta(days=1))
    swept()

    assert shelf.rewards(ada) == [
        ("sign_up", "granted"),
        ("sign_up", "granted"),
        ("sign_up", "refused"),
    ]
    assert factories.free_micros(ada) == 20 * MICROS
    assert shelf.is_clean()


def test_a_campaign_of_one_a_month_pays_the_second_in_the_next(ada: Account) -> None:
    code = shelf.code_of(ada, "buyers")
    for number in range(2):
        guest = shelf.newcomer(f"guest-{number}", after=ada)
        shelf.come(guest, code)
        shelf.buy(guest)
        shelf.look(guest)
    now = factories.later(ada, 14 * DAY)
    shelf.collect(ada, "buyers")

    waiting = Reward.objects.get(state="pending")
    assert waiting.reason == "already_granted"
    assert waiting.try_at is not None
    factories.later(ada, waiting.try_at - now)
    shelf.collect(ada, "buyers")

    assert factories.free_micros(ada) == 10 * MICROS


@pytest.mark.parametrize(
    ("change", "state"),
    [
        # Over by the time at which it is due, it still was open when the reward was earned.
        (("until = 2190-01-01T00:00:00Z", "until = %s"), "granted"),
        (('code = "monthly"', 'code = "gone"'), "refused"),
    ],
)
def test_a_campaign_that_ends_within_the_holdback_still_pays(
    ada: Account, bob: Account, change: tuple[str, str], state: str
) -> None:
    shelf.come(bob, shelf.code_of(ada, "buyers"))
    shelf.buy(bob)
    shelf.look(bob)
    old, new = change
    ends_at = (datetime.now(UTC) + DAY).isoformat(timespec="seconds")
    changes = [(old, new.replace("%s", ends_at))]
    if state == "refused":
        changes.append(('reward = "monthly"', 'reward = "gone"'))
    shelf.open_shop(*changes)
    factories.later(ada, 14 * DAY)

    [settled] = shelf.collect(ada, "buyers")

    assert settled.state == state
    assert settled.reason == ("campaign_closed" if state == "refused" else "")


def test_given_back_within_the_holdback_it_earns_nothing_for_good(
    ada: Account, bob: Account
) -> None:
    shelf.come(bob, shelf.code_of(ada, "buyers"))
    bought = shelf.buy(bob)  # and nobody has looked yet

    assert (shelf.take_back(bought.pk), shelf.take_back(bought.pk)) == (1, 0)
    shelf.look(bob)
    factories.later(ada, 30 * DAY)
    swept()

    assert shelf.rewards(ada) == [("first_purchase", "void")]
    assert factories.free_micros(ada) == 0
    assert not CampaignBudget.objects.filter(campaign="monthly").exists()
    assert shelf.is_clean()


def test_given_back_later_its_grant_is_taken_back_and_what_was_spent_is_owed(
    ada: Account, bob: Account
) -> None:
    shelf.come(bob, shelf.code_of(ada, "buyers"))
    bought = shelf.buy(bob)
    shelf.look(bob)
    factories.later(ada, 14 * DAY)
    shelf.collect(ada, "buyers")
    factories.capture(ada, factories.hold(ada, 2), 2 * MICROS)
    other = factories.give(ada, 100)

    assert (shelf.take_back(bought.pk), shelf.take_back(bought.pk)) == (1, 0)

    reward = Reward.objects.get(account=ada)
    assert reward.state == "taken_back"
    assert reward.campaign_grant is not None
    grant = Grant.objects.get(pk=reward.campaign_grant.grant_id)
    assert (grant.revoked_micros, grant.captured_micros) == (3 * MICROS, 2 * MICROS)
    assert Debt.objects.get().amount_micros == 2 * MICROS
    assert Grant.objects.get(pk=other.pk).revoked_micros == 0
    assert Entry.objects.filter(cause_type="refund", cause_id=bought.pk).exists()
    assert shelf.is_clean()


def test_a_purchase_that_earned_nobody_anything_takes_nothing_back(ada: Account) -> None:
    bought = shelf.buy(ada)

    assert shelf.take_back(bought.pk) == shelf.take_back("pp_none") == 0
