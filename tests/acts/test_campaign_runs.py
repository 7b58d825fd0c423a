"""A campaign is granted to a list: one looks and asks, another decides, each has one share."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from billing.accounts.models import Account
from billing.corrections import selectors, services
from billing.corrections.errors import (
    DayCapReached,
    Decided,
    InvalidCorrection,
    NothingSelected,
    OwnRequest,
    RunKnown,
    SelectionChanged,
)
from billing.corrections.models import CampaignRun, CampaignRunShare, OperatorDay
from billing.corrections.selectors import Accounts
from billing.http.errors import Forbidden
from billing.operators.models import ActRecord
from billing.promotions.models import CampaignGrant
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories
from tests.acts.conftest import SPRING, browser
from tests.corrections import desk
from tests.matrix.operators import SUPERUSER, operator_of

pytestmark = pytest.mark.usefixtures("ends_clean")
RUNS = "/admin/billing/campaignrun/"
LIST = Accounts(campaign="spring", name="sorry", external_ids=("ada", "bob", "nobody"))


def ask(by: User, chosen: Accounts = LIST, **more: Any) -> CampaignRun:  # noqa: ANN401 (arguments)
    """Look at a run, and ask for just that."""
    found = selectors.preview_run(chosen, catalog=plans.current().catalog)
    said = {"reason": "incident", "text": "Ticket 9", "digest": found.digest} | more
    return services.request_campaign_run(chosen=chosen, requester=by, now=timezone.now(), **said)


def approve(run: CampaignRun, by: User, **more: str) -> CampaignRun:
    """Decide for it."""
    said = {"digest": run.digest} | more
    return services.approve_campaign_run(run_id=run.pk, approver=by, now=timezone.now(), **said)


def carry_out(run: CampaignRun) -> int:
    """Do the errand that an approval posts."""
    return services.carry_out_run(run_id=run.pk, now=timezone.now())


def test_what_was_looked_at_is_given_once_to_each(
    ada: Account, bob: Account, cyd: Account, sam: User, fay: User
) -> None:
    run = ask(sam)
    assert (run.accounts_count, run.amount_micros) == (2, 10 * MICROS)
    assert not CampaignGrant.objects.exists()

    approve(run, fay)
    assert carry_out(run) == 2
    assert carry_out(run) == 0  # a repeat of the errand gives nothing more

    assert [factories.free_micros(one) // MICROS for one in (ada, bob, cyd)] == [5, 5, 0]
    run.refresh_from_db()
    assert (run.state, run.approver) == ("done", fay)
    assert {one.fact for one in CampaignGrant.objects.all()} == {"run:sorry"}


def test_an_account_that_comes_later_gets_nothing(ada: Account, sam: User, fay: User) -> None:
    everybody = Accounts(campaign="spring", name="all", plans=("free",))
    run = ask(sam, everybody)
    late = factories.new_account("late", is_sandbox=False)
    factories.settle(late)

    approve(run, fay)
    carry_out(run)

    assert [factories.free_micros(one) // MICROS for one in (ada, late)] == [5, 0]


def test_nobody_decides_on_his_own_and_only_who_may_at_all(
    ada: Account, bob: Account, sam: User, fay: User
) -> None:
    root = operator_of(SUPERUSER)
    with pytest.raises(Forbidden):
        ask(fay)
    run, own = ask(sam), ask(root, Accounts("spring", "own", external_ids=("ada",)))

    with pytest.raises(Forbidden):
        approve(run, sam)
    with pytest.raises(OwnRequest):
        approve(own, root)
    with pytest.raises(SelectionChanged):
        approve(run, fay, digest="another")
    assert {one.state for one in CampaignRun.objects.all()} == {"requested"}
    services.refuse_campaign_run(run_id=run.pk, approver=fay, now=timezone.now())
    with pytest.raises(Decided):
        approve(run, root)

    assert carry_out(run) == 0
    assert not CampaignGrant.objects.exists()


def test_a_run_is_asked_for_once_and_again_after_a_no(ada: Account, sam: User, fay: User) -> None:
    one = Accounts(campaign="spring", name="sorry", external_ids=("ada",))
    first = ask(sam, one)
    with pytest.raises(RunKnown):
        ask(sam, one)
    services.withdraw_campaign_run(run_id=first.pk, requester=sam, now=timezone.now())

    assert ask(sam, one).pk != first.pk


def test_what_the_campaign_refuses_holds_nobody_up(
    ada: Account, bob: Account, cyd: Account, sam: User, fay: User
) -> None:
    three = Accounts(campaign="spring", name="sorry", external_ids=("ada", "bob", "cyd"))
    run = approve(ask(sam, three), fay)  # the budget is for two

    assert carry_out(run) == 3

    ended = CampaignRunShare.objects.order_by("pk").values_list("refusal", flat=True)
    assert sorted(ended) == ["", "", "campaign_exhausted"]
    run.refresh_from_db()
    assert run.state == "done"


def test_nobody_gets_more_than_two_people_have_looked_at(
    ada: Account, bob: Account, sam: User, fay: User
) -> None:
    run = approve(ask(sam), fay)
    desk.open_shop(desk.KEYS + SPRING.replace('credits = "5"', 'credits = "6"'))

    assert carry_out(run) == 2

    ended = CampaignRunShare.objects.values_list("refusal", flat=True)
    assert list(ended) == ["selection_changed", "selection_changed"]
    assert [factories.free_micros(one) for one in (ada, bob)] == [0, 0]
    assert not CampaignGrant.objects.exists()


def used(person: User) -> int:
    """Return how many credits count for a person's day."""
    return (
        sum(OperatorDay.objects.filter(operator=person).values_list("used_micros", flat=True))
        // MICROS
    )


