"""What a backend is told beside the order: named options, and addresses of the public network."""

from typing import Any

import pytest

from billing.accounts.models import Account
from billing.jobs.models import Job, Quote
from billing.jobs.orders import SEED_MAX, backend_input
from billing.ledger.models import Entry, Hold
from billing.outbox.models import Message
from tests import factories
from tests.jobs.conftest import Ask

SPEC: dict[str, Any] = {"model": "kling-v1-6", "seconds": 5, "inputs": {"prompt": "a kite"}}


def nothing_moved() -> bool:
    return not (
        Job.objects.exists()
        or Hold.objects.exists()
        or Quote.objects.exists()
        or Entry.objects.exclude(kind="grant").exists()
        or Message.objects.exists()
    )


@pytest.mark.parametrize("seed", [0, 7, SEED_MAX])
def test_a_seed_is_taken_and_handed_on(ada: Account, ask: Ask, seed: int) -> None:
    factories.give(ada, 100)

    answer = ask("post", "/v1/jobs", SPEC | {"options": {"seed": seed}})

    assert answer.status_code == 201
    job = Job.objects.get()
    words = backend_input(
        dimensions=job.dimensions,
        inputs=job.inputs,
        options=job.options,
        offset_seconds=0,
        flags=job.flags,
    )
    assert words["seed"] == seed
    assert words["prompt"] == "a kite"


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/quotes"])
@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"num_frames": 10**9}, "/options/num_frames"),
        ({"seed": 1, "webhook": "http://x"}, "/options/webhook"),
        ({"offset_seconds": 0}, "/options/offset_seconds"),
        ({"a/b~c": 1}, "/options/a~1b~0c"),
        ({"x" * 999: 1}, f"/options/{'x' * 64}"),
        ({"seed": -1}, "/options/seed"),
        ({"seed": SEED_MAX + 1}, "/options/seed"),
        ({"seed": True}, "/options/seed"),
        ({"seed": "7"}, "/options/seed"),
        ({"seed": 7.0}, "/options/seed"),
        ({"seed": None}, "/options/seed"),
        ({"seed": {"a": 1}}, "/options/seed"),
    ],
)
def test_an_option_that_is_not_on_offer_is_refused_where_it_stands(
    ada: Account, ask: Ask, path: str, options: dict[str, object], pointer: str
) -> None:
    factories.give(ada, 100)

    answer = ask("post", path, SPEC | {"options": options})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_spec")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert nothing_moved()


def test_what_was_stored_before_is_not_handed_on_either() -> None:
    words = backend_input(
        dimensions={"model": "m", "seconds": 5, "count": 1, "lane": "standard"},
        inputs={"prompt": "x"},
        options={"seed": 3, "count": 9, "fps": 240, "webhook": "http://x", "offset_seconds": 9},
        offset_seconds=0,
        flags={"watermark": True, "seconds": False},
    )

    assert words == {
        "model": "m",
        "seconds": 5,
        "count": 1,
        "prompt": "x",
        "seed": 3,
        "watermark": True,
    }


@pytest.mark.parametrize("name", ["image_url", "last_image_url", "video_url"])
@pytest.mark.parametrize(
    "url",
    [
        *("http://169.254.169.254/latest", "http://127.0.0.1:6379/", "https://[::1]/", "http://0/"),
        *("http://web:8000/readyz", "https://localhost/x", "https://metadata.google.internal/"),
        *("file:///etc/passwd", "ftp://8.8.8.8/x", "data:image/png;base64,AA", "x"),
        "https://user:pw@cdn.example.com/x.png",
    ],
)
def test_an_address_that_leads_inside_is_refused_where_it_stands(
    ada: Account, ask: Ask, name: str, url: str
) -> None:
    factories.give(ada, 100)
    inputs = {"prompt": "a kite", name: url}

    answer = ask("post", "/v1/jobs", SPEC | {"inputs": inputs})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_spec")
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/inputs/{name}"]
    assert nothing_moved()


def test_a_public_address_is_taken_as_it_is_written(ada: Account, ask: Ask) -> None:
    factories.give(ada, 100)
    url = "https://cdn.example.com/a%20b.png?X-Amz-Signature=0a%2F&x=1"

    spec = SPEC | {"task": "image_to_video", "inputs": {"prompt": "a kite", "image_url": url}}
    answer = ask("post", "/v1/jobs", spec)

    assert answer.status_code == 201, answer.content
    assert answer.json()["inputs"]["image_url"] == url


def test_all_that_is_wrong_is_told_at_once(ada: Account, ask: Ask) -> None:
    inputs = {"prompt": "x", "image_url": "http://10.0.0.1/", "video_url": "x"}

    answer = ask("post", "/v1/jobs", SPEC | {"inputs": inputs, "options": {"fps": 1}})

    pointers = [error["pointer"] for error in answer.json()["errors"]]
    assert pointers == ["/inputs/image_url", "/inputs/video_url", "/options/fps"]
    assert nothing_moved()


@pytest.mark.parametrize("amount", [9.5, 10, 10.0, True, [], {"a": 1}])
def test_a_most_that_is_no_text_is_refused(ada: Account, ask: Ask, amount: object) -> None:
    factories.give(ada, 100)

    answer = ask("post", "/v1/jobs", SPEC | {"max_credits": amount})

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/max_credits"]
    assert nothing_moved()


@pytest.mark.parametrize("more", [{"quote": "qt_1"}, {"max_credits": "10"}, {"quote": None}])
def test_a_quote_takes_nothing_that_belongs_to_an_order(
    ada: Account, ask: Ask, more: dict[str, object]
) -> None:
    answer = ask("post", "/v1/quotes", SPEC | more)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_spec")
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{next(iter(more))}"]
    assert nothing_moved()
