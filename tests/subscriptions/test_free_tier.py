"""One free tier for each identity: who is admitted, when it begins, and when it is over."""

from datetime import timedelta
from typing import Any, Final

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from billing.accounts import tokens
from billing.accounts.errors import FreeTierRefused, InvalidSignal
from billing.accounts.models import Account, FreeTier, FreeTierCount, Identity
from billing.accounts.services import create_api_key
from billing.insights import audit
from billing.jobs import services as jobs
from billing.jobs.orders import JobOrder
from billing.jobs.shapes.quotes import quote_body
from billing.ledger.models import Allowance, Grant
from billing.subscriptions import services
from plans.credits import MICROS
from tests import factories
from tests.subscriptions.conftest import Vary
from tests.subscriptions.sign_ups import AUTO, CAPS, DAILY, OPEN, RULE, person, state_of, tell

pytestmark = pytest.mark.django_db
ORDER: Final = JobOrder(
    spec={"model": "kling-v1-6", "mode": "std", "seconds": 5}, inputs={"prompt": "a cat"}
)


def test_without_a_rule_everybody_has_it_and_nothing_is_decided(vary: Vary) -> None:
    vary(AUTO)

    ada = person("ada", email="ada@example.com")

    assert factories.free_micros(ada) == DAILY
    assert not FreeTier.objects.exists()


def test_the_first_account_of_an_identity_has_it_and_the_second_has_nothing(vary: Vary) -> None:
    vary(AUTO, more=RULE)

    ada = person("ada", email="ada@gmail.com")
    again = person("ada-2", email="A.d.a+x@googlemail.com")

    assert factories.free_micros(ada) == DAILY
    assert factories.free_micros(again) == 0
    assert state_of(again) == "refused"
    assert not Allowance.objects.filter(wallet__account=again).exists()
    factories.later(again, timedelta(days=40))
    assert factories.free_micros(again) == 0
    assert list(audit.breaches()) == []


def test_it_begins_when_the_missing_signal_comes_and_only_once(vary: Vary) -> None:
    vary(AUTO, more=RULE)
    ada = factories.new_account("ada")
    factories.settle(ada)  # she looked at her balance before she had verified her address

    assert factories.free_micros(ada) == 0
    refusal = tell(ada, device="d1")
    assert refusal is not None
    assert (refusal.facts["reason"], refusal.facts["remedy"]) == ("signals_missing", "give_signals")
    assert tell(ada, email="ada@example.com") is None
    assert tell(ada, email="ada@example.com") is None
    assert factories.free_micros(ada) == DAILY
    assert Grant.objects.count() == 1


def test_a_later_signal_that_had_its_free_tier_ends_this_one_and_takes_nothing_back(
    vary: Vary,
) -> None:
    vary(AUTO, more=RULE)
    person("ada", email="ada@example.com", card="fp_1")
    farm = person("farm", email="farm@example.com")
    assert factories.free_micros(farm) == DAILY

    refusal = tell(farm, card="fp_1")

    assert refusal is not None
    assert refusal.facts["reason"] == "identity_taken"
    assert factories.free_micros(farm) == DAILY
    factories.later(farm, timedelta(days=2))
    assert factories.free_micros(farm) == 0
    assert state_of(farm) == "refused"


def test_bought_credits_and_paid_plans_are_not_touched(vary: Vary) -> None:
    vary(AUTO, more=RULE)
    person("ada", email="ada@example.com")
    again = person("again", email="ada@example.com")
    factories.give(again, 5, source="pack")

    services.start(account=again, plan="standard", interval="P1M", currency="CNY")

    assert factories.free_micros(again) > 5 * MICROS
    had = factories.free_micros(again)
    services.end(account=again)
    factories.later(again, timedelta(days=3))
    assert factories.free_micros(again) <= had
    assert not Allowance.objects.filter(wallet__account=again, ends_at=None).exists()


def test_who_falls_back_from_a_paid_plan_is_asked_then(vary: Vary) -> None:
    vary(AUTO, more=RULE)
    ada, bob = factories.new_account("ada"), factories.new_account("bob")
    for one in (ada, bob):
        services.start(account=one, plan="standard")
    tell(ada, email="ada@example.com")
    tell(bob, email="ada@example.com")
    assert not FreeTier.objects.exclude(state="waiting").exists()  # nobody has taken it yet

    services.end(account=bob)
    services.end(account=ada)

    assert (state_of(bob), state_of(ada)) == ("admitted", "refused")
    assert Allowance.objects.get(ends_at=None).wallet.account == bob


def test_who_had_it_before_there_was_a_rule_keeps_it(vary: Vary) -> None:
    vary(AUTO)
    ada = factories.new_account("ada")
    factories.settle(ada)
    vary(AUTO, more=CAPS.replace("per_day = 3", "per_day = 1"))
    person("bob", ip="203.0.113.1")  # the day is full

    assert tell(ada, ip="203.0.113.1") is None
    assert state_of(ada) == "admitted"
    assert Allowance.objects.filter(wallet__account=ada, ends_at=None).exists()


