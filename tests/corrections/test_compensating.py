"""Incidents: what was looked at is what is approved, and everyone has it once."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import translation

from billing.accounts.models import Account
from billing.corrections import selectors, services
from billing.corrections.amounts import Basis, Rule
from billing.corrections.errors import (
    Decided,
    IncidentKnown,
    InvalidCorrection,
    NothingSelected,
    NotYourRequest,
    OwnRequest,
    SelectionChanged,
    SelectionTooLarge,
)
from billing.corrections.models import CompensatedJob, Compensation, CompensationShare
from billing.corrections.services import Notice, carrying
from billing.http.errors import Forbidden
from billing.jobs.models import Job
from billing.ledger.models import Entry, Grant
from billing.outbox.models import Message
from billing.webhooks.models import Event
from plans.credits import MICROS
from tests import factories
from tests.corrections import desk
from tests.jobs import shop as jobs

pytestmark = pytest.mark.usefixtures("ends_clean")


@pytest.fixture
def people(ada: Account, backend: None) -> list[Account]:
    """Ada and Bob had videos for 10 and 6 credits each; one of Bob's failed for nothing."""
    bob = factories.new_account("bob", is_sandbox=False)
    for account in (ada, bob):
        factories.give(account, 100, fact="pocket")
    jobs.finish(jobs.submit(ada, seconds=5))
    jobs.finish(jobs.submit(bob, seconds=3))
    jobs.fail(jobs.submit(bob, seconds=2))
    return [ada, bob]


def carry_on(compensation: Compensation) -> Compensation:
    """Carry it out, as the worker would."""
    services.carry_out(compensation_id=compensation.pk, now=desk.now())
    compensation.refresh_from_db()
    return compensation


