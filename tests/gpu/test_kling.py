"""Kling: the contract of adapters over the wire, and what is Kling's alone."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

import jwt
import pytest

from billing.gpu.adapters.kling import KIND
from billing.gpu.adapters.kling.adapter import KlingBackend, KlingOptions
from billing.gpu.adapters.kling.tokens import token
from billing.gpu.kinds import Connection
from billing.gpu.protocol import (
    Ambiguous,
    AtCapacity,
    AuthError,
    BackendError,
    CancelResult,
    Fail,
    Rejected,
    State,
)
from config.embedded.processes import free_port
from tests.gpu.faulty import Faulty, answering
from tests.gpu.receiver import Receiver
from tests.gpu.vendors.base import Ending, Fault
from tests.gpu.vendors.bench import Bench, order, remembered
from tests.gpu.vendors.contract import Contract
from tests.gpu.vendors.kling import ACCESS_KEY, Kling

SECRET = "a-secret-key-of-thirty-two-letters"
PICTURE, LAST = "https://pictures.example/a.png", "https://pictures.example/z.png"


def backend_at(url: str, *, secret: str = SECRET, access_key: str = ACCESS_KEY) -> KlingBackend:
    connection = Connection(
        name="kling", url=url, secret=secret, options=KlingOptions(access_key=access_key)
    )
    built = KIND.build(connection)
    assert isinstance(built, KlingBackend)
    return built


def serving(receiver: Receiver) -> Iterator[Bench]:
    simulator = Kling(key=SECRET)
    yield Bench(
        simulator=simulator,
        backend=backend_at(simulator.url),
        stranger=backend_at(simulator.url, secret="another-key-of-thirty-two-letters!"),
        moved=backend_at(f"http://127.0.0.1:{free_port()}"),
        attempt=order(receiver, vendor_model="kling-v2-6"),
    )
    simulator.close()


@pytest.fixture
def bench(receiver: Receiver) -> Iterator[Bench]:
    yield from serving(receiver)


class TestKling(Contract):
    """The contract; a resolution is no word of Kling's, its mode stands for it."""

    billed = ("seconds", "mode", "aspect_ratio", "prompt")
    impossible = (
        ({"seconds": 7}, "seconds"),
        ({"seconds": "5"}, "seconds"),
        ({"mode": "4k"}, "mode"),
        ({"resolution": "1080p"}, "resolution"),
        ({"audio": True}, "audio"),
        ({"aspect_ratio": "4:3"}, "aspect_ratio"),
        ({"image_url": PICTURE}, "image_url"),
        ({"video_url": "https://films.example/a.mp4"}, "video_url"),
        ({"voice_control": True}, "voice_control"),
        ({"task": "extend"}, "parent"),
        ({"task": "image_to_video"}, "image_url"),
        ({"task": "first_last_frame", "image_url": PICTURE}, "last_image_url"),
        ({"task": "reference_to_video", "image_url": PICTURE}, "task"),
        (
            {"task": "image_to_video", "image_url": PICTURE, "last_image_url": LAST},
            "last_image_url",
        ),
    )
    finds = True

    @pytest.fixture
    def bench(self, receiver: Receiver) -> Iterator[Bench]:
        yield from serving(receiver)


def handed(
    bench: Bench, model: str, parent: Mapping[str, str] = {}, **words: object
) -> tuple[str, dict[str, object]]:
    """Hand an order over; return what Kling got of it, and where."""
    attempt = replace(bench.attempt, model=model, parent=parent)
    attempt = replace(attempt, input={**attempt.input, **words})
    bench.backend.submit(attempt)
    request = bench.simulator.asked("submit")[-1]
    return request.path.removeprefix("/v1/videos/"), request.json


def test_an_order_from_text_says_everything(bench: Bench) -> None:
    path, body = handed(
        bench, "kling-v2-6", mode="pro", resolution="1080p", audio=True, watermark=True
    )

    assert path == "text2video"
    assert body == {
        "model_name": "kling-v2-6",
        "mode": "pro",
        "duration": "5",
        "sound": "on",
        "aspect_ratio": "16:9",
        "prompt": bench.attempt.input["prompt"],
        "watermark_info": {"enabled": True},
        "callback_url": bench.attempt.callback_url,
        "external_task_id": "att_1",
    }


