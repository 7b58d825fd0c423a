"""Worlds in which every write that takes a key can be made; each says its writes in order."""

from datetime import UTC, datetime, timedelta
from typing import Final

from billing.accounts import services as accounts
from billing.accounts import tokens
from billing.accounts.members import Membership, Organization
from billing.accounts.models import Account, AccountSignal
from billing.accounts.scopes import Scope
from billing.http.models import IdempotentAnswer
from billing.ids import new_id
from billing.jobs.models import Job
from billing.ledger.models import Grant, Transfer
from billing.organizations.models import Allotment
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.packs.models import PackPurchase
from billing.partners import services as programmes
from billing.partners.models import Partner, Referral
from billing.payments.models import Checkout, Contract, PlanChange, Refund
from billing.promotions import services as promotions
from billing.promotions.models import CampaignGrant, Redemption
from billing.promotions.services import Gift
from billing.sandbox import services as clocks
from billing.sandbox.models import TestClock, TestClockAccount
from billing.subscriptions.models import Subscription
from billing.webhooks.models import Delivery, Endpoint, Event
from tests import factories
from tests.http.repeating import World, Write
from tests.organizations import studio
from tests.packs import shelf as packs
from tests.partners import shelf as partners
from tests.payments import back
from tests.payments.lives import Life
from tests.payments.till import BACK

HOOK: Final = "https://hooks.example.com/linggan"
SPEC: Final = {"model": "kling-v1-6", "mode": "std", "seconds": 5, "inputs": {"prompt": "a kite"}}


def person(name: str, *, is_sandbox: bool = False) -> dict[str, str]:
    """Return the headers of a person."""
    token = tokens.sign(
        name, lifetime=timedelta(hours=1), is_sandbox=is_sandbox, now=datetime.now(UTC)
    )
    return {"Authorization": f"Bearer {token}"}


def platform(*, is_sandbox: bool = False, acts_for: str = "ada") -> dict[str, str]:
    """Return the headers of a platform's server that may do everything."""
    _key, secret = accounts.create_api_key(
        new_id("key"), [one.value for one in Scope], is_sandbox=is_sandbox, now=datetime.now(UTC)
    )
    return {"Authorization": f"Bearer {secret}", "X-Account": acts_for}


def market() -> World:
    """A platform that sells videos, packs and plans, gives campaigns, and pays back."""
    back.open_shop()
    ada = factories.new_account("ada", is_sandbox=False)
    her, server = person("ada"), platform()
    gift = {"credits": "9", "source": "goodwill", "reason": "sorry"}
    [code] = promotions.create_codes(
        Gift("pack", "plain", 2), count=1, is_sandbox=False, now=datetime.now(UTC)
    )

    yield Write("check_in", "/v1/check-in", her, Grant.objects.count)
    yield Write(
        "create_grant", "/v1/grants", server, Grant.objects.count, gift, {**gift, "credits": "8"}
    )
    yield Write(
        "create_campaign_grant",
        "/v1/campaigns/welcome/grants",
        server,
        CampaignGrant.objects.count,
        {"reason": "first login"},
        {"reason": "second login"},
    )
    yield Write(
        "create_redemption",
        "/v1/redemptions",
        her,
        Redemption.objects.count,
        {"code": code},
        {"code": "AAAA"},
    )
    waits = packs.give(ada, "later")
    yield Write(
        "activate_pack_purchase",
        f"/v1/pack-purchases/{waits.pk}/activate",
        her,
        PackPurchase.objects.exclude(activated_at=None).count,
    )
    job = yield Write(
        "submit_job", "/v1/jobs", her, Job.objects.count, SPEC, {**SPEC, "mode": "pro"}
    )
    yield Write(
        "cancel_job",
        f"/v1/jobs/{job['id']}/cancel",
        her,
        Job.objects.filter(status="canceled").count,
    )
    yield Write(
        "tell_signals",
        "/v1/accounts/ada/signals",
        server,
        AccountSignal.objects.count,
        {"email": "ada@example.com"},
        {"email": "ada@example.org"},
    )
    yield from _payments(ada, server)
    yield from _hooks(her)
    yield from _clocks()


def _payments(ada: Account, server: dict[str, str]) -> World:
    refund = {"purchase": back.buy(ada).pk, "rule": "cooling_off", "reason": "unwanted"}
    yield Write(
        "create_refund",
        "/v1/refunds",
        server,
        Refund.objects.count,
        refund,
        {**refund, "reason": "other"},
    )
    month = {"plan": "standard", "interval": "P1M", "currency": "CNY"}
    yield Write(
        "set_subscription",
        "/v1/subscription",
        server,
        Subscription.objects.count,
        month,
        {**month, "plan": "pro"},
        method="PUT",
    )


