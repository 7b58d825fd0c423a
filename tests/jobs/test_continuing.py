"""Films that are continued: where they were made, if their maker continues no other's."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from billing.accounts.models import Account
from billing.jobs import services as jobs
from billing.jobs.models import Job
from billing.jobs.orders import JobOrder
from billing.jobs.services import queueing, routing
from tests import factories
from tests.gpu.vendors.base import Fault
from tests.gpu.vendors.kling import ACCESS_KEY, Kling
from tests.jobs import shop
from tests.jobs.fleet_story import attempt_of, dispatch, fresh, later, money, order

SECRET = "a-secret-key-of-thirty-two-letters"
MODEL = """
[[model]]
code = "m"
name = { en = "M", zh = "M" }
  [model.dimensions]
  mode = { values = ["std", "pro"], default = "std" }
  seconds = { values = [5, 10], default = 5 }
  aspect_ratio = { values = ["16:9", "9:16"], default = "16:9" }
  [[model.task]]
  code = "text_to_video"
  [[model.task]]
  code = "extend"
  requires = ["parent"]
  chain_seconds_max = 60
  parent = { inherit = ["model", "mode"] }
"""
StartKling = Callable[[], Kling]


@pytest.fixture
def shopper(ada: Account) -> Account:
    """Ada has credits, in a shop whose films can be continued."""
    shop.open_shop(models=MODEL)
    factories.give(ada, 1000)
    return ada


@pytest.fixture
def start() -> Iterator[StartKling]:
    """Return what starts one more Kling, which has its films at its own address."""
    started: list[Kling] = []

    def begin() -> Kling:
        one = Kling(key=SECRET)
        one.serves_films = True
        started.append(one)
        return one

    yield begin
    for one in started:
        one.close()


def account_at(kling: Kling, **more: object) -> dict[str, object]:
    """Return an entry of BACKENDS."""
    return {
        "kind": "kling",
        "url": kling.url,
        "secret": SECRET,
        "models": {"m": "kling-v2-6"},
        "concurrency": 1,
        "options": {"access_key": ACCESS_KEY},
        "output_cidrs": ["127.0.0.0/8"],
        **more,
    }


def finished(job: Job, kling: Kling) -> Job:
    """Have Kling make the job's film, and the sweep learn of it."""
    kling.finish(kling.newest.id)
    jobs.sweep(now=later(seconds=60))
    jobs.collect(attempt_id=attempt_of(job).pk, now=later(seconds=61))
    done = fresh(job)
    assert done.status == "succeeded"
    return done


def extension_of(parent: Job) -> Job:
    """Order five seconds more, and let no message be on its way."""
    account = Account.objects.get(pk=parent.account_id)
    return order(account, JobOrder(spec={"task": "extend"}, parent_id=parent.pk))


def test_a_film_is_made_and_continued(
    shopper: Account, start: StartKling, settings: Settings
) -> None:
    kling = start()
    settings.BACKENDS = {"away": account_at(kling)}
    made = finished(dispatch(order(shopper)), kling)
    film = f"film-{kling.newest.id}"
    assert attempt_of(made).context["video_id"] == film

    longer = finished(dispatch(extension_of(made)), kling)

    first, second = kling.asked("submit")
    assert [first.path, second.path] == ["/v1/videos/text2video", "/v1/videos/video-extend"]
    assert second.json["video_id"] == film
    assert (longer.chain_seconds, longer.hold.state) == (10, "captured")


def test_a_film_is_continued_where_it_was_made_though_another_has_room(
    shopper: Account, start: StartKling, settings: Settings
) -> None:
    other, home = start(), start()
    settings.BACKENDS = {"home": account_at(home)}
    made = finished(dispatch(order(shopper)), home)
    settings.BACKENDS = {"other": account_at(other), "home": account_at(home)}
    settings.BACKENDS["other"]["concurrency"] = 2
    for _taken in ("other", "other", "home"):
        dispatch(order(shopper))
    assert len(other.tasks) == 2
    settings.BACKENDS["other"]["concurrency"] = 3

    waits = dispatch(extension_of(made))
    behind = order(shopper)

    assert (waits.status, len(other.tasks)) == ("queued", 2)
    now = datetime.now(UTC)
    # What cannot go there stands in nobody's way there.
    assert [job.pk for job in queueing.waiting("other", now=now)] == [behind.pk]
    assert waits.pk in [job.pk for job in queueing.waiting("home", now=now)]
    settings.BACKENDS["home"]["concurrency"] = 2
    assert (dispatch(waits).status, attempt_of(waits).backend) == ("dispatched", "home")


def test_a_film_whose_maker_is_gone_is_refused_with_a_reason(
    shopper: Account, start: StartKling, settings: Settings
) -> None:
    home, other = start(), start()
    settings.BACKENDS = {"home": account_at(home)}
    made = finished(dispatch(order(shopper)), home)
    settings.BACKENDS = {"other": account_at(other)}

    refused = dispatch(extension_of(made))

    assert (refused.status, refused.failure_class) == ("failed", "rejected")
    assert "made here itself" in refused.failure_detail
    assert (refused.hold.state, refused.charged_micros, other.seen) == ("released", 0, [])


def test_what_is_found_keeps_its_id_and_what_it_is_continued_by(
    shopper: Account, start: StartKling, settings: Settings
) -> None:
    kling = start()
    settings.BACKENDS = {"away": account_at(kling)}
    kling.faults["submit"] = Fault.DROP_REPLY
    job = dispatch(order(shopper))
    before = money(job)
    assert (job.status, attempt_of(job).provider_id) == ("unknown", "")
    task = kling.finish(kling.newest.id)

    jobs.sweep(now=later(seconds=1))

    found = attempt_of(job)
    assert (found.provider_id, found.context["video_id"]) == (task.id, f"film-{task.id}")
    assert money(job) == before
    jobs.collect(attempt_id=found.pk, now=later(seconds=2))
    assert (fresh(job).status, len(kling.asked("submit"))) == ("succeeded", 1)


def test_a_film_that_any_could_continue_goes_first_where_it_was_made(
    shopper: Account, settings: Settings
) -> None:
    made = shop.finish(order(shopper))  # at "away"
    away = settings.BACKENDS["away"]
    settings.BACKENDS = {"first": away, "away": away, "last": away}

    assert routing.serving(extension_of(made)) == ["away", "first", "last"]
    assert routing.serving(order(shopper)) == ["first", "away", "last"]
