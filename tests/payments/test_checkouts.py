"""Who is sent to pay: for what, at which price, led back where, and who is not."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest
from django.db import transaction
from pytest_django import Settings

from billing.accounts.models import Account
from billing.http.models import IdempotentAnswer
from billing.payments import services
from billing.payments.errors import PaymentsNotConfigured
from billing.payments.models import Checkout, Customer
from billing.payments.services import Wish
from plans.credits import MICROS
from tests import factories
from tests.acts import frozen
from tests.jobs import shop
from tests.payments import till as tills
from tests.payments.till import BACK, Till

pytestmark = pytest.mark.django_db
PACK: Final = {"pack": "plain", "success_url": BACK}


def now() -> datetime:
    return datetime.now(UTC)


def items_of(till: Till, checkout: Checkout) -> list[tuple[int, int]]:
    """Return how many of what amount a page sells, in the currency's smallest unit."""
    page = till.peer.client().v1.checkout.sessions.line_items.list(checkout.stripe_id)
    return [(item.quantity or 0, item.price.unit_amount or 0) for item in page.data if item.price]


def plan(till: Till, code: str, interval: str = "P1M", **more: object) -> Checkout:
    body = {"plan": code, "interval": interval, "success_url": BACK, **more}
    answer = till.ask(body)
    assert answer.status_code == 201, answer.content
    return Checkout.objects.get(pk=answer.json()["id"])


def test_the_answer_tells_where_to_pay_and_how_much(till: Till, ada: Account) -> None:
    answer = till.ask({**PACK, "quantity": 3, "cancel_url": "https://app.example/"})

    body = answer.json()
    checkout = Checkout.objects.get()
    assert (answer.status_code, body["id"], body["url"]) == (201, checkout.pk, checkout.url)
    assert (body["status"], body["pack"], body["quantity"]) == ("open", "plain", 3)
    assert body["amount"] == {"amount": "27.00", "currency": "USD"}
    assert (body["plan"], body["renewal"], body["trial"]) == (None, None, None)
    assert items_of(till, checkout) == [(1, 700), (2, 1000)]
    assert till.read(f"/v1/checkout-sessions/{checkout.pk}").json() == body


def test_a_page_says_what_it_is_for(till: Till, ada: Account) -> None:
    checkout = till.sell()

    page = till.session_of(checkout)
    assert page["client_reference_id"] == checkout.pk
    assert page["metadata"] == {
        "linggan_fact": f"stripe:{checkout.pk}",
        "linggan_account": ada.pk,
        "linggan_checkout": checkout.pk,
        "linggan_pack": "plain",
        "linggan_quantity": str(checkout.quantity),
        "linggan_catalog": checkout.catalog_version_id,
    }
    assert page["success_url"] == BACK


@pytest.mark.parametrize(
    ("interval", "items", "off"),
    [("P1M", [(1, 2000)], 800), ("P6M", [(1, 10000)], 0), ("P1Y", [(1, 18000), (1, 2000)], 0)],
)
def test_a_plan_is_sold_by_the_month_the_half_year_and_the_year(
    till: Till, ada: Account, interval: str, items: list[tuple[int, int]], off: int
) -> None:
    """A lower first price is a coupon for the first bill; a higher one is a line of it."""
    checkout = plan(till, "pro", interval)

    assert items_of(till, checkout) == items
    [*coupons] = till.peer.objects().get("coupon", [])
    assert [(one["amount_off"], one["duration"]) for one in coupons] == (
        [(off, "once")] if off else []
    )
    usual = {"P1M": 20, "P6M": 100, "P1Y": 180}[interval]
    assert checkout.renewal_micros == usual * MICROS
    assert checkout.amount_micros == sum(n * each for n, each in items) * 10_000 - off * 10_000


def test_a_trial_is_paid_at_the_usual_price_afterwards(till: Till, ada: Account) -> None:
    checkout = plan(till, "tried")

    assert (checkout.trial, checkout.amount_micros) == ("P7D", 20 * MICROS)
    assert till.session_of(checkout)["discounts"] == []
    till.peer.pay(checkout.url)
    [contract] = till.peer.objects()["subscription"]
    assert contract["status"] == "trialing"
    assert contract["trial_end"] - contract["trial_start"] == 7 * 86_400
    assert contract["metadata"]["linggan_checkout"] == checkout.pk


