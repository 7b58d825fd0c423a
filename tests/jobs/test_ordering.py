"""Quotes and orders over REST: what is asked for, what is refused, and that nothing moved."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.accounts.models import Account
from billing.jobs.models import Job, Quote
from billing.ledger.models import Entry, Hold
from billing.outbox.models import Message
from billing.subscriptions import services as subscriptions
from billing.webhooks.models import Event
from tests import factories
from tests.jobs.conftest import Ask

SPEC: dict[str, Any] = {
    "model": "kling-v1-6",
    "mode": "std",
    "seconds": 5,
    "inputs": {"prompt": "a kite"},
}


def _nothing_moved() -> bool:
    return not (
        Job.objects.exists()
        or Hold.objects.exists()
        or Entry.objects.exclude(kind="grant").exists()
        or Message.objects.exists()
        or Event.objects.exists()
    )


def test_an_order_holds_queues_and_tells_in_one_transaction(ada: Account, ask: Ask) -> None:
    factories.give(ada, 30)

    job = ask("post", "/v1/jobs", SPEC).json()

    assert job["status"] == "queued"
    assert (job["queue"]["lane"], job["queue"]["position"]) == ("standard", 1)
    assert job["queue"]["eta"].endswith("Z")  # a slot is free
    assert job["queue"]["reason"] is None
    assert Hold.objects.get().reference == f"job:{job['id']}"
    assert Message.objects.get(task="jobs.dispatch").arguments == {"job_id": job["id"]}
    assert Event.objects.get(type="job.queued").payload
    assert ask("get", "/v1/balance").json()["held"] == "10"


def test_a_short_wallet_is_refused_and_left_alone(ada: Account, ask: Ask) -> None:
    factories.give(ada, 9)

    response = ask("post", "/v1/jobs", SPEC)

    problem = response.json()
    assert (response.status_code, problem["code"]) == (402, "insufficient_credits")
    assert (problem["need"], problem["available"], problem["short"]) == ("10", "9", "1")
    assert _nothing_moved()


def test_a_refusal_under_a_key_stays_one_although_credits_arrived(ada: Account, ask: Ask) -> None:
    first = ask("post", "/v1/jobs", SPEC, key="k")
    factories.give(ada, 100)

    again = ask("post", "/v1/jobs", SPEC, key="k")
    anew = ask("post", "/v1/jobs", SPEC, key="k2")

    assert (first.status_code, again.status_code, anew.status_code) == (402, 402, 201)
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"


def test_the_same_key_orders_once_and_says_the_same_bytes(ada: Account, ask: Ask) -> None:
    factories.give(ada, 100)

    first = ask("post", "/v1/jobs", SPEC, key="k")
    again = ask("post", "/v1/jobs", SPEC, key="k")
    other = ask("post", "/v1/jobs", SPEC | {"seconds": 10}, key="k")

    assert again.content == first.content
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"mode": "pro"}, 403, "not_entitled"),
        ({"resolution": "1080p"}, 403, "not_entitled"),
        ({"seconds": 7}, 422, "invalid_spec"),
        ({"seconds": "5"}, 422, "invalid_spec"),
        ({"seconds": True}, 422, "invalid_spec"),
        ({"seconds": -5}, 422, "invalid_spec"),
        ({"seconds": 2**31}, 422, "invalid_spec"),
        ({"seconds": 2**53}, 422, "invalid_spec"),
        ({"seconds": 2**62}, 422, "invalid_spec"),
        ({"seconds": 2**64 - 5}, 400, "malformed"),
        ({"count": -1}, 422, "invalid_spec"),
        ({"model": "sora"}, 422, "invalid_spec"),
        ({"colour": "red"}, 422, "invalid_spec"),
        ({"model": "kling-v2-6", "audio": False}, 422, "unpriced"),
        ({"inputs": {}}, 422, "invalid_spec"),
        ({"inputs": {"prompt": "x", "price": "0"}}, 400, "malformed"),
        ({"task": "extend"}, 422, "invalid_spec"),
        ({"parent": "job_other"}, 422, "invalid_parent"),
        ({"quote": "qt_other"}, 409, "quote_expired"),
        ({"max_credits": "9.5"}, 422, "price_above_maximum"),
        ({"max_credits": "-1"}, 422, "invalid_spec"),
        ({"metadata": {str(n): "x" for n in range(21)}}, 400, "malformed"),
    ],
)
def test_an_order_that_cannot_be_is_refused_by_name_and_nothing_moves(
    ada: Account, ask: Ask, change: dict[str, Any], status: int, code: str
) -> None:
    factories.give(ada, 1000)

    response = ask("post", "/v1/jobs", SPEC | change)

    assert (response.status_code, response.json()["code"]) == (status, code), response.content
    assert _nothing_moved()


def test_a_refusal_names_the_field_and_the_plan_that_helps(ada: Account, ask: Ask) -> None:
    invalid = ask("post", "/v1/jobs", SPEC | {"seconds": 7}).json()
    forbidden = ask("post", "/v1/jobs", SPEC | {"mode": "pro"}).json()

    assert invalid["errors"][0]["pointer"] == "/seconds"
    assert (forbidden["entitlement"], forbidden["required_plan"]) == ("mode", "standard")


def test_a_quote_names_everything_in_the_way_and_what_would_fit(ada: Account, ask: Ask) -> None:
    factories.give(ada, 15)

    quote = ask("post", "/v1/quotes", SPEC | {"mode": "pro", "resolution": "1080p"}).json()

    assert quote["admissible"] is False
    assert [reason["code"] for reason in quote["reasons"]] == [
        "not_entitled",
        "not_entitled",
        "insufficient_credits",
    ]
    assert quote["refund_policy"]["backend_error"] == quote["max_credits"]
    assert not Hold.objects.exists()
    near = ask("post", "/v1/quotes", SPEC | {"seconds": 10}).json()
    assert [(one["kind"], one["change"]) for one in near["alternatives"]] == [
        ("change", {"seconds": 5}),
        ("grant", {}),
    ]
    assert near["alternatives"][0]["credits"] == "10"
    assert near["alternatives"][0]["detail"] == "seconds 5 fits, for 10 credits."
    assert near["alternatives"][1]["detail"] == "66 more now, by a check-in."


def test_a_quoted_price_holds_and_an_old_quote_does_not(ada: Account, ask: Ask) -> None:
    factories.give(ada, 100)
    quote = ask("post", "/v1/quotes", SPEC).json()
    Quote.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))

    late = ask("post", "/v1/jobs", SPEC | {"quote": quote["id"]})

    assert (late.status_code, late.json()["code"]) == (409, "quote_expired")
    fresh = ask("post", "/v1/quotes", SPEC).json()
    other = ask("post", "/v1/jobs", SPEC | {"seconds": 10, "quote": fresh["id"]})
    assert (other.status_code, other.json()["code"]) == (409, "quote_expired")
    assert _nothing_moved()
    assert ask("post", "/v1/jobs", SPEC | {"quote": fresh["id"]}).status_code == 201


def test_the_plans_concurrency_is_a_limit_that_may_be_tried_again(ada: Account, ask: Ask) -> None:
    factories.give(ada, 100)
    for _number in range(3):
        assert ask("post", "/v1/jobs", SPEC).status_code == 201

    response = ask("post", "/v1/jobs", SPEC, key="k")

    assert (response.status_code, response.json()["code"]) == (429, "concurrency_limit")
    assert response.headers["Retry-After"]
    ask("post", f"/v1/jobs/{Job.objects.first().pk}/cancel")  # type: ignore[union-attr]  # there are three
    assert ask("post", "/v1/jobs", SPEC, key="k").status_code == 201


def test_a_plan_opens_what_it_includes(ada: Account, ask: Ask) -> None:
    subscriptions.start(account=ada, plan="pro")

    response = ask("post", "/v1/jobs", SPEC | {"mode": "pro", "resolution": "1080p"})

    assert response.status_code == 201
    assert response.json()["credits"]["held"] == "35"


def test_another_ones_job_looks_like_none(ada: Account, ask: Ask) -> None:
    factories.give(ada, 100)
    job = ask("post", "/v1/jobs", SPEC).json()["id"]

    foreign = ask("get", f"/v1/jobs/{job}", name="bob")
    absent = ask("get", "/v1/jobs/job_that_never_was", name="bob")
    cancel = ask("post", f"/v1/jobs/{job}/cancel", name="bob")

    assert foreign.status_code == absent.status_code == cancel.status_code == 404
    kept = ("type", "title", "status", "code", "detail")
    assert [foreign.json()[name] for name in kept] == [absent.json()[name] for name in kept]
    assert Job.objects.get().status == "queued"


def test_jobs_are_listed_in_pages_newest_first(ada: Account, ask: Ask) -> None:
    factories.give(ada, 100)
    made = [ask("post", "/v1/jobs", SPEC).json()["id"] for _number in range(3)]

    first = ask("get", "/v1/jobs?limit=2").json()
    second = ask("get", f"/v1/jobs?limit=2&cursor={first['next']}").json()

    assert [job["id"] for job in first["data"] + second["data"]] == made[::-1]
    assert second["next"] is None


def test_canceling_what_has_ended_is_a_conflict(ada: Account, ask: Ask) -> None:
    factories.give(ada, 100)
    job = ask("post", "/v1/jobs", SPEC).json()["id"]
    assert ask("post", f"/v1/jobs/{job}/cancel").json()["status"] == "canceled"

    again = ask("post", f"/v1/jobs/{job}/cancel")

    assert (again.status_code, again.json()["status"]) == (202, "canceled")
    assert ask("get", "/v1/balance").json()["available"] == "100"
    assert Entry.objects.filter(kind="release").count() == 1


def test_an_output_address_is_its_own_permission_and_no_other(ada: Account, ask: Ask) -> None:
    response = ask("get", "/v1/outputs/forged:token:here")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
