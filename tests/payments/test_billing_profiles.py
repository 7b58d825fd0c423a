"""To whom invoices are made out: what is no tax number is refused, and what was paid stays."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from billing.accounts import tokens
from billing.accounts.models import Account
from billing.payments.models import BillingProfile, Invoice
from billing.payments.services import profiles
from billing.payments.services.profiles import Said
from billing.payments.tax_numbers import is_social_credit_code, is_tax_number
from plans.credits import MICROS
from tests import factories

COMPANY = {
    "kind": "company",
    "title": "北京灵感科技有限公司",
    "tax_number": "91350100M000100Y43",  # the example of the standard
    "email": "ada@example.com",
}
SPECIAL = {
    **COMPANY,
    "invoice_type": "special",
    "address": "北京市海淀区一号",
    "phone": "010-62345678",
    "bank": "中国银行北京分行",
    "bank_account": "3301 5678 9012 345",
}
Ask = Callable[..., Any]


@pytest.fixture
def ada(db: None) -> Account:
    """Ada is a customer, not in the sandbox."""
    factories.publish_kling()
    return factories.new_account("ada", is_sandbox=False)


@pytest.fixture
def ask(ada: Account) -> Ask:
    """Return what calls the API as Ada, or as somebody else."""
    client = Client(raise_request_exception=False)

    def call(method: str, path: str, body: object = None, *, name: str = "ada") -> Any:  # noqa: ANN401 (Django's test response)
        token = tokens.sign(name, lifetime=timedelta(hours=1), now=datetime.now(UTC))
        content = {"data": body, "content_type": "application/json"} if body else {}
        return getattr(client, method)(
            path, headers={"Authorization": f"Bearer {token}"}, **content
        )

    return call


@pytest.mark.parametrize("code", ["91350100M000100Y43", "91310115591693856A", "12100000400000624D"])
def test_a_social_credit_code_checks_itself(code: str) -> None:
    assert is_social_credit_code(code)
    for place in range(18):
        for other in "0123456789":
            if other != code[place]:
                assert not is_social_credit_code(code[:place] + other + code[place + 1 :])


@pytest.mark.parametrize(
    "written", ["", "91350100M000100Y4", "91350100m000100y43", "91350100I000100Y43", "9" * 18]
)
def test_what_is_no_tax_number_is_seen(written: str) -> None:
    assert not is_tax_number(written)


def test_the_number_of_before_still_names_a_company() -> None:
    assert is_tax_number("110108717743469")


def test_a_profile_is_said_and_read_again_and_nobody_else_has_it(ask: Ask) -> None:
    assert ask("get", "/v1/billing-profile").status_code == 404

    answer = ask("put", "/v1/billing-profile", SPECIAL)

    assert answer.status_code == 200, answer.content
    said = ask("get", "/v1/billing-profile").json()
    assert said == answer.json()
    assert {name: said[name] for name in SPECIAL} == SPECIAL
    assert ask("get", "/v1/billing-profile", name="eve").status_code == 404
    assert ask("put", "/v1/billing-profile", {"kind": "personal", "title": "王小明"}).json() == {
        **dict.fromkeys(["tax_number", "address", "phone", "bank", "bank_account", "email"], ""),
        "kind": "personal",
        "title": "王小明",
        "invoice_type": "normal",
        "updated_at": BillingProfile.objects.get().updated_at.isoformat().replace("+00:00", "Z"),
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tax_number": "91350100M000100Y44"}, "tax_number"),
        ({"tax_number": ""}, "tax_number"),
        ({"kind": "personal"}, "invoice_type"),
        ({"address": ""}, "address"),
        ({"bank": " "}, "bank"),
        ({"phone": "call me"}, "phone"),
        ({"bank_account": "abc"}, "bank_account"),
        ({"bank_account": "6200 0000 0000 0005"}, "bank_account"),  # a card's
    ],
)
def test_what_no_invoice_can_be_made_out_by_is_refused(
    ask: Ask, change: dict[str, str], field: str
) -> None:
    answer = ask("put", "/v1/billing-profile", {**SPECIAL, **change})

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_billing_profile"
    assert answer.json()["field"] == field
    assert not BillingProfile.objects.exists()


def test_the_database_wants_a_whole_profile_too(ada: Account) -> None:
    now = datetime.now(UTC)
    bare = BillingProfile(
        account=ada,
        kind="company",
        invoice_type="normal",
        title="X",
        created_at=now,
        updated_at=now,
    )

    with pytest.raises(IntegrityError, match="of_a_company_has_a_tax_number"), transaction.atomic():
        bare.save()
    bare.tax_number, bare.invoice_type = "91350100M000100Y43", "special"
    with pytest.raises(IntegrityError, match="special_is_whole"), transaction.atomic():
        bare.save()


def invoice(account: Account, number: int = 1, *, status: str = "paid") -> Invoice:
    """Return a bill as it was seen last."""
    at = datetime(2026, 10, 1, tzinfo=UTC) + timedelta(days=number // 2)
    return Invoice.objects.create(
        stripe_id=f"in_{number:03}",
        account=account,
        number=f"A-{number}",
        status=status,
        currency="CNY",
        amount_micros=66 * MICROS,
        paid_micros=66 * MICROS if status == "paid" else 0,
        page_url=f"https://pay.example/{number}",
        pdf_url=f"https://pay.example/{number}.pdf",
        created_at=at,
        paid_at=at if status == "paid" else None,
        seen_at=at,
    )


@transaction.atomic
def stamp(paid: Invoice) -> None:
    profiles.stamp(paid)


def test_a_paid_invoice_keeps_to_whom_it_was_made_out(ada: Account, ask: Ask) -> None:
    bill = invoice(ada)
    stamp(bill)
    assert not Invoice.objects.exclude(buyer=None).exists()
    profiles.keep(ada, Said(**{"invoice_type": "normal", **COMPANY}), now=datetime.now(UTC))

    stamp(bill)
    profiles.keep(ada, Said("personal", "normal", "王小明"), now=datetime.now(UTC))
    stamp(bill)

    buyer = Invoice.objects.get().buyer
    assert buyer is not None and buyer["title"] == COMPANY["title"]  # noqa: PT018 (one thought)
    assert ask("get", "/v1/invoices").json()["data"][0]["buyer"]["title"] == COMPANY["title"]
    with pytest.raises(IntegrityError, match="invoice_keeps_its_buyer"), transaction.atomic():
        Invoice.objects.filter(pk=bill.pk).update(buyer=None)


def test_an_open_invoice_is_made_out_to_nobody_yet(ada: Account) -> None:
    profiles.keep(ada, Said("personal", "normal", "王小明"), now=datetime.now(UTC))
    bill = invoice(ada, status="open")

    stamp(bill)

    assert bill.buyer is None


def test_invoices_are_listed_newest_first_with_their_pages(ada: Account, ask: Ask) -> None:
    for number in range(5):
        invoice(ada, number)
    invoice(ada, 9, status="draft")
    invoice(factories.new_account("eve", is_sandbox=False), 10)

    first = ask("get", "/v1/invoices?limit=2").json()
    second = ask("get", f"/v1/invoices?limit=2&cursor={first['next']}").json()
    third = ask("get", f"/v1/invoices?limit=2&cursor={second['next']}").json()

    told = [*first["data"], *second["data"], *third["data"]]
    assert [one["id"] for one in told] == ["in_004", "in_003", "in_002", "in_001", "in_000"]
    assert third["next"] is None
    assert told[0]["amount"] == {"amount": "66.00", "currency": "CNY"}
    assert told[0]["pdf_url"] == "https://pay.example/4.pdf"
    assert (told[0]["status"], told[0]["period"], told[0]["purchases"]) == ("paid", None, [])