def test_a_second_page_for_a_plan_closes_the_first(till: Till, ada: Account) -> None:
    first = plan(till, "pro")
    second = plan(till, "pro", "P1Y")

    assert till.session_of(first)["status"] == "expired"
    assert till.session_of(second)["status"] == "open"
    till.settle()
    assert Checkout.objects.get(pk=first.pk).state == "expired"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"pack": "none"}, 422, "unknown_pack"),
        ({"pack": "gone"}, 409, "not_on_sale"),
        ({"pack": "pros"}, 403, "not_entitled"),
        ({"pack": "plain", "quantity": 51}, 422, "quantity_out_of_range"),
        ({"plan": "none", "interval": "P1M"}, 422, "unknown_plan"),
        ({"plan": "past", "interval": "P1M"}, 422, "plan_not_on_sale"),
        ({"plan": "pro", "interval": "P2M"}, 422, "no_such_price"),
        ({"plan": "free", "interval": "P1M"}, 422, "no_such_price"),
        ({"plan": "pro", "interval": "P1M", "seats": 3}, 422, "seats_out_of_range"),
        ({}, 400, "malformed"),
        ({"plan": "pro"}, 400, "malformed"),
        ({"plan": "pro", "interval": "P1M", "pack": "plain"}, 400, "malformed"),
        ({"plan": "pro", "interval": "P1M", "quantity": 2}, 400, "malformed"),
        ({"pack": "plain", "seats": 2}, 400, "malformed"),
        ({"pack": "plain", "quantity": 0}, 400, "malformed"),
        ({"pack": "plain", "price": "0.01"}, 400, "malformed"),
    ],
)
def test_what_is_not_sold_is_refused_and_asks_nobody_to_pay(
    till: Till, ada: Account, body: dict[str, Any], status: int, code: str
) -> None:
    answer = till.ask({"success_url": BACK, **body})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Checkout.objects.exists()
    assert not Customer.objects.exists()
    assert "checkout.session" not in till.peer.objects()


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://app.example/back?x=1#y", True),
        ("http://127.0.0.1:3000/back", True),
        ("http://localhost/back", True),
        ("http://app.example/back", False),
        ("javascript:alert(1)", False),
        ("https://", False),
        ("https://ada@evil.example/", False),
        ("https://app.example\\@evil.example/", False),
        ("https://app.example/\u202e", False),
        ("https://[::1", False),
        ("//evil.example/", False),
        ("data:text/html,x", False),
    ],
)
def test_a_buyer_is_led_only_where_it_is_safe(
    till: Till,
    ada: Account,
    url: str,
    is_safe: bool,  # noqa: FBT001 (a case)
) -> None:
    answer = till.ask({**PACK, "success_url": url})
    other = till.ask({**PACK, "cancel_url": url})

    assert (answer.status_code == 201) is is_safe
    assert (other.status_code == 201) is is_safe
    if not is_safe:
        assert answer.json()["errors"][0]["pointer"] == "/success_url"
        assert other.json()["errors"][0]["pointer"] == "/cancel_url"
        assert not Checkout.objects.exists()


def test_where_hosts_are_named_nobody_is_led_elsewhere(
    till: Till, ada: Account, settings: Settings
) -> None:
    settings.RETURN_HOSTS = ["app.example"]

    assert till.ask(PACK).status_code == 201
    assert till.ask({**PACK, "success_url": "https://app.example.evil.example/"}).status_code == 422