def test_moving_the_free_plan_gives_those_who_are_shut_out_nothing(vary: Vary) -> None:
    vary(AUTO, more=RULE)
    person("ada", email="ada@example.com")
    again = person("again", email="ada@example.com")
    moved = ('free = true\nref = ["llms", "seed"]', 'free = true\nexisting = "move"')
    vary(AUTO, moved, ('"auto"\n  credits = "66"', '"auto"\n  credits = "70"'), more=RULE)

    found = services.move_subscribers(now=timezone.now())

    assert found == 1
    assert not Allowance.objects.filter(wallet__account=again).exists()


def test_moving_the_free_plan_keeps_those_who_had_it_before_there_was_a_rule(vary: Vary) -> None:
    vary(AUTO)
    ada = factories.new_account("ada")
    factories.settle(ada)
    moved = ('free = true\nref = ["llms", "seed"]', 'free = true\nexisting = "move"')
    vary(AUTO, moved, ('"auto"\n  credits = "66"', '"auto"\n  credits = "70"'), more=CAPS)

    assert services.move_subscribers(now=timezone.now()) == 1

    assert state_of(ada) == "admitted"
    under_way = Allowance.objects.get(wallet__account=ada, ends_at=None)
    assert under_way.amount_micros == 70 * MICROS


def test_so_many_an_address_and_so_many_a_day_then_the_next_day(vary: Vary) -> None:
    vary(AUTO, more=CAPS)
    first = [person(f"a{number}", ip="203.0.113.1") for number in range(3)]
    others = [person(f"b{number}", ip=f"203.0.113.{number + 2}") for number in range(2)]

    assert [state_of(one) for one in first] == ["admitted", "admitted", "waiting"]
    assert [state_of(one) for one in others] == ["admitted", "waiting"]
    assert FreeTier.objects.get(account=first[2]).reason == "ip_day_full"
    assert FreeTier.objects.get(account=others[1]).reason == "day_full"
    assert services.admit_due() == 0
    factories.later(others[1], timedelta(days=1))
    assert services.admit_due() == 1
    assert factories.free_micros(others[1]) == DAILY
    assert state_of(others[1]) == "admitted"
    assert {count.begun for count in FreeTierCount.objects.filter(cap="day_full")} == {3, 1}


def test_the_sandbox_has_its_own_identities_and_counts(vary: Vary) -> None:
    vary(AUTO, more=RULE)
    person("ada", email="ada@example.com")
    live = factories.new_account("ada", is_sandbox=False)

    assert tell(live, email="ada@example.com") is None
    assert Identity.objects.count() == 2
    assert factories.free_micros(live) == DAILY


def test_some_hundred_sign_ups_of_a_farm_get_one_for_each_mailbox(vary: Vary) -> None:
    vary(AUTO, more=OPEN)

    for number in range(240):
        person(f"u{number}", email=f"u{number % 40}+{number}@gmail.com", device=f"d{number % 60}")

    assert FreeTier.objects.filter(state="admitted").count() == 40
    assert Grant.objects.count() == 40
    assert Identity.objects.filter(kind="email").exclude(free_tier_of=None).count() == 40


def test_values_are_sealed_and_found_again_while_keys_rotate(
    vary: Vary, settings: Settings
) -> None:
    vary(AUTO, more=RULE)
    settings.IDENTITY_KEYS = ["a" * 40]
    person("ada", email="ada@example.com")
    old = bytes(Identity.objects.get().digest)

    settings.IDENTITY_KEYS = ["b" * 40, "a" * 40]
    again = person("again", email="ada@example.com")
    fresh = person("fresh", email="fresh@example.com")
    settings.IDENTITY_KEYS = ["b" * 40]

    assert state_of(again) == "refused"
    assert state_of(person("last", email="fresh@example.com")) == "refused"
    assert state_of(fresh) == "admitted"
    assert len({bytes(one.digest) for one in Identity.objects.all()} | {old}) == 4


def test_an_addresss_cap_goes_on_while_keys_rotate(vary: Vary, settings: Settings) -> None:
    vary(AUTO, more=CAPS.replace("per_day = 3", ""))
    settings.IDENTITY_KEYS = ["a" * 40]
    person("ada", ip="203.0.113.1")
    settings.IDENTITY_KEYS = ["b" * 40, "a" * 40]
    for number in range(3):
        person(f"b{number}", ip="203.0.113.1")

    assert FreeTier.objects.filter(state="admitted").count() == 2
    assert list(audit.breaches()) == []


def test_who_waits_longest_is_asked_first(vary: Vary) -> None:
    vary(AUTO, more=CAPS.replace("per_day = 3", "per_day = 1"))
    later, sooner = factories.new_account("later"), factories.new_account("sooner")
    person("first", ip="203.0.113.1")
    tell(sooner, ip="203.0.113.2")
    tell(later, ip="203.0.113.3")
    for one in (sooner, later):
        factories.later(one, timedelta(days=1))

    services.admit_due()

    assert [state_of(sooner), state_of(later)] == ["admitted", "waiting"]


