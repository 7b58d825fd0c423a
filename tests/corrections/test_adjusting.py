"""Credits by hand: two persons, a reason, bounds, and exactly what was asked for (I36)."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from billing.accounts.models import Account
from billing.corrections import services
from billing.corrections.errors import (
    AboveMaximum,
    DayCapReached,
    Decided,
    InvalidCorrection,
    NotEnoughToTake,
    NotYourRequest,
    OwnRequest,
)
from billing.corrections.models import Adjustment, OperatorDay
from billing.errors import DomainError
from billing.http.errors import Forbidden, IdempotencyMismatch
from billing.ledger.models import Debt, Entry, Grant
from plans.credits import MICROS
from tests import factories
from tests.corrections import desk
from tests.organizations import studio

pytestmark = pytest.mark.usefixtures("ends_clean")


def moved() -> tuple[int, int, int, int]:
    """Return how much there is of all that an adjustment could have moved."""
    return (
        Entry.objects.count(),
        Debt.objects.count(),
        Adjustment.objects.filter(state="executed").count(),
        sum(OperatorDay.objects.values_list("used_micros", flat=True)),
    )


def refuses(refusal: type[DomainError], act: object) -> DomainError:
    """Assert that `act` is refused so, and that nothing moved; return the refusal."""
    before = moved()
    with pytest.raises(refusal) as caught:
        act()  # type: ignore[operator]  # a function without arguments
    assert moved() == before
    return caught.value


def test_what_one_person_asks_for_another_gives(ada: Account, grace: User, rosa: User) -> None:
    asked = desk.ask(ada, 50, grace)
    assert (asked.state, factories.free_micros(ada)) == ("requested", 0)

    given = desk.approve(asked, rosa)

    assert (given.state, given.approver, given.requester) == ("executed", rosa, grace)
    grant = Grant.objects.get()
    assert given.grant == grant
    assert (grant.amount_micros, grant.source, grant.priority) == (50 * MICROS, "goodwill", 7)
    assert grant.expires_at == grant.effective_at + timedelta(days=30)
    entry = Entry.objects.get()
    assert (entry.cause_type, entry.cause_id) == ("adjustment", given.pk)
    assert (entry.actor_type, entry.actor_id) == ("operator", "rosa")
    used = OperatorDay.objects.values_list("operator__username", "used_micros")
    assert dict(used) == {"grace": 50 * MICROS, "rosa": 50 * MICROS}


def test_nobody_decides_on_his_own_request(ada: Account, grace: User) -> None:
    asked = desk.ask(ada, 50, grace)

    refuses(OwnRequest, lambda: desk.approve(asked, grace))
    refuses(
        OwnRequest,
        lambda: services.refuse_adjustment(
            adjustment_id=asked.pk, approver=grace, now=timezone.now()
        ),
    )


def test_who_may_not_neither_asks_nor_decides(ada: Account, grace: User, vera: User) -> None:
    asked = desk.ask(ada, 50, grace)

    refuses(Forbidden, lambda: desk.ask(ada, 50, vera))
    refuses(Forbidden, lambda: desk.approve(asked, vera))
    User.objects.filter(pk=grace.pk).update(is_staff=False)
    refuses(Forbidden, lambda: desk.ask(ada, 50, User.objects.get(pk=grace.pk)))
    assert Adjustment.objects.count() == 1


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ({"reason": "whim"}, InvalidCorrection),
        ({"text": "  "}, InvalidCorrection),
        ({"text": "x" * 501}, InvalidCorrection),
        ({"key": ""}, InvalidCorrection),
        ({"key": "x" * 65}, InvalidCorrection),
        ({"as_debt": True}, InvalidCorrection),
        ({"grant_ids": ["gr_1"]}, InvalidCorrection),
    ],
)
def test_a_request_says_why_and_makes_sense(
    ada: Account, grace: User, more: dict[str, object], refusal: type[DomainError]
) -> None:
    refuses(refusal, lambda: desk.ask(ada, 50, grace, **more))

    assert not Adjustment.objects.exists()


def test_one_adjustment_is_bounded_either_way(ada: Account, grace: User) -> None:
    for credits_ in (501, -501):
        refuses(AboveMaximum, lambda credits_=credits_: desk.ask(ada, credits_, grace))
    refuses(InvalidCorrection, lambda: desk.ask(ada, 0, grace))

    assert desk.ask(ada, -500, grace, as_debt=True).state == "requested"


def test_a_key_has_one_adjustment(ada: Account, grace: User, rosa: User) -> None:
    first = desk.ask(ada, 50, grace, key="k")

    assert desk.ask(ada, 50, grace, key="k") == first
    refuses(IdempotencyMismatch, lambda: desk.ask(ada, 51, grace, key="k"))
    refuses(IdempotencyMismatch, lambda: desk.ask(ada, 50, rosa, key="k"))
    desk.approve(first, rosa)
    assert desk.ask(ada, 50, grace, key="k").state == "executed"
    assert Adjustment.objects.count() == Grant.objects.count() == 1


def test_an_approval_counts_once_and_a_refusal_for_ever(
    ada: Account, grace: User, rosa: User
) -> None:
    third = User.objects.create_superuser("root")
    given, kept = desk.ask(ada, 50, grace), desk.ask(ada, 20, grace)
    desk.approve(given, rosa)
    refused = [
        services.refuse_adjustment(adjustment_id=kept.pk, approver=rosa, now=timezone.now())
        for _again in range(2)
    ]

    assert desk.approve(given, rosa).state == "executed"
    assert [one.state for one in refused] == ["refused"] * 2
    refuses(Decided, lambda: desk.approve(given, third))
    refuses(Decided, lambda: desk.approve(kept, third))
    assert factories.free_micros(ada) == 50 * MICROS


def test_a_request_lasts_for_seven_days(ada: Account, grace: User, rosa: User) -> None:
    asked = desk.ask(ada, 50, grace)
    over = asked.requested_at + timedelta(days=7)

    refuses(Decided, lambda: desk.approve(asked, rosa, at=over))
    assert services.sweep(now=over - timedelta(microseconds=1)) == 0
    assert services.sweep(now=over) == 1
    assert services.sweep(now=over) == 0

    asked.refresh_from_db()
    assert (asked.state, asked.approver) == ("expired", None)
    refuses(Decided, lambda: desk.approve(asked, rosa))


def test_a_person_has_a_hand_in_so_much_a_day(ada: Account, grace: User, rosa: User) -> None:
    third = User.objects.create_superuser("root")
    for credits_ in (500, -400):
        desk.approve(desk.ask(ada, credits_, grace), rosa)
    more = desk.ask(ada, 101, grace)

    told = refuses(DayCapReached, lambda: desk.approve(more, third))
    assert (told.facts["operator"], told.facts["used"], told.facts["max"]) == (
        *("grace", "900", "1000"),
    )
    theirs = desk.ask(ada, 101, third)
    told = refuses(DayCapReached, lambda: desk.approve(theirs, rosa))
    assert told.facts["operator"] == "rosa"

    assert desk.approve(more, third, at=timezone.now() + timedelta(days=1)).state == "executed"
    assert desk.approve(desk.ask(ada, 100, third), rosa).state == "executed"


def test_the_sandbox_counts_by_itself(ada: Account, grace: User, rosa: User) -> None:
    play = factories.new_account("play")
    desk.approve(desk.ask(play, 500, grace), rosa)
    desk.approve(desk.ask(play, 500, grace), rosa)

    assert desk.approve(desk.ask(ada, 500, grace), rosa).state == "executed"


def test_below_the_catalogs_bound_one_person_is_enough(
    ada: Account, grace: User, rosa: User
) -> None:
    desk.open_shop(f'{desk.KEYS}\napproval_above = "20"')

    alone, more = desk.ask(ada, 20, grace), desk.ask(ada, 21, grace)

    assert (alone.state, alone.approver, more.state) == ("executed", None, "requested")
    assert Entry.objects.get().actor_id == "grace"
    assert OperatorDay.objects.get().used_micros == 20 * MICROS


def test_what_is_taken_is_taken_as_it_burns(ada: Account, grace: User, rosa: User) -> None:
    later = factories.give(ada, 30, expires_in=timedelta(days=9))
    sooner = factories.give(ada, 30, expires_in=timedelta(days=3))

    taken = desk.approve(desk.ask(ada, -40, grace), rosa)

    assert (taken.revoked_micros, taken.debt, taken.grant) == (40 * MICROS, None, None)
    later.refresh_from_db()
    sooner.refresh_from_db()
    assert (sooner.revoked_micros, later.revoked_micros) == (30 * MICROS, 10 * MICROS)


def test_what_was_only_lent_is_not_taken(ada: Account, grace: User, rosa: User) -> None:
    """It is the pool's: a correction of its borrower costs the pool nothing."""
    team = studio.found(is_sandbox=False)
    factories.give(team.account, 30)
    studio.allot(team, "ada", 30)
    factories.give(ada, 10)

    refuses(NotEnoughToTake, lambda: desk.approve(desk.ask(ada, -40, grace), rosa))
    taken = desk.approve(desk.ask(ada, -10, grace), rosa)

    assert taken.revoked_micros == 10 * MICROS
    assert factories.free_micros(ada) == 30 * MICROS


