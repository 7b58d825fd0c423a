"""Whoever may read a job may listen to it, for as long as his proof is good; nobody else may."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import signing
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.accounts.services import create_api_key
from billing.jobs import shapes
from billing.jobs.models import Job
from tests import factories
from tests.events.conftest import Listen, bearer
from tests.events.listening import Stream
from tests.events.server import EventsServer
from tests.jobs import shop

pytestmark = pytest.mark.usefixtures("server")


def refusal(body: dict[str, Any]) -> dict[str, Any]:
    return {name: said for name, said in body.items() if name != "request_id"}


def read(job_id: str, **headers: str) -> tuple[int, dict[str, Any]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Client().get(f"/v1/jobs/{job_id}", headers=named)
    return answer.status_code, refusal(answer.json())


def address(job: Job, server: EventsServer, **claims: Any) -> str:  # noqa: ANN401 (of the token)
    path = urlsplit(shapes.events_address(job.pk, **claims))
    return f"{server.url}{path.path}?{path.query}"


@pytest.mark.parametrize("who", ["nobody", "a stranger", "a forger", "a sandbox"])
def test_who_may_not_read_a_job_hears_the_same_refusal(
    job: Job, server: EventsServer, who: str
) -> None:
    factories.new_account("eve", is_sandbox=False)
    headers = {
        "nobody": {},
        "a stranger": {"Authorization": bearer("eve")},
        "a forger": {"Authorization": bearer()[:-4] + "AAAA"},
        "a sandbox": {"Authorization": f"Bearer {_key(is_sandbox=True)}", "X_Account": "ada"},
    }[who]

    stream = Stream(f"{server.url}/v1/jobs/{job.pk}/events", **headers)

    assert stream.headers["content-type"] == "application/problem+json"
    assert (stream.status, refusal(stream.json())) == read(job.pk, **headers)
    assert stream.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND}


def test_a_foreign_job_is_as_absent_as_one_that_never_was(
    job: Job, server: EventsServer, listen: Listen
) -> None:
    factories.new_account("eve", is_sandbox=False)

    foreign, absent = listen(job, name="eve"), listen("job_never", name="eve")

    assert foreign.status == absent.status == HTTPStatus.NOT_FOUND
    assert refusal(foreign.json()) == refusal(absent.json())


def test_a_service_hears_the_jobs_of_whom_it_acts_for(job: Job, server: EventsServer) -> None:
    at = f"{server.url}/v1/jobs/{job.pk}/events"
    key = _key()
    factories.new_account("eve", is_sandbox=False)

    of_ada = Stream(at, Authorization=f"Bearer {key}", X_Account="ada")
    of_eve = Stream(at, Authorization=f"Bearer {key}", X_Account="eve")

    assert of_ada.next().data["status"] == "queued"
    assert of_eve.status == HTTPStatus.NOT_FOUND


def test_the_address_in_a_job_is_its_own_permission(
    job: Job, ada: Account, server: EventsServer, settings: Settings
) -> None:
    settings.EVENTS_URL = server.url
    told = Client().get(f"/v1/jobs/{job.pk}", headers={"Authorization": bearer()}).json()

    stream = Stream(told["events_url"])

    assert told["events_url"].startswith(server.url)
    heard = stream.next().data
    assert heard == {name: told[name] for name in heard}
    assert heard["status"] == "queued"


def test_a_job_that_is_over_has_no_such_address(job: Job, ada: Account) -> None:
    shop.finish(job)

    told = Client().get(f"/v1/jobs/{job.pk}", headers={"Authorization": bearer()}).json()

    assert told["events_url"] is None


def test_an_address_opens_its_own_job_alone(job: Job, ada: Account, server: EventsServer) -> None:
    other = shop.submit(ada)
    query = urlsplit(shapes.events_address(other.pk)).query

    stream = Stream(f"{server.url}/v1/jobs/{job.pk}/events?{query}")

    assert stream.status == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("wrong", ["forged", "of another use", "over", "empty"])
def test_an_address_that_is_not_ours_or_too_old_opens_nothing(
    job: Job, server: EventsServer, wrong: str
) -> None:
    past = int((datetime.now(UTC) - timedelta(seconds=1)).timestamp())
    url = {
        "forged": address(job, server)[:-4] + "AAAA",
        "of another use": (
            f"{server.url}/v1/jobs/{job.pk}/events"
            f"?token={signing.dumps([job.pk, None], salt=shapes.OUTPUT_SALT)}"
        ),
        "over": address(job, server, until=past),
        "empty": f"{server.url}/v1/jobs/{job.pk}/events?token=",
    }[wrong]

    stream = Stream(url)

    assert stream.status == HTTPStatus.NOT_FOUND
    assert stream.json()["code"] == "not_found"


def test_an_address_ends_by_itself(job: Job, poor: EventsServer) -> None:
    """There an address lasts for no second."""
    assert Stream(address(job, poor)).status == HTTPStatus.NOT_FOUND


def test_a_stream_ends_with_the_token_that_opened_it(job: Job, listen: Listen) -> None:
    stream = listen(job, Authorization=bearer(lasts=timedelta(seconds=5)))

    heard = list(stream.events())  # its end is the token's: the job goes on

    assert stream.status == HTTPStatus.OK
    assert {event.name for event in heard} <= {"status", "progress"}
    assert Job.objects.get(pk=job.pk).finished_at is None


def test_a_process_that_does_not_stream_says_where_one_does(
    job: Job, server: EventsServer, settings: Settings
) -> None:
    settings.EVENTS_URL = server.url

    answer = Client().get(f"/v1/jobs/{job.pk}/events", headers={"Authorization": bearer()})

    assert answer.status_code == HTTPStatus.TEMPORARY_REDIRECT
    assert answer.headers["Cache-Control"] == "no-store"
    stream = Stream(answer.headers["Location"])  # no header travels along
    assert stream.next().data["status"] == "queued"


def test_what_it_says_ends_with_the_callers_own_token(
    job: Job, server: EventsServer, settings: Settings
) -> None:
    settings.EVENTS_URL = server.url
    token = bearer(lasts=timedelta(seconds=8))
    answer = Client().get(f"/v1/jobs/{job.pk}/events", headers={"Authorization": token})

    stream = Stream(answer.headers["Location"])
    heard = list(stream.events())

    assert stream.status == HTTPStatus.OK
    assert {event.name for event in heard} <= {"status", "progress"}


def test_it_tells_a_stranger_nothing(job: Job, server: EventsServer, settings: Settings) -> None:
    settings.EVENTS_URL = server.url
    factories.new_account("eve", is_sandbox=False)

    answer = Client().get(f"/v1/jobs/{job.pk}/events", headers={"Authorization": bearer("eve")})

    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert "Location" not in answer.headers


def test_where_nobody_said_who_streams_it_is_not_available(job: Job) -> None:
    answer = Client().get(f"/v1/jobs/{job.pk}/events", headers={"Authorization": bearer()})

    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer.json()["code"] == "unavailable"


def test_an_account_has_so_many_streams_and_another_account_its_own(
    job: Job, listen: Listen
) -> None:
    mine = [listen(job) for _number in range(20)]
    for stream in mine:
        stream.next()

    one_more = listen(job)
    eve = factories.new_account("eve", is_sandbox=False)
    factories.give(eve, 100)
    of_eve = listen(shop.submit(eve), name="eve")

    assert one_more.status == HTTPStatus.TOO_MANY_REQUESTS
    assert one_more.headers["retry-after"] == "10"
    assert one_more.json()["code"] == "too_many_listeners"
    assert of_eve.status == HTTPStatus.OK
    shop.finish(job)
    assert {list(stream.events())[-1].name for stream in mine} == {"settlement"}
    assert listen(job).status == HTTPStatus.OK  # their places are free again


def test_a_full_process_says_when_to_come_again(
    job: Job, poor: EventsServer, listen: Listen
) -> None:
    present = [listen(job, server=poor) for _number in range(3)]
    for stream in present:
        stream.next()

    turned_away = listen(job, server=poor)

    assert Stream(f"{poor.url}/healthz").status == HTTPStatus.OK  # full is not ill
    assert turned_away.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert turned_away.json()["code"] == "unavailable"
    assert int(turned_away.headers["retry-after"]) > 0
    shop.finish(job)
    assert {list(stream.events())[-1].name for stream in present} == {"settlement"}


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://shop.example", "https://shop.example"), ("https://x", None)]
)
def test_only_pages_of_known_origins_may_listen(
    job: Job, poor: EventsServer, listen: Listen, origin: str, allowed: str | None
) -> None:
    stream = listen(job, server=poor, Origin=origin)
    asked = Stream(
        f"{poor.url}/v1/jobs/{job.pk}/events",
        method="OPTIONS",
        Origin=origin,
        Access_Control_Request_Method="GET",
    )

    assert stream.headers.get("access-control-allow-origin") == allowed
    assert "Origin" in stream.headers["vary"].split(", ")
    assert asked.headers.get("access-control-allow-origin") == allowed
    assert ("access-control-allow-headers" in asked.headers) == (allowed is not None)
    shop.finish(job)
    assert list(stream.events())


def test_by_default_no_page_of_another_origin_may(job: Job, listen: Listen) -> None:
    stream = listen(job, Origin="https://shop.example")

    assert "access-control-allow-origin" not in stream.headers


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/balance", "/admin/", "/", "/v1/jobs/x/cancel"])
def test_a_process_that_streams_serves_nothing_else(server: EventsServer, path: str) -> None:
    stream = Stream(f"{server.url}{path}", Authorization=bearer())

    assert (stream.status, stream.json()["code"]) == (HTTPStatus.NOT_FOUND, "not_found")


def _key(*, is_sandbox: bool = False) -> str:
    _key, secret = create_api_key(
        "platform", ["jobs:read"], is_sandbox=is_sandbox, now=datetime.now(UTC)
    )
    return secret