@pytest.mark.parametrize(
    ("model", "words", "path", "pictures"),
    [
        (
            "kling-v2-6",
            {"task": "image_to_video", "image_url": PICTURE},
            "image2video",
            {"image": PICTURE},
        ),
        (
            "kling-v1",
            {"task": "first_last_frame", "image_url": PICTURE, "last_image_url": LAST},
            "image2video",
            {"image": PICTURE, "image_tail": LAST},
        ),
        (
            "kling-v1-6",
            {"task": "reference_to_video", "image_url": PICTURE, "last_image_url": LAST},
            "multi-image2video",
            {"image_list": [{"image": PICTURE}, {"image": LAST}]},
        ),
        ("kling-video-o1", {"task": "text_to_video"}, "omni-video", {}),
        (
            "kling-video-o1",
            {"task": "image_to_video", "image_url": PICTURE, "last_image_url": LAST},
            "omni-video",
            {
                "image_list": [
                    {"image_url": PICTURE, "type": "first_frame"},
                    {"image_url": LAST, "type": "end_frame"},
                ]
            },
        ),
        (
            "kling-v3-omni",
            {"task": "reference_to_video", "image_url": PICTURE},
            "omni-video",
            {"image_list": [{"image_url": PICTURE}]},
        ),
        ("kling-of-tomorrow", {"seconds": 13}, "text2video", {}),
    ],
)
def test_each_task_goes_to_its_path(
    bench: Bench, model: str, words: Mapping[str, object], path: str, pictures: Mapping[str, object]
) -> None:
    went_to, body = handed(bench, model, {}, **words)

    assert went_to == path
    assert {name: body[name] for name in body if "image" in name} == pictures
    # A picture that the film begins with decides its shape.
    begins = words.get("task") in ("image_to_video", "first_last_frame")
    assert ("aspect_ratio" in body) == (not begins)


def test_an_extension_names_the_film_that_kling_has_made(bench: Bench) -> None:
    first = bench.brought_to(Ending.SUCCEEDED)
    made = bench.backend.poll(first)

    path, body = handed(bench, "kling-v1-6", parent=made.context, task="extend")

    assert path == "video-extend"
    assert body["video_id"] == f"film-{first.provider_id}"
    assert not {"mode", "duration", "model_name", "aspect_ratio"} & set(body)
    ours = bench.simulator.newest
    bench.simulator.finish(ours.id)
    attempt = replace(
        bench.attempt, provider_id=ours.id, context={"path": "/v1/videos/video-extend"}
    )
    # What Kling tells is the length of the whole film, which nobody has ordered.
    assert bench.backend.poll(attempt).usage == {"credits": 3.5}


def test_only_the_path_of_the_order_knows_the_task(bench: Bench) -> None:
    attempt = bench.submitted()
    elsewhere = replace(attempt, context={**attempt.context, "path": "/v1/videos/image2video"})

    assert bench.backend.poll(attempt).state == State.QUEUED
    assert bench.backend.poll(elsewhere).state == State.ABSENT


def test_a_marked_film_is_the_output_of_a_plan_that_marks(bench: Bench) -> None:
    words = {**bench.attempt.input, "watermark": True}
    attempt = bench.submitted(input=words)
    bench.simulator.finish(attempt.provider_id)

    for known in (attempt, replace(attempt, context={}), replace(attempt, input={})):
        path = {"path": "/v1/videos/text2video"} | dict(known.context)
        film = bench.backend.poll(replace(known, context=path)).outputs[0]

        assert film.endswith("-marked.mp4?Signature=opens-it")


def test_what_was_spent_is_told_in_units_and_seconds(bench: Bench) -> None:
    status = bench.backend.poll(bench.brought_to(Ending.SUCCEEDED))

    assert status.usage == {"credits": 3.5, "seconds": 5.1}
    assert status.provider_charged is True


def test_an_order_that_never_came_is_absent_by_our_id(bench: Bench) -> None:
    found = bench.backend.find(bench.attempt)

    assert found is not None
    assert found.state == State.ABSENT


def test_an_order_whose_name_is_taken_may_have_been_taken_itself(bench: Bench) -> None:
    assert isinstance(bench.simulator, Kling)
    bench.simulator.names_are_unique = True
    bench.submitted()

    with pytest.raises(Ambiguous):
        bench.backend.submit(bench.attempt)

    assert len(bench.simulator.tasks) == 1


def test_a_doubted_order_is_polled_by_our_id_until_it_ends(bench: Bench) -> None:
    bench.simulator.faults["submit"] = Fault.DROP_REPLY
    with pytest.raises(Ambiguous):
        bench.backend.submit(bench.attempt)
    bench.simulator.finish(bench.simulator.newest.id)

    assert bench.backend.poll(bench.attempt).state == State.SUCCEEDED


