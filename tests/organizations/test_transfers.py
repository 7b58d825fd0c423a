"""Credits that one account gives to another: what may go, how it arrives, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from billing.accounts.errors import AccountFrozen
from billing.accounts.members import Organization
from billing.accounts.models import Account
from billing.ledger.errors import AmountOutOfRange, InsufficientCredits
from billing.ledger.models import Entry, Grant, Transfer
from billing.organizations import services
from billing.organizations.errors import NotTransferable, ToOneself, TransferTooSmall
from billing.subscriptions import services as subscriptions
from billing.webhooks.models import Event
from plans.credits import MICROS
from tests import factories
from tests.matrix.operators import operator_of
from tests.organizations import studio
from tests.organizations.conftest import Ask

DAY = timedelta(days=1)


@pytest.fixture
def two(team: Organization) -> tuple[Account, Account]:
    """Cleo has 20 bought credits beside her free ones; Dan has an account."""
    cleo = studio.member(team, "cleo").account
    factories.give(cleo, 20, source="pack", expires_in=30 * DAY, priority=5, pack="p20")
    return cleo, factories.new_account("dan")


def test_the_credits_are_the_others_with_all_their_terms(two: tuple[Account, Account]) -> None:
    cleo, dan = two
    bought = Grant.objects.get(source="pack")

    made = studio.transfer(cleo, "dan", 15, fact="once")
    again = studio.transfer(cleo, "dan", 15, fact="once")

    assert again == made
    assert Event.objects.filter(type="credits.transferred").count() == 1
    came = Grant.objects.get(part_in__transfer=made)
    assert (came.source, came.priority, came.pack, came.expires_at) == (
        *("pack", 5, "p20", bought.expires_at),
    )
    assert (came.wallet.account, came.amount_micros) == (dan, 15 * MICROS)
    assert studio.credits_of(cleo) == 10 + 5
    sent = Entry.objects.get(kind="transfer")
    arrived = Entry.objects.get(grant=came)
    assert {(one.cause_type, one.cause_id) for one in (sent, arrived)} == {("transfer", made.pk)}
    studio.checked()


def test_only_what_the_catalog_names_can_be_given(two: tuple[Account, Account]) -> None:
    cleo, _dan = two
    before = studio.facts()

    with pytest.raises(InsufficientCredits) as refused:
        studio.transfer(cleo, "dan", 21)
    assert (refused.value.facts["available"], refused.value.facts["unusable"]) == ("20", "10")
    with pytest.raises(TransferTooSmall):
        studio.transfer(cleo, "dan", 1)
    with pytest.raises(ToOneself):
        studio.transfer(cleo, "cleo", 2)
    with pytest.raises(AmountOutOfRange):
        studio.transfer(cleo, "dan", 10**13)
    studio.open_shop(transfers="")
    with pytest.raises(NotTransferable):
        studio.transfer(cleo, "dan", 2)
    assert studio.facts() == before


def test_what_was_lent_cannot_be_passed_on(team: Organization, two: tuple[Account, ...]) -> None:
    cleo, _dan = two
    studio.open_shop(transfers='transfers = { sources = ["allotment"] }')
    factories.give(team.account, 9)
    studio.allot(team, "cleo", 9)

    with pytest.raises(InsufficientCredits):
        studio.transfer(cleo, "dan", 9)


def test_over_rest_it_is_given_once_and_both_are_told(
    team: Organization, two: tuple[Account, Account], ask: Ask
) -> None:
    cleo, dan = two
    body = {"to": "dan", "credits": "5", "note": "谢谢"}

    made = ask("cleo", "post", "/v1/transfers", body, key="k")

    assert made.status_code == 201, made.content
    assert ask("cleo", "post", "/v1/transfers", body, key="k").content == made.content
    assert (made.json()["sender"], made.json()["to"]) == ("cleo", "dan")
    for who in ("cleo", "dan"):
        [one] = ask(who, "get", "/v1/transfers").json()["data"]
        assert (one["id"], one["note"]) == (made.json()["id"], "谢谢")
    assert Event.objects.get(account=cleo).type == "credits.transferred"
    assert Event.objects.get(account=dan).type == "credits.granted"


def test_a_pool_is_given_from_by_those_who_answer_for_it(
    team: Organization, two: tuple[Account, Account], ask: Ask
) -> None:
    factories.give(team.account, 10, source="pack")
    body = {"to": "dan", "credits": "5"}

    assert ask("cleo", "post", "/v1/transfers", body, team=team).status_code == 403
    assert ask("eve", "post", "/v1/transfers", body, team=team).status_code == 404
    assert ask("ben", "post", "/v1/transfers", body, team=team).status_code == 201
    assert studio.credits_of(team.account) == 5


def test_the_other_side_of_the_sandbox_gets_nothing(two: tuple[Account, Account], ask: Ask) -> None:
    factories.new_account("live", is_sandbox=False)
    before = studio.facts()

    answer = ask("cleo", "post", "/v1/transfers", {"to": "live", "credits": "5"})

    assert (answer.status_code, studio.facts()) == (404, before)


def test_a_frozen_member_gives_and_lends_nothing_of_the_pool(team: Organization) -> None:
    factories.give(team.account, 20, source="pack")
    ben = studio.member(team, "ben")
    by, now = operator_of("support"), datetime.now(UTC)
    subscriptions.freeze(account=ben.account, operator=by, reason="Stolen.", now=now)
    said: dict[str, Any] = {"to": "ada", "amount_micros": 5 * MICROS, "by": ben}
    said["actor"] = studio.actor(ben.account)

    with pytest.raises(AccountFrozen), transaction.atomic():
        services.transfer(sender=team.account, fact="given", **said)
    with pytest.raises(AccountFrozen), transaction.atomic():
        services.allot(team, fact="lent", **said)

    assert not Transfer.objects.exists()
    assert studio.credits_of(team.account) == 20
