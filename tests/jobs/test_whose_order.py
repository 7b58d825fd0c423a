"""What a backend cannot be told costs nothing, and one vendor's id pays one order."""

import pytest
from pytest_django import Settings

from billing.accounts.models import Account
from billing.fleet import services as fleet
from billing.gpu.costs import CostRow, cost_of
from billing.gpu.protocol import (
    Ambiguous,
    AtCapacity,
    AttemptView,
    Caps,
    Fail,
    State,
    Status,
    Unmakeable,
)
from billing.gpu.replies import require_accepted
from billing.gpu.wire import Reply
from billing.jobs import services as jobs
from billing.jobs.models import Attempt, Job, Output
from billing.jobs.services import hearing
from tests.gpu.polled import PolledBackend, Vendor
from tests.jobs import shop
from tests.jobs.fleet_story import (
    attempt_of,
    dispatch,
    entry,
    film,
    fresh,
    know,
    later,
    money,
    now,
    order,
    rung,
    shopper,
    vendor,
)

__all__ = ["shopper", "vendor"]

PAYS_ALL = '[failure_policy.charge]\ninvalid_input = "1"'


@pytest.fixture
def picky(monkeypatch: pytest.MonkeyPatch, vendor: Vendor) -> None:
    """The backend "away" cannot be told an order; every other one can."""
    submit = PolledBackend.submit

    def told(self: PolledBackend, attempt: AttemptView) -> Status:
        if self.base_url.endswith("localhost"):
            raise Unmakeable("count: this backend makes one video.", fail=Fail.INVALID_INPUT)
        return submit(self, attempt)

    monkeypatch.setattr(PolledBackend, "submit", told)


def test_what_no_backend_can_be_told_fails_and_costs_nothing(
    shopper: Account, picky: None, settings: Settings
) -> None:
    shop.open_shop(PAYS_ALL)
    settings.BACKENDS = {"away": entry("http://localhost", kind="polled")}

    job = dispatch(order(shopper))

    assert (job.status, job.failure_class, job.charged_micros) == ("failed", "rejected", 0)
    assert job.hold.state == "released"
    assert "count" in job.failure_detail


def test_what_one_backend_cannot_be_told_another_makes(
    shopper: Account, picky: None, vendor: Vendor, settings: Settings
) -> None:
    settings.BACKENDS = {
        "away": entry("http://localhost", kind="polled"),
        "other": entry(vendor.base_url, kind="polled"),
    }
    job = dispatch(order(shopper))
    assert (job.status, job.hold.state, rung()) == ("queued", "open", [job.pk])

    job = dispatch(job)

    assert (job.status, attempt_of(job).backend) == ("dispatched", "other")
    assert [attempt.outcome for attempt in job.attempts.order_by("number")] == ["Unmakeable", ""]


