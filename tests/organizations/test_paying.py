"""Who pays for a member's order, how much of the pool he may use, and what each sees."""

from datetime import timedelta

import pytest
from django.db import connection

from billing.accounts.members import Organization
from billing.jobs.errors import CeilingReached, QuoteExpired
from billing.jobs.models import Job
from billing.ledger import selectors as ledger
from billing.ledger.errors import InsufficientCredits
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop
from tests.organizations import studio
from tests.organizations.conftest import Ask


def test_the_pool_pays_while_it_can_pay_the_whole_and_then_who_orders(team: Organization) -> None:
    factories.give(team.account, 8)
    cleo = studio.member(team, "cleo").account

    first = studio.submit(team, "cleo", 5)
    second = studio.submit(team, "cleo", 5)

    assert (first.account, first.wallet.account) == (team.account, team.account)
    assert (second.account, second.plan) == (cleo, "free")
    assert first.member == second.member == studio.member(team, "cleo")
    assert (studio.credits_of(team.account), studio.credits_of(cleo)) == (3, 5)
    studio.checked()


@pytest.mark.parametrize(
    ("pays", "payer"),
    [('["own", "pool"]', "cleo"), ('["pool", "own"]', "pool"), ('["pool"]', "pool")],
)
def test_the_catalog_says_whose_wallet_is_asked_first(
    team: Organization, pays: str, payer: str
) -> None:
    studio.open_shop(team=f"team = {{ pays = {pays} }}")
    factories.give(team.account, 5)

    job = studio.submit(team, "cleo", 5)

    name = "pool" if job.account == team.account else job.account.external_id
    assert name == payer


def test_where_only_the_pool_pays_an_order_beyond_it_is_refused(team: Organization) -> None:
    studio.open_shop(team='team = { pays = ["pool"] }')
    factories.give(team.account, 4)
    before = studio.facts()

    with pytest.raises(InsufficientCredits):
        studio.submit(team, "cleo", 5)
    assert studio.facts() == before


def test_a_quote_says_who_would_pay_and_why_the_other_would_not(
    team: Organization, ask: Ask
) -> None:
    factories.give(team.account, 3)

    told = ask("cleo", "post", "/v1/quotes", {"model": "m", "seconds": 5}, team=team).json()

    assert told["admissible"]
    pool, own = told["payers"]
    assert (pool["wallet"], pool["account"], pool["pays"]) == ("pool", team.pk, False)
    assert [one["code"] for one in pool["reasons"]] == ["insufficient_credits"]
    assert own == {"wallet": "own", "account": "cleo", "pays": True, "credits": "5", "reasons": []}


def test_a_quoted_order_is_paid_by_the_wallet_that_was_quoted(team: Organization) -> None:
    told = studio.quote(team, "cleo", 5).quote
    assert told.account.external_id == "cleo"
    factories.give(team.account, 100)

    job = studio.submit(team, "cleo", 5, quote_id=told.pk)

    assert job.account.external_id == "cleo"
    with pytest.raises(QuoteExpired):
        studio.submit(team, "ben", 5, quote_id=told.pk)


def test_a_ceiling_counts_what_is_held_and_what_was_charged(team: Organization) -> None:
    studio.open_shop(team='team = { pays = ["pool"] }')
    factories.give(team.account, 100)
    studio.ceiling(team, "cleo", 12)
    held = studio.submit(team, "cleo", 7)
    before = studio.facts()

    with pytest.raises(CeilingReached) as refused:
        studio.submit(team, "cleo", 6)

    assert studio.facts() == before
    told = refused.value.facts
    assert (refused.value.code, told["left"], told["window"]) == ("quota_exceeded", "5", "day")
    assert told["resets_at"] is not None
    studio.submit(team, "ben", 50)  # another's ceiling is not his
    studio.cancel(held)
    assert studio.submit(team, "cleo", 12).status == "queued"
    studio.checked()


def test_a_new_window_of_the_organization_has_a_new_ceiling(team: Organization) -> None:
    studio.open_shop(team='team = { pays = ["pool"] }')
    factories.give(team.account, 100)
    studio.ceiling(team, "cleo", 5)
    studio.submit(team, "cleo", 5)

    factories.later(team.account, timedelta(days=1))
    studio.submit(team, "cleo", 5)
    studio.ceiling(team, "cleo", 10, "ever")

    with pytest.raises(CeilingReached) as refused:
        studio.submit(team, "cleo", 1)
    assert refused.value.facts["resets_at"] is None


def test_an_order_above_the_ceiling_is_paid_by_who_orders_and_the_quote_says_so(
    team: Organization, ask: Ask
) -> None:
    factories.give(team.account, 100)
    studio.ceiling(team, "cleo", 3)

    told = ask("cleo", "post", "/v1/quotes", {"model": "m", "seconds": 4}, team=team).json()

    assert [one["code"] for one in told["payers"][0]["reasons"]] == ["quota_exceeded"]
    assert told["payers"][0]["reasons"][0]["left"] == "3"
    assert studio.submit(team, "cleo", 4).account.external_id == "cleo"


def _seen(ask: Ask, who: str, team: Organization | None) -> set[str]:
    return {one["id"] for one in ask(who, "get", "/v1/jobs", team=team).json()["data"]}