def test_without_a_key_nothing_is_paid(till: Till, ada: Account, settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = ""

    for path, body in (
        ("/v1/checkout-sessions", PACK),
        ("/v1/portal-sessions", {"return_url": BACK}),
    ):
        answer = till.ask(body, path=path)
        assert (answer.status_code, answer.json()["code"]) == (503, "payments_not_configured")
    assert till.send("{}") == 503
    assert not Checkout.objects.exists()
    assert not IdempotentAnswer.objects.exists()


def test_a_sandbox_never_pays_real_money(till: Till, settings: Settings) -> None:
    sandbox = factories.new_account("ada", is_sandbox=True)
    settings.STRIPE_SECRET_KEY = "sk_live_of_nobody"

    with pytest.raises(PaymentsNotConfigured), transaction.atomic():
        services.ask(account=sandbox, wish=Wish(pack="plain", success_url=BACK), now=now())

    assert not Checkout.objects.exists()


def test_a_frozen_account_is_sent_to_no_page_and_what_is_paid_on_an_earlier_one_arrives(
    till: Till, ada: Account
) -> None:
    earlier = till.sell()
    frozen.freeze(ada)

    answer = till.ask(PACK)

    assert (answer.status_code, answer.json()["code"]) == (403, "account_frozen")
    assert Checkout.objects.count() == 1
    before = factories.free_micros(ada)
    till.peer.pay(earlier.url)
    till.settle()
    assert factories.free_micros(ada) > before


def test_one_key_opens_one_page(till: Till, ada: Account) -> None:
    first = till.ask(PACK, key="once")
    again = till.ask(PACK, key="once")
    other = till.ask({**PACK, "quantity": 2}, key="once")

    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert Checkout.objects.count() == len(till.peer.objects()["checkout.session"]) == 1


def test_a_refusal_is_kept_under_its_key(till: Till, ada: Account) -> None:
    refused = till.ask({**PACK, "pack": "pros"}, key="once")
    tills.open_till(packs=tills.PACKS.replace('code = "pros"', 'code = "never"'))

    again = till.ask({**PACK, "pack": "pros"}, key="once")

    assert (again.status_code, again.content) == (403, refused.content)


def test_a_key_is_required(till: Till, ada: Account) -> None:
    answer = till.ask(PACK, Idempotency_Key="")

    assert answer.status_code == 400
    assert not Checkout.objects.exists()


@pytest.mark.parametrize(
    "fault", ["error_before", "error_after", "cut_before", "cut_after", "rate_limit"]
)
@pytest.mark.parametrize("path", ["/v1/customers", "/v1/prices", "/v1/checkout/sessions"])
def test_whatever_goes_wrong_at_stripe_a_repeat_opens_the_one_page(
    till: Till, ada: Account, path: str, fault: str
) -> None:
    till.peer.break_next(fault, path=path, times=20)
    refused = till.ask(PACK, key="once")
    assert (refused.status_code, refused.json()["code"]) == (503, "payments_away")
    assert Checkout.objects.get().state == "asked"

    till.peer.mend()
    answer = till.ask(PACK, key="once")

    assert answer.status_code == 201
    checkout = Checkout.objects.get()
    made = till.peer.objects()
    assert [one["id"] for one in made["checkout.session"]] == [checkout.stripe_id]
    assert [one["id"] for one in made["customer"]] == [Customer.objects.get().stripe_id]


def test_another_ones_checkout_is_absent(till: Till, ada: Account) -> None:
    checkout = till.sell()
    factories.new_account("eve", is_sandbox=False)

    foreign = till.read(f"/v1/checkout-sessions/{checkout.pk}", name="eve")
    absent = till.read("/v1/checkout-sessions/co_0", name="eve")

    assert foreign.status_code == absent.status_code == 404
    assert {**foreign.json(), "request_id": ""} == {**absent.json(), "request_id": ""}


def test_the_portal_opens_for_the_accounts_own_customer(till: Till, ada: Account) -> None:
    answer = till.ask({"return_url": BACK}, path="/v1/portal-sessions")
    unsafe = till.ask({"return_url": "http://evil.example"}, path="/v1/portal-sessions")

    assert answer.status_code == 201
    assert till.peer.look(answer.json()["url"]).status == 200
    assert (unsafe.status_code, unsafe.json()["code"]) == (422, "unsafe_address")


def test_a_wrong_price_at_stripe_is_paid_by_nobody(till: Till, ada: Account) -> None:
    shop.open_shop(tills.WAYS, tills.PACKS.replace('"10"', '"11"'), plans=tills.PLANS)

    answer = till.ask(PACK)

    assert (answer.status_code, answer.json()["code"]) == (503, "price_out_of_step")
    assert "checkout.session" not in till.peer.objects()


def test_a_currency_without_a_usable_way_to_pay_is_refused(till: Till, ada: Account) -> None:
    """A wallet cannot be asked again each month."""
    tills.open_till(ways='[payments]\nmethods = { USD = ["alipay"] }\n')
    Account.objects.filter(pk=ada.pk).update(currency="USD")

    of_plan = till.ask({"plan": "pro", "interval": "P1M", "success_url": BACK})
    of_pack = till.ask(PACK)

    assert (of_plan.status_code, of_plan.json()["code"]) == (422, "no_payment_method")
    assert of_pack.status_code == 201