def test_what_is_taken_of_named_grants_is_taken_of_them_alone(
    ada: Account, grace: User, rosa: User
) -> None:
    mine, other = factories.give(ada, 30), factories.give(ada, 30)
    strange = factories.give(factories.new_account("bob", is_sandbox=False), 30)

    refuses(InvalidCorrection, lambda: desk.ask(ada, -5, grace, grant_ids=[strange.pk]))
    refuses(InvalidCorrection, lambda: desk.ask(ada, -5, grace, grant_ids=[mine.pk, mine.pk]))
    told = refuses(NotEnoughToTake, lambda: desk.ask(ada, -31, grace, grant_ids=[mine.pk]))
    assert (told.facts["need"], told.facts["available"]) == ("31", "30")
    assert told.facts["field"] == "as_debt"
    assert not Adjustment.objects.exists()

    asked, late = (desk.ask(ada, -30, grace, grant_ids=[mine.pk]) for _twice in range(2))
    desk.approve(asked, rosa)
    refuses(NotEnoughToTake, lambda: desk.approve(late, rosa))  # it was free when it was asked for
    mine.refresh_from_db()
    other.refresh_from_db()
    assert (mine.revoked_micros, other.available_micros) == (30 * MICROS, 30 * MICROS)


def test_the_rest_is_owed_where_the_request_says_so(ada: Account, grace: User, rosa: User) -> None:
    factories.give(ada, 30)

    taken = desk.approve(desk.ask(ada, -50, grace, as_debt=True), rosa)

    debt = Debt.objects.get()
    assert taken.debt == debt
    assert (taken.revoked_micros, debt.amount_micros) == (30 * MICROS, 20 * MICROS)
    assert (debt.cause_type, debt.cause_id) == ("adjustment", taken.pk)


