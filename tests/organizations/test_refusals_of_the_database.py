"""The database refuses what the code would never write, whoever writes it."""

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from billing.accounts.members import Membership, MembershipChange, Organization
from billing.accounts.services import make_organization_account
from billing.jobs.models import Job
from billing.ledger import services as ledger
from billing.ledger.models import Grant, Transfer, TransferPart
from billing.organizations import services as organizations
from billing.organizations.models import Allotment
from billing.subscriptions import services as subscriptions
from billing.subscriptions.models import Subscription
from plans.credits import MICROS
from tests import factories
from tests.ledger.refusing import refused
from tests.organizations import studio


@pytest.fixture
def lent(team: Organization) -> Allotment:
    """Cleo was lent 5 credits of the pool's 10."""
    factories.give(team.account, 10)
    return studio.allot(team, "cleo", 5)


def _sql(text: str, *facts: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, facts or None)


def _delete(table: str) -> None:
    _sql(f"DELETE FROM {table}")


def test_a_membership_stays_one_persons_in_one_organization(team: Organization) -> None:
    cleo = studio.member(team, "cleo")
    rows = Membership.objects.filter(pk=cleo.pk)
    live = factories.new_account("live", is_sandbox=False)

    for other in (live, team.account, factories.new_account("dan")):
        refused(partial(rows.update, account=other), "membership_keeps_its_person")
    refused(lambda: _delete("billing_membership"), "is_never_deleted")
    refused(lambda: rows.update(joined_at=None), "membership_state_matches_columns")
    refused(lambda: rows.update(ceiling_micros=1), "membership_ceiling_is_whole")
    refused(lambda: rows.update(role="boss"), "membership_role_known")
    refused(lambda: MembershipChange.objects.update(kind="left"), "append_only")


def test_an_organization_keeps_an_owner(team: Organization) -> None:
    ada = Membership.objects.filter(pk=studio.member(team, "ada").pk)

    refused(lambda: ada.update(role="member"), "organization_has_an_owner")
    refused(_found_without_an_owner, "organization_has_an_owner")


def _found_without_an_owner() -> None:
    like = factories.new_account("dan")
    account = make_organization_account("org_x", like=like, now=like.created_at)
    Organization.objects.create(account=account, name="X", created_at=like.created_at)


def test_no_more_members_than_seats(team: Organization) -> None:
    subscriptions.start(account=team.account, plan="team", seats=3)
    invited = studio.invite(team, "dan")
    dan = Membership.objects.filter(pk=invited.pk)
    sold = Subscription.objects.filter(account=team.account)

    refused(
        lambda: dan.update(state="active", joined_at=invited.invited_at), "membership_has_a_seat"
    )
    refused(lambda: sold.update(seats=2), "membership_has_a_seat")
    refused(lambda: sold.update(seats=0), "subscription_has_a_seat")


def test_a_members_order_is_his_organizations_or_his_own_and_below_his_ceiling(
    team: Organization,
) -> None:
    factories.give(team.account, 100)
    studio.ceiling(team, "cleo", 7)
    first = studio.submit(team, "cleo", 5)
    by_ben = studio.submit(team, "ben", 5)
    foreign = studio.submit(team, "ada", 5)

    refused(
        lambda: Job.objects.filter(pk=by_ben.pk).update(member=first.member), "job_keeps_its_member"
    )
    for job, name in ((by_ben, "job_is_below_the_ceiling"), (foreign, "job_is_the_members")):
        place = first.member if job is by_ben else _elsewhere()
        refused(partial(_ordered_by, job, place), name)


def _elsewhere() -> Membership:
    with transaction.atomic():
        other = organizations.found(
            owner=factories.new_account("zoe"),
            name="Other",
            actor=studio.OPERATOR,
            now=factories.new_account("zoe").created_at,
        )
    return studio.member(other, "zoe")


def _ordered_by(job: Job, place: Membership | None) -> None:
    """Write the job anew, as somebody else's; its hold pays for it alone."""
    assert place is not None
    _sql("SET LOCAL session_replication_role = replica")
    _sql("DELETE FROM billing_job WHERE id = %s", job.pk)
    _sql("SET LOCAL session_replication_role = DEFAULT")
    job.member = place
    job.save(force_insert=True)


def test_what_was_sent_is_what_arrived(team: Organization, lent: Allotment) -> None:
    part = TransferPart.objects.get()

    for rows in (Transfer.objects.all(), TransferPart.objects.all()):
        refused(partial(rows.update, amount_micros=1), "append_only")
        refused(partial(_delete, rows.model._meta.db_table), "append_only")
    gift = Transfer(
        kind="transfer",
        sender=part.source.wallet,
        receiver=part.target.wallet,
        fact="x",
        amount_micros=1,
        actor_type="operator",
        actor_id="x",
        created_at=lent.created_at,
    )
    refused(lambda: gift.save(force_insert=True), "transfer_adds_up")
    gift.receiver = gift.sender
    refused(lambda: gift.save(force_insert=True), "transfer_is_between_two_wallets")
    refused(
        lambda: Grant.objects.filter(pk=part.source_id).update(
            available_micros=4 * MICROS, transferred_micros=6 * MICROS
        ),
        "grant_went_somewhere|wallet_is_balanced",
    )


def test_what_leaves_a_grant_says_where_it_went(team: Organization) -> None:
    given = factories.give(team.account, 10)

    def lose() -> None:
        locked = factories.lock(team.account)
        lot = locked.timeline.lots[given.pk]
        cause = ledger.Cause("transfer", "none")
        locked.timeline.transfer(lot, MICROS, cause=cause, actor=studio.OPERATOR)
        ledger.settle(locked)

    refused(lose, "grant_went_somewhere")


def test_what_goes_back_was_lent(team: Organization) -> None:
    terms = ledger.GrantTerms(amount_micros=MICROS, source="x", fact="x", goes_back=True)
    cause = ledger.Cause("operator", "x")

    refused(
        lambda: ledger.grant(
            factories.lock(team.account), terms, cause=cause, actor=studio.OPERATOR
        ),
        "grant_was_lent",
    )


def test_an_allotment_stays_what_its_transfer_says(team: Organization, lent: Allotment) -> None:
    rows = Allotment.objects.filter(pk=lent.pk)

    refused(
        lambda: rows.update(account=studio.member(team, "ben").account), "allotment_is_its_transfer"
    )
    refused(
        lambda: rows.update(expires_at=lent.created_at + timedelta(days=1)),
        "allotment_is_its_transfer",
    )
    refused(lambda: _delete("billing_allotment"), "is_never_deleted")


def test_the_guards_come_and_go_with_the_migration(db: None) -> None:
    before = _guards()
    assert len(before) > 25

    _run("organizations.down.sql")
    gone = before - _guards()
    assert gone >= {"transfer_adds_up", "job_is_the_members", "membership_has_a_seat"}

    _run("organizations.up.sql")
    assert _guards() == before


def _run(name: str) -> None:
    _sql((Path(settings.BASE_DIR) / "billing" / "migrations" / "sql" / name).read_text())


def _guards() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname || ' on ' || tgrelid::regclass FROM pg_trigger")
        names = {name for (name,) in cursor.fetchall()}
    return {name.partition(" on ")[0] for name in names} | names