def test_a_run_counts_for_the_day_of_both_its_persons(
    ada: Account, bob: Account, cyd: Account, sam: User, fay: User
) -> None:
    run = ask(sam)
    assert (used(sam), used(fay)) == (0, 0)

    approve(run, fay)
    approve(run, fay)  # a repeat counts once

    assert (used(sam), used(fay)) == (10, 10)
    desk.approve(desk.ask(cyd, 500, sam), fay)
    desk.approve(desk.ask(cyd, 480, sam), fay)
    with pytest.raises(DayCapReached):
        desk.approve(desk.ask(cyd, 20, sam), fay)
    assert (used(sam), used(fay)) == (990, 990)


def test_what_the_release_of_before_approves_while_this_one_comes_counts_for_no_day(
    ada: Account, bob: Account, sam: User, fay: User
) -> None:
    """Its processes run on for a while on the tables of this one, and know no day of a run."""
    run = ask(sam)

    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE billing_campaignrun SET state = 'approved', approver_id = %s,"
            " decided_at = now() WHERE id = %s",
            [fay.pk, run.pk],
        )
    connection.check_constraints()

    run.refresh_from_db()
    assert (run.state, run.counted_on, carry_out(run)) == ("approved", None, 2)
    assert [factories.free_micros(one) for one in (ada, bob)] == [5 * MICROS, 5 * MICROS]
    run.refresh_from_db()
    assert (run.state, run.counted_on) == ("done", None)
    assert (used(sam), used(fay)) == (0, 0)


def test_on_the_way_down_a_day_is_the_sum_of_its_adjustments_again(
    ada: Account, bob: Account, cyd: Account, sam: User, fay: User
) -> None:
    """Else the release of before could correct nothing more on a day that had a run."""
    desk.approve(desk.ask(cyd, 50, sam), fay)
    run = approve(ask(sam), fay)
    carry_out(run)
    assert (used(sam), used(fay)) == (60, 60)
    executor = MigrationExecutor(connection)
    migration = executor.loader.get_migration("billing", "0052_runs_count_for_a_day")
    before = executor.loader.project_state(migration.dependencies)
    connection.check_constraints()

    with connection.schema_editor(atomic=False) as editor:
        migration.unapply(before.clone(), editor)
        assert (used(sam), used(fay)) == (50, 50)
        desk.approve(desk.ask(cyd, 7, sam), fay)
        connection.check_constraints()
        assert (used(sam), used(fay)) == (57, 57)
        migration.apply(before.clone(), editor)

    run.refresh_from_db()
    assert (run.state, run.counted_on) == ("done", None)
    desk.approve(desk.ask(cyd, 1, sam), fay)
    assert (used(sam), used(fay)) == (58, 58)


@pytest.mark.parametrize("whose", ["requester", "approver"])
def test_a_run_that_a_day_has_no_room_for_waits_and_gives_nothing(
    ada: Account, bob: Account, cyd: Account, sam: User, fay: User, whose: str
) -> None:
    root = operator_of(SUPERUSER)
    for most in (500, 491):
        persons = (sam, root) if whose == "requester" else (root, fay)
        desk.approve(desk.ask(cyd, most, persons[0]), persons[1])
    run = ask(sam)

    with pytest.raises(DayCapReached) as refusal:
        approve(run, fay)

    assert refusal.value.facts["used"] == "991"
    run.refresh_from_db()
    assert (run.state, run.counted_on, carry_out(run)) == ("requested", None, 0)
    assert used(sam if whose == "requester" else fay) == 991
    assert not CampaignGrant.objects.exists()
    services.refuse_campaign_run(run_id=run.pk, approver=fay, now=timezone.now())
    run.refresh_from_db()
    assert (run.state, run.counted_on) == ("refused", None)


