"""Ark: the contract of adapters over the wire, and what is Ark's alone."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import pytest

from billing.gpu.adapters.ark import KIND
from billing.gpu.adapters.ark.adapter import ArkBackend, ArkOptions
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
from tests.gpu.vendors.ark import Ark
from tests.gpu.vendors.base import LIVE, Ending, Fault, Task
from tests.gpu.vendors.bench import Bench, order, remembered
from tests.gpu.vendors.contract import Contract

PICTURE, LAST = "https://pictures.example/a.png", "https://pictures.example/z.png"
FILM = "https://films.example/a.mp4"
KEY = "a-key-of-the-vendor"
MODEL = "doubao-seedance-1-5-pro-251215"


def backend_at(url: str, *, secret: str = KEY, tier: str = "default") -> ArkBackend:
    options = ArkOptions.model_validate({"service_tier": tier})
    connection = Connection(name="ark", url=f"{url}/api/v3", secret=secret, options=options)
    built = KIND.build(connection)
    assert isinstance(built, ArkBackend)
    return built


def serving(receiver: Receiver) -> Iterator[Bench]:
    simulator = Ark(key=KEY)
    yield Bench(
        simulator=simulator,
        backend=backend_at(simulator.url),
        stranger=backend_at(simulator.url, secret="a-key-of-somebody"),
        moved=backend_at(f"http://127.0.0.1:{free_port()}"),
        attempt=order(receiver, vendor_model=MODEL, mode=""),
    )
    simulator.close()


@pytest.fixture
def bench(receiver: Receiver) -> Iterator[Bench]:
    yield from serving(receiver)


class TestArk(Contract):
    """The contract."""

    billed = ("seconds", "resolution", "aspect_ratio", "prompt")
    impossible = (
        ({"seconds": 3}, "seconds"),
        ({"seconds": "5.5"}, "seconds"),
        ({"resolution": "4k"}, "resolution"),
        ({"aspect_ratio": "2:1"}, "aspect_ratio"),
        ({"fps": 30}, "fps"),
        ({"mode": "pro"}, "mode"),
        ({"image_url": PICTURE}, "image_url"),
        ({"video_url": FILM}, "video_url"),
        ({"negative_prompt": "rain"}, "negative_prompt"),
        ({"task": "image_to_video"}, "image_url"),
        ({"task": "reference_to_video"}, "image_url"),
        ({"task": "first_last_frame", "image_url": PICTURE}, "last_image_url"),
        ({"task": "video_to_video"}, "video_url"),
        ({"task": "video_to_video", "video_url": FILM}, "video_url"),
        ({"prompt": "a cat --dur 12"}, "prompt"),
        ({"prompt": "a cat --RESOLUTION 1080p"}, "prompt"),
    )
    finds = True

    @pytest.fixture
    def bench(self, receiver: Receiver) -> Iterator[Bench]:
        yield from serving(receiver)


def handed(bench: Bench, model: str = MODEL, **words: object) -> dict[str, object]:
    """Hand an order over; return what Ark got of it."""
    attempt = replace(bench.attempt, model=model, input={**bench.attempt.input, **words})
    bench.backend.submit(attempt)
    return bench.simulator.asked("submit")[-1].json


def test_an_order_from_text_says_everything(bench: Bench) -> None:
    body = handed(bench, seed=7, audio=True, watermark=True, fps=24, width=1280, height=720)

    assert body == {
        "model": MODEL,
        "content": [{"type": "text", "text": bench.attempt.input["prompt"]}],
        "resolution": "720p",
        "ratio": "16:9",
        "duration": 5,
        "generate_audio": True,
        "watermark": True,
        "seed": 7,
        "service_tier": "default",
        "execution_expires_after": 3600,
        "callback_url": bench.attempt.callback_url,
        "safety_identifier": "att_1",
    }


@pytest.mark.parametrize(
    ("model", "words", "roles"),
    [
        (MODEL, {"task": "image_to_video", "image_url": PICTURE}, ["first_frame"]),
        (
            MODEL,
            {"task": "first_last_frame", "image_url": PICTURE, "last_image_url": LAST},
            ["first_frame", "last_frame"],
        ),
        (
            "doubao-seedance-2-0-260128",
            {"task": "reference_to_video", "image_url": PICTURE, "last_image_url": LAST},
            ["reference_image", "reference_image"],
        ),
        (
            "doubao-seedance-2-0-260128",
            {"task": "video_to_video", "video_url": FILM, "video_input": True, "input_seconds": 5},
            ["reference_video"],
        ),
        ("ep-20260101-abcde", {"resolution": "4k", "seconds": 30}, []),
    ],
)
def test_each_content_has_its_role(
    bench: Bench, model: str, words: Mapping[str, object], roles: list[str]
) -> None:
    content = handed(bench, model, **words)["content"]

    assert isinstance(content, list)
    assert [part["role"] for part in content if "role" in part] == roles


def test_a_silent_line_is_not_told_of_sound_and_refuses_it(bench: Bench) -> None:
    silent = "doubao-seedance-1-0-pro-250528"

    assert "generate_audio" not in handed(bench, silent)
    with pytest.raises(Rejected, match="audio"):
        handed(bench, silent, audio=True)
    assert len(bench.simulator.tasks) == 1


@pytest.mark.parametrize(("ours", "told"), [(60, 3600), (7200, 7200), (600_000, 259_200)])
def test_ark_gives_up_by_the_deadline_that_it_takes(bench: Bench, ours: int, told: int) -> None:
    bench.submitted(deadline_seconds=ours)

    assert bench.simulator.newest.order["execution_expires_after"] == told


def test_the_tier_of_the_entry_is_the_orders(bench: Bench, receiver: Receiver) -> None:
    backend_at(bench.simulator.url, tier="flex").submit(
        order(receiver, vendor_model=MODEL, mode="")
    )

    assert bench.simulator.newest.order["service_tier"] == "flex"


def test_what_was_spent_is_told_in_tokens(bench: Bench) -> None:
    status = bench.backend.poll(bench.brought_to(Ending.SUCCEEDED))

    assert status.usage == {"tokens": 246_840, "completion_tokens": 246_840, "seconds": 5}


def test_only_what_ark_calls_a_success_is_charged(bench: Bench) -> None:
    charged = {
        ending: bench.backend.poll(bench.brought_to(ending)).provider_charged
        for ending in bench.simulator.endings
        if ending not in LIVE
    }

    assert {ending for ending, yes in charged.items() if yes} == {
        Ending.SUCCEEDED,
        Ending.EMPTY,
        Ending.COMPLETED_WITH_ERROR,
    }
    assert None not in charged.values()


# -- cancelling ----------------------------------------------------------------------------------
def test_only_a_task_that_waits_is_ever_deleted(bench: Bench) -> None:
    for ending in bench.simulator.endings:
        attempt = bench.brought_to(ending)
        heard = bench.backend.cancel(attempt)

        deleted = bench.simulator.asked("cancel")
        assert (heard == CancelResult.REQUESTED) == (ending == Ending.QUEUED), ending
        assert len(deleted) == (1 if ending == Ending.QUEUED else 0), ending
        assert attempt.provider_id in bench.simulator.tasks, ending
        bench.simulator.seen.clear()


def test_a_cancelled_task_says_so_when_it_is_asked(bench: Bench) -> None:
    attempt = bench.submitted()
    bench.backend.cancel(attempt)

    assert bench.backend.poll(attempt).state == State.CANCELED


# -- looking for what was doubted ----------------------------------------------------------------
def test_a_doubted_order_is_polled_by_the_listing_until_it_ends(bench: Bench) -> None:
    bench.simulator.faults["submit"] = Fault.DROP_REPLY
    with pytest.raises(Ambiguous):
        bench.backend.submit(bench.attempt)

    bench.simulator.finish(bench.simulator.newest.id)

    assert bench.backend.poll(bench.attempt).state == State.SUCCEEDED


def test_what_a_whole_listing_lacks_never_came(bench: Bench) -> None:
    empty = bench.backend.find(bench.attempt)
    bench.submitted(id="att_0")
    others = bench.backend.find(bench.attempt)

    assert [found.state for found in (empty, others) if found] == [State.ABSENT, State.ABSENT]


def test_a_listing_that_does_not_tell_owners_proves_nothing(bench: Bench) -> None:
    assert isinstance(bench.simulator, Ark)
    bench.simulator.tells_owners = False
    bench.submitted(id="att_0")

    assert bench.backend.find(bench.attempt) is None
    with pytest.raises(Ambiguous):
        bench.backend.poll(bench.attempt)


def crowd(bench: Bench, numbers: Iterable[int]) -> None:
    """Let others hand over so many orders at the same account."""
    order = {**bench.simulator.newest.order, "safety_identifier": "somebody-elses"}
    for number in numbers:
        bench.simulator.take(Task(id=f"cgt-{number}-of-another", order=order))


def test_a_listing_is_read_over_several_pages_and_proves_nothing_when_cut(bench: Bench) -> None:
    ours = bench.submitted()
    crowd(bench, range(500))
    found = bench.backend.find(bench.attempt)
    crowd(bench, range(500, 620))

    assert found is not None
    assert found.provider_id == ours.provider_id
    assert bench.backend.find(bench.attempt) is None


def test_a_denial_is_not_believed_when_another_key_asks(bench: Bench) -> None:
    attempt = replace(bench.submitted(), provider_id="cgt-0")
    other_key = replace(attempt, context={**attempt.context, "key": "12345678"})

    assert bench.backend.poll(attempt).state == State.ABSENT
    with pytest.raises(AuthError):
        bench.backend.poll(other_key)


def test_an_order_of_unknown_fate_is_not_denied_by_another_key(bench: Bench) -> None:
    attempt = remembered(bench.backend, bench.attempt)
    other_key = replace(attempt, context={**attempt.context, "key": "12345678"})
    denied = bench.backend.find(attempt)

    assert denied is not None
    assert denied.state == State.ABSENT
    assert bench.backend.find(other_key) is None


def test_a_denial_is_not_believed_when_nobody_knows_which_key_was_used(bench: Bench) -> None:
    attempt = replace(bench.submitted(), provider_id="cgt-0", context={})

    with pytest.raises(Ambiguous):
        bench.backend.poll(attempt)


@pytest.mark.parametrize(
    ("status", "code", "refused", "fail"),
    [
        ("401 Unauthorized", "AuthenticationError", AuthError, None),
        ("403 Forbidden", "AccountOverdueError", AuthError, None),
        ("404 Not Found", "ModelNotOpen", AuthError, None),
        ("404 Not Found", "InvalidEndpointOrModel.NotFound", AuthError, None),
        ("400 Bad", "InvalidEndpoint.ClosedEndpoint", AuthError, None),
        ("429 Too Many", "SetLimitExceeded", AuthError, None),
        ("429 Too Many", "RateLimitExceeded.EndpointRPMExceeded", AtCapacity, None),
        ("429 Too Many", "QuotaExceeded", AtCapacity, None),
        ("429 Too Many", "ServerOverloaded", AtCapacity, None),
        ("429 Too Many", "SomethingNew", AtCapacity, None),
        ("400 Bad", "InvalidParameter.duration", Rejected, Fail.INVALID_INPUT),
        ("400 Bad", "MissingParameter", Rejected, Fail.INVALID_INPUT),
        ("400 Bad", "SensitiveContentDetected.Violence", Rejected, Fail.MODERATION),
        ("400 Bad", "InputImageRiskDetection", Rejected, Fail.MODERATION),
        ("500 Oops", "InternalServiceError", Ambiguous, None),
        ("200 OK", "InvalidParameter", Ambiguous, None),
    ],
)
def test_a_code_says_more_than_the_status_of_http(
    receiver: Receiver, status: str, code: str, refused: type[BackendError], fail: Fail | None
) -> None:
    body = json.dumps({"error": {"code": code, "message": "no"}}).encode()
    server = Faulty(answering(status, body))

    with pytest.raises(BackendError) as refusal:
        backend_at(server.base_url).submit(order(receiver, vendor_model=MODEL, mode=""))

    server.close()
    assert type(refusal.value) is refused
    assert getattr(refusal.value, "fail", None) == fail
    assert server.connections == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"code": "InvalidEndpointOrModel.NotFound", "message": "no"}}',
        b'{"error": {"code": "", "message": "no"}}',
        b'{"message": "no route"}',
    ],
)
def test_only_arks_own_word_makes_a_task_absent(bench: Bench, body: bytes) -> None:
    attempt = bench.submitted()
    server = Faulty(answering("404 Not Found", body))
    asked = replace(attempt, context={"base_url": f"{server.base_url}/api/v3"})

    with pytest.raises(BackendError):
        bench.backend.poll(asked)

    server.close()
    assert server.connections == 1