@pytest.mark.parametrize("members_see", ["own", "all"])
def test_each_sees_the_orders_that_he_may_see(
    team: Organization, ask: Ask, members_see: str
) -> None:
    studio.open_shop(team=f'team = {{ members_see = "{members_see}" }}')
    factories.give(team.account, 10)
    by_cleo, by_ben = studio.submit(team, "cleo", 5), studio.submit(team, "ben", 5)
    own = studio.submit(team, "cleo", 5)  # the pool is empty

    assert _seen(ask, "ada", team) == _seen(ask, "ben", team) == {by_cleo.pk, by_ben.pk}
    of_others = {by_ben.pk} if members_see == "all" else set()
    assert _seen(ask, "cleo", team) == {by_cleo.pk, own.pk} | of_others
    assert _seen(ask, "cleo", None) == {own.pk}
    assert _seen(ask, "ada", None) == set()
    path = f"/v1/jobs/{by_ben.pk}"
    assert (ask("cleo", "get", path, team=team).status_code == 200) == bool(of_others)
    assert ask("cleo", "post", f"{path}/cancel", team=team).status_code == 404
    assert ask("ada", "post", f"/v1/jobs/{by_cleo.pk}/cancel", team=team).status_code == 202
    balance = ask("cleo", "get", "/v1/balance", team=team)
    assert balance.status_code == (200 if members_see == "all" else 403)
    assert ask("ben", "get", "/v1/balance", team=team).json()["available"] == "5"


def test_an_order_over_rest_is_the_teams_and_says_who_placed_it(
    team: Organization, ask: Ask
) -> None:
    factories.give(team.account, 10)
    order = {"model": "m", "seconds": 5, "inputs": {"prompt": "a kite"}}

    made = ask("cleo", "post", "/v1/jobs", order, team=team, key="k")

    assert (made.status_code, made.json()["member"]) == (201, "cleo")
    assert ask("cleo", "post", "/v1/jobs", order, team=team, key="k").content == made.content
    assert ask("cleo", "post", "/v1/jobs", order, key="k").json()["member"] is None
    assert Job.objects.filter(account=team.account).count() == 1
    for method, path in (("post", "/v1/check-in"), ("get", "/v1/webhook-endpoints")):
        assert ask("cleo", method, path, team=team).status_code == 403


def test_the_statement_says_what_each_member_used(team: Organization, ask: Ask) -> None:
    factories.give(team.account, 30)
    for name, seconds in (("cleo", 5), ("cleo", 6), ("ben", 7)):
        studio.submit(team, name, seconds)
    path = f"/v1/organizations/{team.pk}/usage"

    rows = ask("ada", "get", path).json()["data"]

    assert {row["member"]: (row["orders"], row["held"], row["charged"]) for row in rows} == {
        "cleo": (2, "11", "0"),
        "ben": (1, "7", "0"),
    }
    own = ask("cleo", "get", f"{path}?group_by=member,day,model").json()["data"]
    assert [(row["member"], row["model"], row["held"]) for row in own] == [("cleo", "m", "11")]
    assert ask("ada", "get", f"{path}?group_by=colour").status_code == 400
    assert ask("eve", "get", path).status_code == 404


@pytest.mark.parametrize("offset", ["+20:30", "-23:59"])
def test_usage_is_asked_for_with_any_offset_that_rfc_3339_knows(
    team: Organization, ask: Ask, offset: str
) -> None:
    """PostgreSQL itself knows none of 16 hours and more."""
    factories.give(team.account, 30)
    studio.submit(team, "cleo", 5)
    path = f"/v1/organizations/{team.pk}/usage"
    long_ago, far_off = f"0001-01-01T00:00:00{offset}", f"9999-12-31T23:59:59{offset}"

    ordered = ask("ada", "get", f"{path}?since={long_ago}&until={far_off}")
    not_yet = ask("ada", "get", f"{path}?since={far_off}")

    assert ordered.status_code == 200, ordered.content
    assert [row["orders"] for row in ordered.json()["data"]] == [1]
    assert (not_yet.status_code, not_yet.json()["data"]) == (200, [])


def test_what_becomes_dearer_stays_below_the_ceiling_too(team: Organization) -> None:
    measured = 'overrun = { settle_by = "usage", measured = { seconds = "s" }, policy = "debt" }'
    studio.open_shop(team=measured)
    factories.give(team.account, 100)
    studio.ceiling(team, "cleo", 12)
    studio.submit(team, "cleo", 5)

    done = shop.finish(studio.submit(team, "cleo", 5, max_micros=90 * MICROS), usage={"s": "40"})

    assert (done.charged_micros, done.overrun_micros, done.owed_micros) == (
        *(7 * MICROS, 2 * MICROS, 0),
    )
    assert studio.credits_of(team.account) == 88


def test_a_wallet_that_is_only_looked_at_says_what_is_due_in_it(team: Organization) -> None:
    factories.give(team.account, 100)

    studio.submit(team, "cleo", 5)

    cleo = studio.member(team, "cleo").account
    assert ledger.totals(factories.wallet_of(cleo)).available_micros == 10 * MICROS
    studio.checked()


def test_the_orders_of_earlier_windows_are_not_read_again(team: Organization) -> None:
    """A ceiling is judged by the window's orders, however many there were before."""
    factories.give(team.account, 100)
    studio.ceiling(team, "cleo", 7)
    for _order in range(40):
        studio.cancel(studio.submit(team, "cleo", 1))
    factories.later(team.account, timedelta(days=3))
    read = (
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables "
        "WHERE relname = 'billing_job'"
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE billing_job")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(read)
        (before,) = cursor.fetchone()
        studio.submit(team, "cleo", 1)
        cursor.execute(read)
        (after,) = cursor.fetchone()

    assert after - before < 20
