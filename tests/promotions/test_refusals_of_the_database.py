"""Packs, budgets and codes are what their rows say, or the commit is refused."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from billing.accounts.models import Account
from billing.insights import audit
from billing.packs.models import PackPurchase
from billing.promotions import services
from billing.promotions.models import CampaignBudget, CampaignGrant, Redemption, RedemptionCode
from billing.promotions.services import Gift
from tests import factories
from tests.packs import shelf

pytestmark = pytest.mark.django_db
TABLES = (CampaignBudget, CampaignGrant, PackPurchase, Redemption, RedemptionCode)


@pytest.fixture
def lived(ada: Account) -> Account:
    """Ada has bought a pack, another waits, and she has redeemed a code for a share."""
    shelf.give(ada, "plain", fact="order:1")
    shelf.give(ada, "later", fact="order:2")
    shelf.share(factories.new_account("bob"), "welcome")
    [code] = services.create_codes(
        Gift("campaign", "welcome"), count=1, is_sandbox=True, uses=2, now=datetime.now(UTC)
    )
    shelf.redeem(ada, code)
    connection.check_constraints()
    return ada


def rows() -> list[object]:
    return [list(table.objects.order_by("pk").values()) for table in TABLES]


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE billing_packpurchase SET paid_micros = 1", "keeps_its_terms|paid_in_a_currency"),
        ("UPDATE billing_packpurchase SET quantity = 9", "pack_purchase_keeps_its_terms"),
        ("UPDATE billing_packpurchase SET activated_at = NULL", "keeps_its_terms|is_active_with"),
        (
            "UPDATE billing_packpurchase SET activated_at = bought_at WHERE pack = 'later'",
            "pack_purchase_is_active_with_its_grants",
        ),
        (
            (
                "UPDATE billing_packpurchase SET activated_at = bought_at, grant_id = "
                "(SELECT grant_id FROM billing_campaigngrant LIMIT 1) WHERE pack = 'later'"
            ),
            "pack_purchase_has_its_grants",
        ),
        ("DELETE FROM billing_packpurchase", "pack_purchase_is_never_deleted"),
        ("TRUNCATE billing_packpurchase CASCADE", "is_never_emptied"),
        (
            "UPDATE billing_campaignbudget SET granted_micros = budget_micros + 1",
            "campaign_budget_is_kept",
        ),
        (
            "UPDATE billing_campaignbudget SET granted_micros = granted_micros + 1",
            "campaign_budget_is_spent_by_shares",
        ),
        ("UPDATE billing_campaignbudget SET granted_micros = 0", "campaign_budget_only_fills"),
        ("UPDATE billing_campaignbudget SET campaign = 'x'", "campaign_budget_only_fills"),
        ("DELETE FROM billing_campaignbudget", "campaign_budget_is_never_deleted"),
        ("UPDATE billing_campaigngrant SET amount_micros = 1", "campaign_grant_is_append_only"),
        ("DELETE FROM billing_campaigngrant", "campaign_grant_is_append_only"),
        ("UPDATE billing_redemptioncode SET used = used + 1", "is_used_by_redemptions"),
        ("UPDATE billing_redemptioncode SET used = 0", "redemption_code_keeps_its_terms"),
        ("UPDATE billing_redemptioncode SET uses_max = 99", "redemption_code_keeps_its_terms"),
        ("UPDATE billing_redemptioncode SET offer = 'dice'", "redemption_code_keeps_its_terms"),
        (
            "UPDATE billing_redemptioncode SET uses_max = 1, used = 2",
            "keeps_its_terms|used_within_its_uses",
        ),
        ("DELETE FROM billing_redemptioncode", "redemption_code_is_never_deleted"),
        ("UPDATE billing_redemption SET number = 2", "redemption_is_append_only"),
        ("DELETE FROM billing_redemption", "redemption_is_append_only"),
    ],
)
def test_rows_say_what_has_happened(lived: Account, statement: str, rule: str) -> None:
    before = rows()

    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.check_constraints()

    assert rows() == before


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({}, "campaign_budget_is_spent_by_shares"),
        ({"number": 2}, "campaign_grant_number_in_range"),
        ({"window": "ever"}, "campaign_grant_number_once"),
        ({"fact": "KEEP"}, "campaign_grant_fact_once"),
        ({"granted_after_micros": 12_000_000}, "campaign_grant_continues_the_last"),
        ({"granted_after_micros": 6_000_000}, "campaign_grant_in_order"),
        ({"amount_micros": 0}, "campaign_grant_amount_in_range"),
        ({"amount_micros": 6_000_000}, "campaign_grant_continues_the_last"),
    ],
)
def test_no_share_is_written_beside_the_budget(
    lived: Account, change: dict[str, object], rule: str
) -> None:
    before = rows()
    share = CampaignGrant.objects.get(account=lived)
    facts = {
        "window": "forged",
        "fact": "forged",
        "granted_after_micros": 9_000_000,
        "grant": factories.give(lived, 3),
        **change,
    }
    if facts["fact"] == "KEEP":
        facts["fact"] = share.fact
    share.pk = "cg_forged"
    for name, value in facts.items():
        setattr(share, name, value)

    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        share.save(force_insert=True)
        connection.check_constraints()

    assert rows() == before


@pytest.mark.parametrize(
    "drift",
    [
        "UPDATE billing_campaignbudget SET granted_micros = granted_micros - 1",
        "DELETE FROM billing_redemption",
        "UPDATE billing_packpurchase SET credits_micros = credits_micros + 1",
        "UPDATE billing_campaigngrant SET amount_micros = amount_micros - 1",
    ],
)
def test_what_is_written_past_every_guard_is_found_by_the_audit(lived: Account, drift: str) -> None:
    assert list(audit.breaches()) == []
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table._meta.db_table} DISABLE TRIGGER USER")
        cursor.execute(drift)

    assert {breach.invariant for breach in audit.breaches()} == {"I17"}
