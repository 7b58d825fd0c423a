"""A shop with a programme of every kind, and what its people do with them."""

from datetime import UTC, datetime
from typing import Final

from django.db import connection, transaction

from billing.accounts.models import Account
from billing.ids import new_id
from billing.insights import audit
from billing.packs import services as packs
from billing.packs.models import PackPurchase
from billing.packs.services import Paid
from billing.partners import services
from billing.partners.models import Partner, Referral, Reward
from tests import factories
from tests.jobs import shop
from tests.packs.shelf import PLATFORM

PLANS: Final = """
[[plan]]
code = "free"
name = { en = "Free", zh = "免费" }
free = true
  [plan.entitlements]
  concurrency = 100
  packs = true

[[plan]]
code = "pro"
name = { en = "Pro", zh = "专业" }
prices = [{ currency = "USD", interval = "P1M", list = "10" }]
  [plan.entitlements]
  concurrency = 100
  packs = true
"""
PROGRAMMES: Final = """
[[pack]]
code = "big"
name = { en = "Big", zh = "大包" }
credits = "100"
prices = [{ currency = "USD", list = "10" }]
  [pack.bonus]
  credits = "50"

[[campaign]]
code = "invited"
name = { en = "Invited", zh = "邀请" }
kind = "referral"
credits = "10"
budget = "25"
per_account = 1000

[[campaign]]
code = "hello"
name = { en = "Hello", zh = "你好" }
kind = "referral"
credits = "3"
budget = "1000"

[[campaign]]
code = "monthly"
name = { en = "Monthly", zh = "每月" }
kind = "referral"
credits = "5"
budget = "1000"
per = "month"
until = 2190-01-01T00:00:00Z

[[campaign]]
code = "fund"
name = { en = "Fund", zh = "基金" }
kind = "partner"
credits = "25"
budget = "1000"
per_account = 1000

[[programme]]
code = "invite"
name = { en = "Invite", zh = "邀请好友" }
kind = "referral"
when = "first_video"
reward = "invited"
welcome = "hello"
max_referrals = 3

[[programme]]
code = "buyers"
name = { en = "Buyers", zh = "买家" }
kind = "referral"
when = "first_purchase"
reward = "monthly"
holdback = "P14D"

[[programme]]
code = "strict"
name = { en = "Strict", zh = "限额" }
kind = "referral"
when = "sign_up"
reward = "invited"
exhausted = "refuse"

[[programme]]
code = "studio"
name = { en = "Studio", zh = "工作室" }
kind = "partner"
when = "each_purchase"
reward = "fund"
share = "0.1"
share_max = "0.2"
within = "P90D"
holdback = "P14D"
"""


def open_shop(*changes: tuple[str, str]) -> None:
    """Put the catalog in force, with some of its words changed."""
    text = PROGRAMMES
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    shop.open_shop(text, plans=PLANS)


def newcomer(name: str, *, after: Account) -> Account:
    """Return an account that was made in a later millisecond, by which ids are sorted."""
    moment = len("acc_") + 10
    while new_id("acc")[:moment] <= after.pk[:moment]:
        pass
    return factories.new_account(name, is_sandbox=after.is_sandbox)


def code_of(account: Account, programme: str = "invite") -> str:
    """Return the account's code, as people pass it on."""
    return str(services.link(account=account, programme=programme, now=datetime.now(UTC)))


@transaction.atomic
def come(account: Account, typed: str) -> Referral:
    """Come by a code, as the account's owner does."""
    return services.accept(account=account, typed=typed, now=datetime.now(UTC))


@transaction.atomic
def admit(
    account: Account, *, share_micros: int | None = None, ends_at: datetime | None = None
) -> Partner:
    """Admit a partner of the studio programme, as the platform's server would."""
    return services.admit(
        account=account,
        programme="studio",
        share_micros=share_micros,
        ends_at=ends_at,
        now=datetime.now(UTC),
    )


def make_video(account: Account) -> str:
    """Give the account what a video costs, have it made, and return the job."""
    factories.give(account, 10)
    return shop.finish(shop.submit(account, seconds=5)).pk


@transaction.atomic
def buy(account: Account, *, fact: str = "order:1", paid: Paid | None = None) -> PackPurchase:
    """Buy the big pack."""
    return packs.give(account=account, pack="big", fact=fact, paid=paid, actor=PLATFORM)


def look(account: Account) -> None:
    """Do what the message asks for that the account's deed has posted."""
    services.look_and_pay(account_id=account.pk, now=datetime.now(UTC))


def take_back(purchase_id: str) -> int:
    """Take back what the purchase has earned, as who gives the money back asks for."""
    return services.take_back(purchase_id=purchase_id, now=datetime.now(UTC))


@transaction.atomic
def collect(account: Account, programme: str = "invite") -> list[Reward]:
    """Have what is due, as its owner may."""
    return services.collect(account=account, programme=programme)


def rewards(account: Account) -> list[tuple[str, str]]:
    """Return for what the account was rewarded, and what became of that."""
    found = Reward.objects.filter(account=account).order_by("earned_at", "id")
    return [(one.occasion, one.state) for one in found]


def is_clean() -> bool:
    """Ask every rule of the database and of the audit."""
    connection.check_constraints()
    assert [str(breach) for breach in audit.breaches()] == []
    return True
