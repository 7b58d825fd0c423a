"""Referrals and rewards are what their rows say, or the commit is refused."""

import copy

import pytest
from django.db import IntegrityError, connection, transaction

from billing.accounts.models import Account
from billing.insights import audit
from billing.partners.models import Partner, Referral, ReferralCode, Reward
from tests import factories
from tests.partners import shelf

pytestmark = pytest.mark.django_db
TABLES = (Partner, ReferralCode, Referral, Reward)


@pytest.fixture
def lived(ada: Account, bob: Account) -> Account:
    """Bob came by Ada, who was rewarded for his video; another reward of hers is held back."""
    shelf.admit(ada)
    shelf.come(bob, shelf.code_of(ada))
    shelf.make_video(bob)
    shelf.look(bob)
    buyer = shelf.newcomer("buyer", after=bob)
    shelf.come(buyer, shelf.code_of(ada, "buyers"))
    shelf.buy(buyer)
    shelf.look(buyer)
    connection.check_constraints()
    return ada


def rows() -> list[object]:
    return [list(table.objects.order_by("pk").values()) for table in TABLES]


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE billing_partner SET programme = 'x'", "partner_keeps_its_name"),
        ("UPDATE billing_partner SET share_micros = 0", "partner_share_is_one"),
        ("DELETE FROM billing_partner", "partner_is_never_deleted"),
        ("UPDATE billing_referralcode SET code = '00000000'", "referral_code_is_append_only"),
        ("DELETE FROM billing_referralcode", "referral_code_is_never_deleted"),
        ("UPDATE billing_referral SET counts_until = now()", "referral_keeps_its_terms"),
        ("UPDATE billing_referral SET number_max = 99", "referral_keeps_its_terms"),
        ("UPDATE billing_referral SET closed_at = NULL", "referral_keeps_its_terms"),
        ("DELETE FROM billing_referral", "referral_is_never_deleted"),
        ("UPDATE billing_reward SET amount_micros = 1", "reward_keeps_its_terms"),
        (
            (
                "UPDATE billing_reward SET state = 'pending', try_at = now(), settled_at = NULL, "
                "campaign_grant_id = NULL WHERE state = 'granted'"
            ),
            "reward_keeps_its_terms",
        ),
        ("UPDATE billing_reward SET state = 'granted' WHERE state = 'pending'", "matches_columns"),
        (
            (
                "UPDATE billing_reward SET state = 'granted', try_at = NULL, settled_at = due_at, "
                "campaign_grant_id = (SELECT campaign_grant_id FROM billing_reward "
                "WHERE occasion = 'first_video') WHERE state = 'pending'"
            ),
            "reward_campaign_grant_id_key|reward_has_its_grant",
        ),
        ("UPDATE billing_reward SET due_at = earned_at - interval '1 s'", "keeps_its_terms|follow"),
        ("DELETE FROM billing_reward", "reward_is_never_deleted"),
        ("TRUNCATE billing_reward", "never_emptied"),
    ],
)
def test_rows_say_what_has_happened(lived: Account, statement: str, rule: str) -> None:
    before = rows()

    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.check_constraints()

    assert rows() == before


def referral_of(lived: Account, change: str) -> Referral:
    """Return a referral that nobody may write."""
    forged = copy.copy(Referral.objects.get(code__programme="invite"))
    guest = shelf.newcomer("guest", after=lived)
    forged.pk, forged.account, forged.number = "rf_forged", guest, 2
    if change == "own":
        forged.account = lived
    elif change == "backwards":
        forged.code = ReferralCode.objects.get(pk=_code(guest))
        forged.account, forged.referrer = lived, guest
    elif change == "another's code":
        forged.referrer = Account.objects.get(external_id="bob")
    elif change == "over the border":
        forged.account = factories.new_account("live", is_sandbox=False)
    elif change == "again":
        forged.account = Account.objects.get(external_id="bob")
    elif change == "the same number":
        forged.number = 1
    else:
        forged.number = 4
    return forged


def _code(account: Account) -> str:
    shelf.code_of(account)
    return ReferralCode.objects.get(account=account).pk


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("own", "referral_points_back"),
        ("backwards", "referral_points_back"),
        ("another's code", "referral_is_by_its_code"),
        ("over the border", "referral_is_by_its_code"),
        ("again", "billing_referral_account_id"),
        ("the same number", "referral_number_once"),
        ("too many", "referral_number_in_range"),
    ],
)
def test_nobody_is_brought_who_may_not_be(lived: Account, change: str, rule: str) -> None:
    forged = referral_of(lived, change)
    before = rows()

    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        forged.save(force_insert=True)
        connection.check_constraints()

    assert rows() == before


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({}, "reward_once_for_an_occasion"),
        ({"occasion": "x", "account_id": "GUEST"}, "reward_has_its_grant"),
        ({"occasion": "x", "amount_micros": 0}, "reward_is_something"),
    ],
)
def test_no_reward_is_written_beside_the_rules(
    lived: Account, change: dict[str, object], rule: str
) -> None:
    forged = Reward.objects.get(state="pending")
    guest = shelf.newcomer("guest", after=lived)
    before = rows()
    forged.pk = "rw_forged"
    for name, value in change.items():
        setattr(forged, name, guest.pk if value == "GUEST" else value)

    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        forged.save(force_insert=True)
        connection.check_constraints()

    assert rows() == before


DRIFTS = [
    ("UPDATE billing_referral SET referrer_id = account_id", {"I17"}),
    (
        (
            "UPDATE billing_reward AS w SET fact = r.id, account_id = r.account_id "
            "FROM billing_referral AS r WHERE r.id = w.referral_id"
        ),
        {"I17"},
    ),
    ("UPDATE billing_reward SET campaign = 'x' WHERE state = 'granted'", {"I17"}),
    ("DELETE FROM billing_reward WHERE state = 'granted'", {"I17"}),
    (
        (
            "UPDATE billing_reward SET state = 'taken_back', taken_back_at = settled_at "
            "WHERE occasion = 'first_video'"
        ),
        {"I15"},
    ),
]


@pytest.mark.parametrize(("drift", "broken"), DRIFTS)
def test_what_is_written_past_every_guard_is_found_by_the_audit(
    lived: Account, drift: str, broken: set[str]
) -> None:
    assert list(audit.breaches()) == []
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table._meta.db_table} DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE billing_referral DROP CONSTRAINT referral_points_back")
        cursor.execute(drift)

    assert {breach.invariant for breach in audit.breaches()} == broken