def _hooks(her: dict[str, str]) -> World:
    hook = yield Write(
        "create_webhook_endpoint",
        "/v1/webhook-endpoints",
        her,
        Endpoint.objects.count,
        {"url": HOOK},
        {"url": f"{HOOK}/other"},
    )
    path = f"/v1/webhook-endpoints/{hook['id']}"
    sent = yield Write(
        "test_webhook_endpoint",
        f"{path}/test",
        her,
        Event.objects.filter(type="webhook.test").count,
    )
    yield Write(
        "retry_webhook_delivery",
        f"{path}/deliveries/{sent['id']}/retry",
        her,
        Message.objects.filter(task=TaskName.DELIVER_WEBHOOK).count,
    )
    year = {"from": "2026-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
    yield Write(
        "replay_webhook_events",
        f"{path}/replay",
        her,
        Delivery.objects.filter(event__type="job.canceled").count,
        {**year, "types": ["job.canceled"]},
        year,
    )
    yield Write(
        "change_webhook_endpoint",
        path,
        her,
        Endpoint.objects.filter(events=["job.succeeded"]).count,
        {"events": ["job.succeeded"]},
        {"events": ["job.failed"]},
        method="PATCH",
    )
    first = Endpoint.objects.get().secret_sealed

    def rotations() -> int:
        endpoint = Endpoint.objects.get()
        known = [endpoint.secret_sealed, endpoint.previous_secret_sealed]
        return known.index(first) if first in known else 2

    yield Write("rotate_webhook_secret", f"{path}/rotate-secret", her, rotations)


def _clocks() -> World:
    factories.new_account("bob")
    server = platform(is_sandbox=True)
    clock = yield Write(
        "create_test_clock",
        "/v1/test-clocks",
        server,
        TestClock.objects.count,
        {"name": "a week"},
        {"name": "a month"},
    )
    path = f"/v1/test-clocks/{clock['id']}"
    yield Write(
        "add_test_clock_accounts",
        f"{path}/accounts",
        server,
        TestClockAccount.objects.count,
        {"accounts": ["bob"]},
        {"accounts": ["eve"]},
    )
    yield Write(
        "advance_test_clock",
        f"{path}/advance",
        server,
        TestClock.objects.exclude(goal_at=None).count,
        {"by": "P7D"},
        {"by": "P8D"},
    )
    clocks.walk(clock["id"], now=datetime.now(UTC))


def bazaar() -> World:
    """A platform with programmes."""
    partners.open_shop()
    ada = factories.new_account("ada", is_sandbox=False)
    bob = partners.newcomer("bob", after=ada)
    yield Write(
        "create_referral",
        "/v1/referrals",
        person("bob"),
        Referral.objects.count,
        {"code": partners.code_of(ada, "strict")},
        {"code": "AAAA-AAAA"},
    )
    programmes.look(account_id=bob.pk, now=datetime.now(UTC))
    yield Write(
        "collect_rewards", "/v1/programmes/strict/collect", person("ada"), Grant.objects.count
    )
    yield Write(
        "admit_partner",
        "/v1/programmes/studio/partners",
        platform(),
        Partner.objects.count,
        {"share": "0.2"},
        {"share": "0.1"},
    )


def team() -> World:
    """A studio that lends, and whose people give."""
    studio.open_shop()
    founded = studio.found(is_sandbox=False)
    factories.give(founded.account, 100)
    her = person("ada")
    yield Write(
        "create_organization",
        "/v1/organizations",
        her,
        Organization.objects.count,
        {"name": "Second"},
        {"name": "Third"},
    )
    path = f"/v1/organizations/{founded.pk}"
    for name, operation, state in (
        ("mei", "accept_invitation", "active"),
        ("tom", "decline_invitation", "ended"),
    ):
        invited = yield Write(
            "invite_member",
            f"{path}/members",
            her,
            Membership.objects.count,
            {"account": name},
            {"account": "eve"},
        )
        answer = operation.removesuffix("_invitation")
        yield Write(
            operation,
            f"/v1/invitations/{invited['id']}/{answer}",
            person(name),
            Membership.objects.filter(state=state).count,
        )
    lent = yield Write(
        "create_allotment",
        f"{path}/allotments",
        her,
        Allotment.objects.count,
        {"account": "cleo", "credits": "5"},
        {"account": "cleo", "credits": "6"},
    )
    yield Write(
        "take_back_allotment", f"/v1/allotments/{lent['id']}/take-back", her, Transfer.objects.count
    )
    factories.give(studio.member(founded, "ada").account, 20, source="pack")
    yield Write(
        "create_transfer",
        "/v1/transfers",
        her,
        Transfer.objects.count,
        {"to": "cleo", "credits": "5"},
        {"to": "cleo", "credits": "6"},
    )


def subscriber(life: Life) -> World:
    """Somebody who pays for a plan at Stripe's, changes it, ends it, and stays after all."""
    her = person("ada", is_sandbox=True)
    wish = {"plan": "small", "interval": "P1M", "success_url": BACK}
    page = yield Write(
        "create_checkout_session",
        "/v1/checkout-sessions",
        her,
        Checkout.objects.count,
        wish,
        {**wish, "plan": "large"},
    )
    assert life.till.peer.pay(page["url"]).status == 303
    life.till.settle()
    yield Write(
        "create_portal_session",
        "/v1/portal-sessions",
        her,
        # A visit that was opened and told to nobody has no effect: what counts is what was told.
        IdempotentAnswer.objects.filter(route="POST v1/portal-sessions").count,
        {"return_url": "https://app.example/back"},
        {"return_url": "https://app.example/other"},
    )
    larger = {"plan": "large", "interval": "P1M"}
    yield Write(
        "change_subscription",
        "/v1/subscription/change",
        her,
        PlanChange.objects.count,
        larger,
        {**larger, "interval": "P6M"},
    )
    life.till.settle()
    ending = Contract.objects.exclude(cancel_at=None)
    yield Write(
        "cancel_subscription",
        "/v1/subscription/cancel",
        her,
        ending.count,
        {"when": "period_end"},
        {"when": "now"},
    )
    yield Write(
        "resume_subscription", "/v1/subscription/resume", her, lambda: 1 - ending.count(), {}
    )