def test_a_debt_is_forgiven_by_an_adjustment(ada: Account, grace: User, rosa: User) -> None:
    debt = factories.owe(ada, 20)

    desk.approve(desk.ask(ada, 20, grace, reason="goodwill", text="Forgiven: ticket 9"), rosa)

    debt.refresh_from_db()
    assert debt.paid_at is not None
    assert factories.wallet_of(ada).debt_micros == factories.free_micros(ada) == 0
    factories.give(ada, 1)
    assert factories.hold(ada, 1).amount_micros == MICROS


@pytest.mark.parametrize(
    ("credits_", "more", "refusal"),
    [
        (50, {"reason": "whim"}, InvalidCorrection),
        (50, {"text": " "}, InvalidCorrection),
        (0, {}, InvalidCorrection),
        (501, {}, AboveMaximum),
        (50, {"as_debt": True}, InvalidCorrection),
        (-100, {}, NotEnoughToTake),
        (-5, {"grant_ids": ["gr_1"]}, InvalidCorrection),
        (15, {"requester": "grace"}, DayCapReached),
        (50, {"requester": "vera"}, Forbidden),
    ],
)
def test_a_preview_refuses_what_the_request_refuses(
    ada: Account,
    grace: User,
    vera: User,
    credits_: int,
    more: dict[str, object],
    refusal: type[DomainError],
) -> None:
    desk.open_shop(f'{desk.KEYS}\napproval_above = "20"'.replace('"1000"', '"500"'))
    factories.give(ada, 66)
    bob = factories.new_account("bob", is_sandbox=False)
    desk.approve(desk.ask(bob, 490, grace), User.objects.create_superuser("root"))
    people = {"grace": grace, "vera": vera}
    who = people[str(more.get("requester", "grace"))]
    facts = {key: said for key, said in more.items() if key != "requester"}

    def preview() -> object:
        return services.preview_adjustment(
            account=ada,
            amount_micros=credits_ * MICROS,
            requester=who if "requester" in more else None,
            now=desk.now(),
            **({"reason": "mistake", "text": "Ticket 7"} | facts),  # type: ignore[arg-type]  # as asked
        )

    looked = refuses(refusal, preview)
    asked = refuses(refusal, lambda: desk.ask(ada, credits_, who, **facts))

    assert (looked.message, looked.facts) == (asked.message, asked.facts)
    assert not Adjustment.objects.filter(account=ada).exists()