def test_a_run_that_no_day_has_room_for_is_not_asked_for(
    ada: Account, bob: Account, sam: User
) -> None:
    desk.open_shop(desk.KEYS + SPRING.replace('credits = "5"', 'credits = "501"'))

    with pytest.raises(DayCapReached):
        ask(sam)

    assert not CampaignRun.objects.exists()


def test_who_decides_reads_how_many_have_how_much_and_the_askers_day_so_far(
    ada: Account, bob: Account, cyd: Account, sam: User, fay: User
) -> None:
    desk.approve(desk.ask(cyd, 7, sam), fay)
    run, other = ask(sam), desk.ask(cyd, 3, sam)

    pages = [
        browser(fay).get(f"/admin/billing/{path}/decide/").context["facts"]
        for path in (f"campaignrun/{run.pk}", f"adjustment/{other.pk}")
    ]

    for facts in pages:
        assert dict(facts)["today so far by support"] == "7 of 1000 credits"
    assert (dict(pages[0])["accounts"], dict(pages[0])["most in all"]) == ("2", "10")


@pytest.mark.parametrize(
    ("chosen", "refusal"),
    [
        (Accounts(campaign="spring", name="x"), InvalidCorrection),
        (Accounts(campaign="spring", name="x", external_ids=("nobody",)), NothingSelected),
        (Accounts(campaign="spring", name="x", plans=("pro",)), NothingSelected),
        (Accounts("spring", "x", is_sandbox=True, external_ids=("ada",)), NothingSelected),
    ],
)
def test_a_list_of_nobody_is_refused(
    ada: Account, sam: User, chosen: Accounts, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        selectors.preview_run(chosen, catalog=plans.current().catalog)


def test_a_request_without_a_reason_or_of_something_else_is_refused(
    ada: Account, bob: Account, sam: User
) -> None:
    wrongs: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"reason": "whim"}, InvalidCorrection),
        ({"text": " "}, InvalidCorrection),
        ({"digest": "another"}, SelectionChanged),
    ]
    for more, refusal in wrongs:
        with pytest.raises(refusal):
            ask(sam, **more)

    assert not CampaignRun.objects.exists()


def test_it_is_looked_at_asked_for_and_decided_on_in_the_window(
    ada: Account, bob: Account, sam: User, fay: User
) -> None:
    asks, decides = browser(sam), browser(fay)
    form = {
        "campaign": "spring",
        "name": "sorry",
        "external_ids": "ada\nbob nobody",
        "reason": "incident",
        "text": "Ticket 9",
    }
    page = asks.post(f"{RUNS}ask/", form | {"act": "look"})
    for fact in ("most in all", "10", "names that no account has", "nobody", "ada, bob"):
        assert fact in page.content.decode()
    assert not CampaignRun.objects.exists()
    digest = page.context["form"].data["digest"]

    assert asks.post(f"{RUNS}ask/", form | {"act": "ask", "digest": digest}).status_code == 302
    run = CampaignRun.objects.get()
    decide = f"{RUNS}{run.pk}/decide/"
    shown = decides.get(decide).content.decode()
    assert "ada, bob" in shown
    said = {"act": "approve", "digest": digest, "reason": "As agreed."}
    assert decides.post(decide, said).status_code == 302

    run.refresh_from_db()
    assert (run.state, run.requester, run.approver) == ("approved", sam, fay)
    lines = ActRecord.objects.order_by("at").values_list("act", "object_id", "reason")
    assert list(lines) == [
        ("campaignrun.ask", run.pk, "Ticket 9"),
        ("campaignrun.approve", run.pk, "As agreed."),
    ]


def test_the_database_keeps_a_run_as_it_was_looked_at(
    ada: Account, bob: Account, sam: User, fay: User
) -> None:
    run = ask(sam)
    for wrong in (
        lambda: CampaignRun.objects.update(amount_micros=1),
        lambda: CampaignRun.objects.update(name="other"),
        lambda: CampaignRun.objects.update(
            state="approved", approver=sam, decided_at=timezone.now()
        ),
        lambda: CampaignRun.objects.all().delete(),
        lambda: CampaignRunShare.objects.update(refusal="x", ended_at=timezone.now()),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            wrong()
    approve(run, fay)
    for day in (None, timezone.now() - timedelta(days=9)):
        again = pytest.raises(IntegrityError, match="campaign_run_is_counted_once")
        with again, transaction.atomic():
            CampaignRun.objects.update(state="done", finished_at=timezone.now(), counted_on=day)
    for wrong in (
        lambda: CampaignRun.objects.update(counted_on=None),
        lambda: OperatorDay.objects.filter(operator=sam).update(used_micros=0),
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            wrong()
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    late = factories.new_account("late", is_sandbox=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        CampaignRunShare.objects.create(run=run, account=late)

    assert run.shares.count() == 2