def test_a_wrong_value_is_refused_and_nothing_is_kept(vary: Vary) -> None:
    vary(AUTO, more=RULE)
    ada = factories.new_account("ada")

    with pytest.raises(InvalidSignal):
        tell(ada, email="ada@example.com", ip="nowhere")

    assert not Identity.objects.exists()


def test_a_check_in_and_a_quote_say_why_there_is_nothing(vary: Vary) -> None:
    vary(more=RULE)
    person("ada", email="ada@example.com")
    again = person("again", email="ada@example.com")

    with pytest.raises(FreeTierRefused) as why:
        factories.claim(again)
    told = quote_body(jobs.quote(account=again, order=ORDER))

    assert why.value.facts["reason"] == "identity_taken"
    assert [reason["code"] for reason in told["reasons"]][-2:] == [
        "insufficient_credits",
        "free_tier_refused",
    ]
    assert not Grant.objects.exists()


# -- over REST -----------------------------------------------------------------------------------
@pytest.fixture
def serve() -> Any:  # noqa: ANN401 (calls as the platform)
    """Return what tells signals as the platform's own server."""
    _key, secret = create_api_key("platform", ["accounts:write"], now=timezone.now())
    client = Client(raise_request_exception=False)

    def call(name: str, body: object, **headers: str) -> Any:  # noqa: ANN401 (Django's test response)
        return client.post(
            f"/v1/accounts/{name}/signals",
            data=body,
            content_type="application/json",
            headers={"Authorization": f"Bearer {secret}", **headers},
        )

    return call


def test_the_platform_tells_signals_and_the_person_sees_why(vary: Vary, serve: Any) -> None:  # noqa: ANN401 (as above)
    vary(AUTO, more=RULE)
    admitted = serve("ada", {"email": "ada@example.com", "ip": "203.0.113.1"})
    refusal = serve("eve", {"email": "ADA@example.com"})
    wrong = serve("eve", {"email": "no address"})
    empty, strange = serve("eve", {}), serve("eve", {"emails": "x"})
    token = tokens.sign("eve", lifetime=timedelta(hours=1), now=timezone.now())
    eve = {"Authorization": f"Bearer {token}"}
    balance = Client().get("/v1/balance", headers=eve).json()
    herself = Client().post(
        "/v1/accounts/eve/signals",
        data={"email": "new@example.com"},
        content_type="application/json",
        headers=eve,
    )

    assert (admitted.status_code, admitted.json()["free_tier"]["admitted"]) == (200, True)
    assert refusal.json()["free_tier"]["reason"] == "identity_taken"
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_signal")
    assert [empty.status_code, strange.status_code] == [400, 400]
    assert balance["free_tier"] == refusal.json()["free_tier"]
    assert balance["available"] == "0"
    assert herself.status_code == 403


def test_which_signals_are_missing_is_told_to_the_platform_alone(vary: Vary, serve: Any) -> None:  # noqa: ANN401 (as above)
    vary(AUTO, more=RULE.replace('["email"]', '["email", "ip"]'))
    scopes = ["balance:read", "jobs:read", "jobs:write"]
    _key, secret = create_api_key("shop", scopes, now=timezone.now())
    token = tokens.sign("ada", lifetime=timedelta(hours=1), now=timezone.now())
    platform = {"Authorization": f"Bearer {secret}", "X-Account": "ada"}
    herself = {"Authorization": f"Bearer {token}"}
    order = {"model": "kling-v1-6", "task": "text_to_video", "inputs": {"prompt": "a kite"}}

    told = serve("ada", {"email": "ada@example.com"}).json()["free_tier"]
    heard = {}
    for who, headers in (("platform", platform), ("herself", herself)):
        client = Client(headers=headers)
        quote = client.post("/v1/quotes", data=order, content_type="application/json").json()
        shut_out = next(one for one in quote["reasons"] if one["code"] == "free_tier_refused")
        balance = client.get("/v1/balance").json()["free_tier"]
        heard[who] = [balance.get("missing"), shut_out.get("missing")]

    assert (told["reason"], told["missing"]) == ("signals_missing", ["ip"])
    assert heard == {"platform": [["ip"], ["ip"]], "herself": [None, None]}


def test_a_sandbox_key_tells_of_sandbox_accounts_only(vary: Vary, serve: Any) -> None:  # noqa: ANN401 (as above)
    vary(AUTO, more=RULE)
    _key, secret = create_api_key("test", ["accounts:write"], is_sandbox=True, now=timezone.now())

    serve("ada", {"email": "a@example.com"}, Authorization=f"Bearer {secret}")

    assert Account.objects.get().is_sandbox
    assert Identity.objects.get().is_sandbox