def given_for(compensation: Compensation) -> dict[str, int]:
    """Return how many whole credits each account got for it, from the ledger."""
    rows = Grant.objects.filter(fact=f"compensation:{compensation.pk}")
    names = rows.values_list("wallet__account__external_id", "amount_micros")
    return {name: micros // MICROS for name, micros in names}


def test_a_preview_says_what_would_move_and_moves_nothing(people: list[Account]) -> None:
    entries = Entry.objects.count()

    found = desk.look(desk.chosen())

    assert (found.jobs_matching, found.jobs_count, found.amount_micros) == (3, 2, 16 * MICROS)
    assert [(one.external_id, one.amount_micros, one.jobs) for one in found.top] == [
        ("ada", 10 * MICROS, 1),
        ("bob", 6 * MICROS, 1),
    ]
    assert found.worth_micros is None
    assert Entry.objects.count() == entries
    assert not Compensation.objects.exists()


def test_a_preview_knows_what_the_credits_are_worth(people: list[Account]) -> None:
    worth = 'worth = { amount = "0.05", currency = "CNY" }'
    desk.open_shop(credit=f"{jobs.CREDIT}\n{worth}\n")

    found = desk.look(desk.chosen())

    assert (found.worth_micros, found.currency) == (800_000, "CNY")


@pytest.mark.parametrize(
    ("words", "credits_"),
    [
        ({"models": ("m",)}, 16),
        ({"models": ("n",)}, None),
        ({"tasks": ("text_to_video",)}, 16),
        ({"tasks": ("extend",)}, None),
        ({"plans": ("free",)}, 16),
        ({"plans": ("pro",)}, None),
        ({"backends": ("away",)}, 16),
        ({"backends": ("elsewhere",)}, None),
        ({"statuses": ("succeeded",)}, 16),
        ({"statuses": ("failed",)}, None),
        ({"error_classes": ("backend_error",)}, None),
        ({"accounts": ("bob",)}, 6),
        ({"accounts": ("ada", "bob")}, 16),
        ({"is_sandbox": True}, None),
        ({"until": desk.now() - timedelta(minutes=1)}, None),
    ],
)
def test_a_selection_narrows_by_each_of_its_words(
    people: list[Account], words: dict[str, Any], credits_: int | None
) -> None:
    if credits_ is None:
        with pytest.raises(NothingSelected):
            desk.look(desk.chosen(**words))
    else:
        assert desk.look(desk.chosen(**words)).amount_micros == credits_ * MICROS


def test_a_selection_of_anybodys_jobs_is_written_as_it_was_before_accounts_were_named(
    shop: None,
) -> None:
    """Else a request that waits would be refused as one on other terms."""
    assert "accounts" not in desk.chosen().written()
    assert desk.chosen(accounts=("bob", "ada", "bob")).written()["accounts"] == ["ada", "bob"]


def test_jobs_that_cost_nothing_count_by_their_price_where_the_rule_says_so(
    people: list[Account],
) -> None:
    rule = Rule(Basis.CHARGED, quoted_share_micros=MICROS)

    found = desk.look(desk.chosen(error_classes=("backend_error",)), rule)

    assert [(one.external_id, one.amount_micros) for one in found.top] == [("bob", 4 * MICROS)]


@pytest.mark.parametrize(
    "words",
    [
        {"statuses": ("running",)},
        {"error_classes": ("gremlins",)},
        {"until": desk.now() - timedelta(days=1)},
    ],
)
def test_a_selection_of_what_cannot_be_is_refused(shop: None, words: dict[str, Any]) -> None:
    with pytest.raises(InvalidCorrection):
        desk.chosen(**words)


def test_a_selection_is_bounded(people: list[Account], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "JOBS_MAX", 2)

    with pytest.raises(SelectionTooLarge):
        desk.look(desk.chosen())


def test_two_persons_give_everyone_one_grant_and_a_notice(
    people: list[Account], grace: User, rosa: User
) -> None:
    asked = desk.claim(grace, desk.chosen())
    with pytest.raises(OwnRequest):
        desk.agree(asked, grace)
    assert given_for(asked) == {}

    agreed = desk.agree(asked, rosa)
    assert agreed.state == "approved"
    assert Message.objects.get(task="corrections.carry_out").arguments == {
        "compensation_id": asked.pk
    }
    with translation.override("zh-hans"):
        done = carry_on(agreed)

    assert (done.state, done.approver, done.finished_at is not None) == ("done", rosa, True)
    assert given_for(done) == {"ada": 10, "bob": 6}
    grant = Grant.objects.get(fact=f"compensation:{done.pk}", wallet__account=people[0])
    assert (grant.source, grant.priority, grant.reason) == ("goodwill", 7, "抱歉。")
    entry = Entry.objects.get(grant=grant)
    assert (entry.cause_type, entry.cause_id, entry.actor_id) == ("compensation", done.pk, "rosa")
    told = Event.objects.get(type="credits.compensated", account=people[0])
    assert json.loads(told.payload)["data"] == {
        "compensation": done.pk,
        "incident": "outage-7",
        "text": {"en": "We are sorry.", "zh": "抱歉。"},
        "grant": grant.pk,
        "credits": "10",
        "jobs": [Job.objects.get(account=people[0]).pk],
        "jobs_count": 1,
    }


def test_carried_out_again_it_gives_nothing_more(
    people: list[Account], grace: User, rosa: User
) -> None:
    done = carry_on(desk.agree(desk.claim(grace, desk.chosen()), rosa))
    before = Entry.objects.count(), Event.objects.count()

    carry_on(done)

    assert (Entry.objects.count(), Event.objects.count()) == before
    assert desk.agree(done, rosa).state == "done"


def test_jobs_that_match_later_are_not_added(
    people: list[Account], grace: User, rosa: User
) -> None:
    selection = desk.chosen()
    asked = desk.claim(grace, selection)
    jobs.finish(jobs.submit(people[0], seconds=4))

    done = carry_on(desk.agree(asked, rosa))

    assert given_for(done) == {"ada": 10, "bob": 6}
    assert desk.look(selection).jobs_before == 2


def test_a_request_is_for_what_was_looked_at(people: list[Account], grace: User) -> None:
    selection = desk.chosen()
    seen = desk.look(selection)
    jobs.finish(jobs.submit(people[0], seconds=4))

    with pytest.raises(SelectionChanged):
        desk.claim(grace, selection, digest=seen.digest)
    assert not Compensation.objects.exists()


def test_an_approval_is_of_what_was_looked_at(
    people: list[Account], grace: User, rosa: User
) -> None:
    asked = desk.claim(grace, desk.chosen())

    with pytest.raises(SelectionChanged):
        services.approve_compensation(
            compensation_id=asked.pk, digest="0" * 64, approver=rosa, now=desk.now()
        )
    asked.refresh_from_db()
    assert asked.state == "requested"


def test_an_incident_has_one_compensation(people: list[Account], grace: User, rosa: User) -> None:
    selection = desk.chosen()
    first = desk.claim(grace, selection)
    done = carry_on(desk.agree(first, rosa))
    jobs.finish(jobs.submit(people[0], seconds=4))

    assert desk.claim(rosa, selection, digest="") == done
    with pytest.raises(IncidentKnown) as known:
        desk.claim(rosa, selection, Rule(Basis.JOB, fixed_micros=MICROS))
    assert known.value.facts["compensation"] == done.pk
    assert Compensation.objects.count() == 1
    assert given_for(done) == {"ada": 10, "bob": 6}


def test_after_a_refusal_an_incident_may_be_asked_for_again(
    people: list[Account], grace: User, rosa: User
) -> None:
    selection = desk.chosen()
    first = desk.claim(grace, selection)
    for _again in range(2):
        services.refuse_compensation(compensation_id=first.pk, approver=rosa, now=desk.now())
    with pytest.raises(Decided):
        desk.agree(first, User.objects.create_superuser("root"))

    second = desk.claim(grace, selection)

    assert second != first
    assert given_for(carry_on(desk.agree(second, rosa))) == {"ada": 10, "bob": 6}
    assert given_for(first) == {}


def test_after_it_was_withdrawn_an_incident_may_be_asked_for_again(
    people: list[Account], grace: User, rosa: User
) -> None:
    def withdraw(compensation: Compensation, by: User) -> Compensation:
        return services.withdraw_compensation(
            compensation_id=compensation.pk, requester=by, now=desk.now()
        )

    first = desk.claim(grace, desk.chosen())
    with pytest.raises(NotYourRequest):
        withdraw(first, rosa)
    assert [withdraw(first, grace).state for _again in range(2)] == ["withdrawn"] * 2
    with pytest.raises(Decided):
        desk.agree(first, rosa)

    second = desk.claim(grace, desk.chosen())

    assert second != first
    assert given_for(carry_on(desk.agree(second, rosa))) == {"ada": 10, "bob": 6}
    with pytest.raises(Decided):
        withdraw(second, grace)
    assert given_for(first) == {}


def test_who_may_not_neither_asks_nor_decides(
    people: list[Account], grace: User, vera: User
) -> None:
    asked = desk.claim(grace, desk.chosen())

    with pytest.raises(Forbidden):
        desk.claim(vera, desk.chosen(), key="another")
    with pytest.raises(Forbidden):
        desk.agree(asked, vera)
    with pytest.raises(InvalidCorrection):
        desk.claim(grace, desk.chosen(), key="another", notice=Notice(en="", zh="抱歉。"))
    with pytest.raises(InvalidCorrection):
        desk.claim(grace, desk.chosen(), key="another", reason="whim")
    asked.refresh_from_db()
    assert (asked.state, Compensation.objects.count()) == ("requested", 1)


def test_a_run_that_dies_half_way_goes_on_where_it_was(
    people: list[Account], grace: User, rosa: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreed = desk.agree(desk.claim(grace, desk.chosen()), rosa)
    monkeypatch.setattr(carrying, "BATCH", 1)
    tell = carrying._tell
    calls = iter([True])

    def dies(share: CompensationShare, now: Any) -> None:  # noqa: ANN401 (an instant)
        tell(share, now)
        if next(calls, False):
            raise ConnectionError

    monkeypatch.setattr(carrying, "_tell", dies)

    with pytest.raises(ConnectionError):
        services.carry_out(compensation_id=agreed.pk, now=desk.now())
    assert given_for(agreed) == {}
    assert carry_on(agreed).state == "approved"
    assert len(given_for(agreed)) == 1
    assert Message.objects.filter(task="corrections.carry_out").count() == 2
    assert services.sweep(now=desk.now() + timedelta(hours=1)) == 1
    assert services.sweep(now=desk.now() + timedelta(hours=1)) == 0
    agreed.refresh_from_db()

    assert agreed.state == "done"
    assert given_for(agreed) == {"ada": 10, "bob": 6}
    assert Event.objects.filter(type="credits.compensated").count() == 2


def test_an_account_that_fails_holds_nobody_up(
    people: list[Account], grace: User, rosa: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreed = desk.agree(desk.claim(grace, desk.chosen()), rosa)
    give = carrying._give

    def stumbles(share: CompensationShare) -> None:
        if share.account == people[0]:
            raise ConnectionError
        give(share)

    monkeypatch.setattr(carrying, "_give", stumbles)
    with pytest.raises(ConnectionError):
        services.carry_out(compensation_id=agreed.pk, now=desk.now())
    assert services.sweep(now=desk.now() + timedelta(hours=1)) == 0
    assert given_for(agreed) == {"bob": 6}
    monkeypatch.setattr(carrying, "_give", give)

    assert carry_on(agreed).state == "done"
    assert given_for(agreed) == {"ada": 10, "bob": 6}


def test_more_than_a_wallet_may_hold_is_no_compensation(people: list[Account]) -> None:
    with pytest.raises(InvalidCorrection):
        desk.look(desk.chosen(), Rule(Basis.JOB, fixed_micros=10**12 * MICROS))


def test_a_wallet_that_is_full_holds_nobody_up(
    people: list[Account], grace: User, rosa: User
) -> None:
    agreed = desk.agree(desk.claim(grace, desk.chosen()), rosa)
    factories.give(people[0], 10**12 - 91)

    done = carry_on(agreed)

    assert (done.state, given_for(done)) == ("done", {"bob": 6})
    refused = CompensationShare.objects.get(account=people[0])
    assert (refused.refusal, refused.grant) == ("amount_out_of_range", None)
    assert CompensatedJob.objects.count() == 2
