"""By a fixed amount no account has more of a compensation than one adjustment may give."""

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from billing.accounts.models import Account
from billing.corrections import services
from billing.corrections.amounts import Basis, Rule
from billing.corrections.errors import ShareAboveMaximum
from billing.corrections.models import Compensation
from billing.ledger.models import Entry
from billing.outbox.models import Message
from plans.credits import MICROS
from tests import factories
from tests.corrections import desk
from tests.jobs import shop

pytestmark = pytest.mark.usefixtures("ends_clean")
LOWER = desk.KEYS.replace('"500"', '"499.999999"')


@pytest.fixture
def touched(ada: Account, backend: None) -> Account:
    """Ada had two videos for 10 credits each."""
    factories.give(ada, 20, fact="pocket")
    for _number in range(2):
        shop.finish(shop.submit(ada, seconds=5))
    return ada


def rule(basis: Basis, credits_: int, *, cap: int | None = None) -> Rule:
    """Return one of so many whole credits for each."""
    return Rule(basis, fixed_micros=credits_ * MICROS, cap_micros=cap and cap * MICROS)


@pytest.mark.parametrize(
    ("wanted", "share"),
    [
        (rule(Basis.ACCOUNT, 501), "501"),
        (rule(Basis.JOB, 251), "502"),
        (rule(Basis.JOB, 9_000_000, cap=501), "501"),
        (Rule(Basis.ACCOUNT, fixed_micros=500 * MICROS + 1), "500.01"),
    ],
)
def test_what_is_beyond_an_adjustment_is_neither_shown_nor_asked_for(
    touched: Account, grace: User, wanted: Rule, share: str
) -> None:
    selection, before = desk.chosen(accounts=("ada",)), Entry.objects.count()

    for refused in (
        lambda: desk.look(selection, wanted),
        lambda: desk.claim(grace, selection, wanted, digest="0" * 64),
    ):
        with pytest.raises(ShareAboveMaximum) as refusal:
            refused()
        assert refusal.value.facts == {
            "field": "fixed_micros",
            "account": "ada",
            "share": share,
            "max": "500",
        }
    assert (Compensation.objects.exists(), Entry.objects.count()) == (False, before)


@pytest.mark.parametrize(
    "wanted", [rule(Basis.ACCOUNT, 500), rule(Basis.JOB, 250), rule(Basis.JOB, 9_000_000, cap=500)]
)
def test_exactly_as_much_as_an_adjustment_is_given(
    touched: Account, grace: User, rosa: User, wanted: Rule
) -> None:
    agreed = desk.agree(desk.claim(grace, desk.chosen(accounts=("ada",)), wanted), rosa)

    services.carry_out(compensation_id=agreed.pk, now=desk.now())

    assert factories.free_micros(touched) == 500 * MICROS


def test_what_was_charged_is_given_back_whatever_an_adjustment_may_give(
    touched: Account, grace: User, rosa: User
) -> None:
    desk.open_shop(desk.KEYS.replace('"500"', '"1"'))

    agreed = desk.agree(desk.claim(grace, desk.chosen()), rosa)
    services.carry_out(compensation_id=agreed.pk, now=desk.now())

    assert factories.free_micros(touched) == 20 * MICROS


def test_an_approval_is_bounded_by_the_catalog_of_its_day(
    touched: Account, grace: User, rosa: User
) -> None:
    asked = desk.claim(grace, desk.chosen(), rule(Basis.ACCOUNT, 500))
    desk.open_shop(LOWER)
    before = Entry.objects.count()

    with pytest.raises(ShareAboveMaximum) as refusal:
        desk.agree(asked, rosa)

    assert refusal.value.facts["max"] == "499.999999"
    asked.refresh_from_db()
    assert (asked.state, asked.approver, Entry.objects.count()) == ("requested", None, before)
    assert not Message.objects.filter(task="corrections.carry_out").exists()
    refused = services.refuse_compensation(compensation_id=asked.pk, approver=rosa, now=desk.now())
    assert refused.state == "refused"


def test_a_repeated_approval_stays_what_it_was(touched: Account, grace: User, rosa: User) -> None:
    agreed = desk.agree(desk.claim(grace, desk.chosen(), rule(Basis.ACCOUNT, 500)), rosa)
    desk.open_shop(LOWER)

    assert desk.agree(agreed, rosa).state == "approved"


def test_the_command_says_what_can_mend_it(touched: Account) -> None:
    with pytest.raises(CommandError, match=r"^--per-job or --per-account: ada would have 18000000"):
        call_command("compensate", "outage", "--since", "2h", "--per-job", "9000000")