def test_a_denial_is_not_believed_when_another_key_asks(bench: Bench) -> None:
    attempt = replace(bench.submitted(), provider_id="1")
    other_key = replace(attempt, context={**attempt.context, "key": "former-access-key"})

    assert bench.backend.poll(attempt).state == State.ABSENT
    with pytest.raises(AuthError):
        bench.backend.poll(other_key)


def test_an_order_of_unknown_fate_is_not_denied_by_another_key(bench: Bench) -> None:
    attempt = remembered(bench.backend, bench.attempt)
    other_key = replace(attempt, context={**attempt.context, "key": "former-access-key"})
    denied = bench.backend.find(attempt)

    assert denied is not None
    assert denied.state == State.ABSENT
    assert bench.backend.find(other_key) is None


def test_a_denial_is_not_believed_when_nobody_knows_which_key_was_used(bench: Bench) -> None:
    attempt = replace(bench.submitted(), provider_id="1", context={})

    with pytest.raises(Ambiguous):
        bench.backend.poll(attempt)


def test_kling_finishes_what_it_began(bench: Bench) -> None:
    attempt = bench.submitted()
    asked = len(bench.simulator.seen)

    assert bench.backend.cancel(attempt) == CancelResult.UNSUPPORTED
    assert len(bench.simulator.seen) == asked


def test_an_api_key_goes_along_as_it_is(receiver: Receiver) -> None:
    simulator = Kling(key=SECRET, access_key="")
    backend = backend_at(simulator.url, access_key="")

    backend.submit(order(receiver, vendor_model="kling-v2-6"))

    assert simulator.asked("submit")[0].headers["authorization"] == f"Bearer {SECRET}"
    simulator.close()


def test_a_signature_is_good_for_half_an_hour_from_its_call() -> None:
    claims = jwt.decode(token(ACCESS_KEY, SECRET, at=1000.9), options={"verify_signature": False})

    assert claims == {"iss": ACCESS_KEY, "exp": 2800, "nbf": 995}


def test_each_call_is_signed_anew(bench: Bench) -> None:
    instants = iter((1_000_000_000.0, 2_000_000_000.0))
    backend = replace(backend_at(bench.simulator.url), clock=lambda: next(instants))
    for _call in range(2):
        backend.health()

    expiries = [
        jwt.decode(
            request.headers["authorization"].removeprefix("Bearer "),
            options={"verify_signature": False},
        )["exp"]
        for request in bench.simulator.asked("list")
    ]

    assert expiries == [1_000_001_800, 2_000_001_800]


@pytest.mark.parametrize(
    ("status", "code", "refused", "fail"),
    [
        *[("401 Unauthorized", code, AuthError, None) for code in range(1000, 1005)],
        *[("429 Too Many", code, AuthError, None) for code in (1100, 1101, 1102, 1304)],
        ("403 Forbidden", 1103, AuthError, None),
        *[("400 Bad", code, Rejected, Fail.INVALID_INPUT) for code in (1200, 1201)],
        ("404 Not Found", 1202, AuthError, None),
        ("404 Not Found", 1203, Rejected, Fail.INVALID_INPUT),
        *[("400 Bad", code, Rejected, Fail.MODERATION) for code in (1300, 1301)],
        *[("429 Too Many", code, AtCapacity, None) for code in (1302, 1303)],
        ("500 Oops", 5000, Ambiguous, None),
        ("503 Away", 5001, AtCapacity, None),
        ("504 Late", 5002, Ambiguous, None),
        # A refusal may come with 200, and with a code that nobody has told us about.
        ("200 OK", 1303, AtCapacity, None),
        ("200 OK", 1101, AuthError, None),
        ("200 OK", 4711, Ambiguous, None),
        ("200 OK", "0", Ambiguous, None),
        ("200 OK", False, Ambiguous, None),
        ("429 Too Many", 4711, AtCapacity, None),
    ],
)
def test_a_code_says_more_than_the_status_of_http(
    receiver: Receiver, status: str, code: object, refused: type[BackendError], fail: Fail | None
) -> None:
    body = json.dumps({"code": code, "message": "no", "data": {"task_id": "1"}}).encode()
    server = Faulty(answering(status, body))

    with pytest.raises(BackendError) as refusal:
        backend_at(server.base_url).submit(order(receiver, vendor_model="kling-v2-6"))

    server.close()
    assert type(refusal.value) is refused
    assert getattr(refusal.value, "fail", None) == fail
    assert server.connections == 1