def test_an_id_that_a_backend_has_given_before_is_doubted(
    shopper: Account, vendor: Vendor, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled")}
    first = dispatch(order(shopper))
    vendor.tasks["task-1"] |= {"status": "succeeded", "outputs": [film()]}
    jobs.collect(attempt_id=attempt_of(first).pk, now=now())
    assert fresh(first).status == "succeeded"
    vendor.tasks.clear()  # it has been started anew, and counts from one

    second = dispatch(order(shopper))

    assert (second.status, second.hold.state) == ("unknown", "open")
    assert attempt_of(second).provider_id == ""


def test_a_signed_word_of_another_order_ends_and_charges_nothing(
    shopper: Account, vendor: Vendor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(monkeypatch, Caps(poll=True, list=True, callback="hmac"))
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled")}
    other = dispatch(order(shopper))
    vendor.hangs_up = True
    job = dispatch(order(shopper))
    before = money(job)

    for state in (State.SUCCEEDED, State.FAILED):
        fail = Fail.PROVIDER if state == State.FAILED else None
        word = Status(state=state, provider_id="task-1", outputs=(film(),), fail=fail)
        hearing.apply_status(attempt_of(job).pk, word, now=now())

    assert (fresh(job).status, money(job), Output.objects.count()) == ("unknown", before, 0)
    assert attempt_of(other).provider_id == "task-1"


def test_a_success_keeps_the_id_by_which_it_came(
    shopper: Account, vendor: Vendor, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled")}
    vendor.hangs_up = True
    job = dispatch(order(shopper))
    word = Status(state=State.SUCCEEDED, provider_id="task-9", outputs=(film(),))

    hearing.apply_status(attempt_of(job).pk, word, now=now())

    assert (fresh(job).status, attempt_of(job).provider_id) == ("succeeded", "task-9")


@pytest.mark.parametrize(
    ("usage", "cost"),
    [({"tokens": 1e30}, None), ({"tokens": 1e15}, None), ({"to\x00kens": 5.0}, 45_000_000)],
)
def test_an_absurd_usage_settles_all_the_same(
    shopper: Account, vendor: Vendor, settings: Settings, usage: dict[str, float], cost: int | None
) -> None:
    costs = [{"per": "tokens", "amount": "9", "currency": "USD"}]
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled", costs=costs)}
    job = dispatch(order(shopper))
    word = Status(state=State.SUCCEEDED, outputs=(film(),), usage=usage)

    hearing.apply_status(attempt_of(job).pk, word, now=now())

    assert fresh(job).status == "succeeded"
    assert attempt_of(job).cost_micros == cost


def test_a_video_that_comes_after_it_was_said_to_have_never_run_has_its_cost(
    shopper: Account, vendor: Vendor, settings: Settings
) -> None:
    costs = [{"per": "tokens", "amount": "2", "currency": "USD"}]
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled", costs=costs)}
    vendor.hangs_up = True
    job = dispatch(order(shopper))
    jobs.fail(job_id=job.pk, operator="grace", now=now())
    Attempt.objects.filter(job=job).update(
        state="ended", outcome="NotSent", ended_at=now(), cost_micros=0, cost_currency="USD"
    )
    late = Status(state=State.SUCCEEDED, outputs=(film(),), usage={"tokens": 3})

    hearing.apply_status(attempt_of(job).pk, late, now=now())

    assert (attempt_of(job).cost_micros, attempt_of(job).usage) == (6_000_000, {"tokens": "3"})
    assert Job.objects.get(pk=job.pk).late_success_at is not None


def test_a_doubtful_order_past_its_deadline_takes_no_slot(
    shopper: Account, vendor: Vendor, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled", concurrency=1)}
    vendor.hangs_up = True
    doubtful = dispatch(order(shopper))
    vendor.hangs_up = False
    waiting = dispatch(order(shopper))
    assert waiting.status == "queued"

    Job.objects.filter(pk=doubtful.pk).update(deadline_at=later(hours=-1))

    assert dispatch(waiting).status == "dispatched"
    assert fresh(doubtful).hold.state == "open"


def test_places_are_told_while_a_backend_is_kept_from_work(
    shopper: Account, vendor: Vendor, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled")}
    job = order(shopper)
    drained = fleet.Mode.DRAINING
    fleet.set_mode(backend="away", mode=drained, reason="repair", operator="grace", now=now())

    place = jobs.place_of(job, now=now())

    assert (place.position, place.eta) == (1, None)


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (503, {}, Ambiguous),
        (503, {"retry-after": "7"}, AtCapacity),
        (409, {}, Ambiguous),
        (429, {}, AtCapacity),
    ],
)
def test_only_a_plain_refusal_says_that_nothing_was_taken(
    status: int, headers: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        require_accepted(Reply(status, headers, b""), reason="busy")
    with pytest.raises(AtCapacity):
        require_accepted(Reply(409, {}, b""), reason="busy", later=(409,))


def test_a_cost_beyond_sense_is_unknown() -> None:
    row = CostRow.model_validate({"per": "tokens", "amount": "100000000", "currency": "USD"})

    assert cost_of([row], model="m", usage={"tokens": 10**14}, is_charged=None) is None