def test_a_rest_is_owed_of_one_grant_alone(ada: Account, grace: User) -> None:
    grants = [factories.give(ada, 30).pk, factories.give(ada, 30).pk]

    told = refuses(
        InvalidCorrection, lambda: desk.ask(ada, -100, grace, grant_ids=grants, as_debt=True)
    )

    assert told.facts["field"] == "grant_ids"
    assert not Adjustment.objects.filter(account=ada).exists()
    assert desk.ask(ada, -50, grace, grant_ids=grants).state == "requested"


def test_a_preview_says_what_would_move(ada: Account) -> None:
    factories.give(ada, 66)

    looked = services.preview_adjustment(
        account=ada,
        amount_micros=-100 * MICROS,
        reason="mistake",
        text="Ticket 7",
        requester=None,
        as_debt=True,
        now=desk.now(),
    )

    assert (looked.taken_micros, looked.owed_micros) == (66 * MICROS, 34 * MICROS)
    assert (looked.available_micros, looked.given_micros) == (66 * MICROS, 0)
    assert factories.free_micros(ada) == 66 * MICROS


def test_who_has_asked_and_nobody_else_withdraws_it(ada: Account, grace: User, rosa: User) -> None:
    asked, given = desk.ask(ada, 50, grace), desk.ask(ada, 20, grace)
    desk.approve(given, rosa)

    def withdraw(adjustment: Adjustment, by: User) -> Adjustment:
        return services.withdraw_adjustment(
            adjustment_id=adjustment.pk, requester=by, now=desk.now()
        )

    refuses(NotYourRequest, lambda: withdraw(asked, rosa))
    refuses(Decided, lambda: withdraw(given, grace))
    gone = [withdraw(asked, grace) for _again in range(2)]

    assert [(one.state, one.approver) for one in gone] == [("withdrawn", None)] * 2
    refuses(Decided, lambda: desk.approve(asked, rosa))
    assert factories.free_micros(ada) == 20 * MICROS


def test_what_was_spent_of_a_grant_is_owed_once_whoever_takes_it_back(
    ada: Account, grace: User, rosa: User
) -> None:
    grant = factories.give(ada, 100)
    factories.capture(ada, factories.hold(ada, 100), 100 * MICROS)

    taken = desk.approve(desk.ask(ada, -100, grace, grant_ids=[grant.pk], as_debt=True), rosa)
    again = factories.claw_back(ada, [grant], 100)

    assert taken.debt is not None
    assert (taken.debt.grant, taken.debt.amount_micros) == (grant, 100 * MICROS)
    assert (again.revoked_micros, again.owed_micros) == (0, 0)
    more = {"grant_ids": [grant.pk], "as_debt": True}
    told = refuses(NotEnoughToTake, lambda: desk.ask(ada, -1, grace, **more))
    assert told.facts["field"] == "amount_micros"
