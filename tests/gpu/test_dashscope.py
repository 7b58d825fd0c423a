"""DashScope: the contract of adapters over the wire, and what is DashScope's alone."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from billing.gpu.adapters.dashscope import KIND
from billing.gpu.adapters.dashscope.adapter import DashScopeBackend, DashScopeOptions
from billing.gpu.errors import CallbackUnauthenticated
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
    Unsupported,
)
from config.embedded.processes import free_port
from tests.gpu.faulty import Faulty, answering
from tests.gpu.receiver import Receiver
from tests.gpu.vendors.base import LIVE, Ending, Fault
from tests.gpu.vendors.bench import PROMPT, Bench, order
from tests.gpu.vendors.contract import Contract
from tests.gpu.vendors.dashscope import DashScope

KEY = "a-key-of-the-vendor"
PICTURE, LAST = "https://pictures.example/a.png", "https://pictures.example/z.png"


def backend_at(url: str, *, secret: str = KEY, **options: object) -> DashScopeBackend:
    connection = Connection(
        name="dashscope",
        url=f"{url}/api/v1",
        secret=secret,
        options=DashScopeOptions.model_validate(options),
    )
    built = KIND.build(connection)
    assert isinstance(built, DashScopeBackend)
    return built


def serving(receiver: Receiver) -> Iterator[Bench]:
    simulator = DashScope(key=KEY)
    yield Bench(
        simulator=simulator,
        backend=backend_at(simulator.url),
        stranger=backend_at(simulator.url, secret="a-key-of-somebody"),
        moved=backend_at(f"http://127.0.0.1:{free_port()}"),
        attempt=order(receiver, vendor_model="wan2.7-t2v", audio=True),
    )
    simulator.close()


@pytest.fixture
def bench(receiver: Receiver) -> Iterator[Bench]:
    yield from serving(receiver)


class TestDashScope(Contract):
    """The contract. Nothing of ours stands in its listing, so nothing is found there."""

    billed = ("seconds", "resolution", "aspect_ratio", "audio", "prompt")
    impossible = (
        ({"seconds": 16}, "seconds"),
        ({"seconds": "5.5"}, "seconds"),
        ({"resolution": "480p"}, "resolution"),
        ({"aspect_ratio": "21:9"}, "aspect_ratio"),
        ({"audio": False}, "audio"),
        ({"mode": "pro"}, "mode"),
        ({"image_url": PICTURE}, "image_url"),
        ({"video_url": "https://films.example/a.mp4"}, "video_url"),
        ({"task": "image_to_video", "image_url": PICTURE}, "task"),
    )

    @pytest.fixture
    def bench(self, receiver: Receiver) -> Iterator[Bench]:
        yield from serving(receiver)


def handed(bench: Bench, model: str, **words: object) -> tuple[str, dict[str, dict[str, object]]]:
    """Hand an order over; return what DashScope got of it, and where."""
    attempt = replace(bench.attempt, model=model, input={**bench.attempt.input, **words})
    bench.backend.submit(attempt)
    request = bench.simulator.asked("submit")[-1]
    return request.path.removeprefix("/api/v1/services/aigc/"), request.json


def test_an_order_from_text_says_everything(bench: Bench) -> None:
    path, body = handed(bench, "wan2.7-t2v", seed=7, watermark=True, negative_prompt="rain")

    assert path == "video-generation/video-synthesis"
    assert body == {
        "model": "wan2.7-t2v",
        "input": {"prompt": PROMPT, "negative_prompt": "rain"},
        "parameters": {
            "resolution": "720P",
            "ratio": "16:9",
            "duration": 5,
            "prompt_extend": True,
            "watermark": True,
            "seed": 7,
        },
    }


@pytest.mark.parametrize(
    ("model", "words", "given", "measures"),
    [
        ("wan2.2-t2v-plus", {"resolution": "480p"}, {}, {"size": "832*480"}),
        (
            "wan2.5-t2v-preview",
            {"audio": True, "seconds": 10, "aspect_ratio": "9:16"},
            {},
            {"size": "720*1280", "duration": 10},
        ),
        (
            "wan2.6-i2v",
            {"task": "image_to_video", "image_url": PICTURE, "resolution": "1080p"},
            {"img_url": PICTURE},
            {"resolution": "1080P", "duration": 5, "audio": False},
        ),
        (
            "wan2.7-i2v",
            {
                "task": "first_last_frame",
                "image_url": PICTURE,
                "last_image_url": LAST,
                "audio": True,
            },
            {
                "media": [
                    {"type": "first_frame", "url": PICTURE},
                    {"type": "last_frame", "url": LAST},
                ]
            },
            {"resolution": "720P", "duration": 5},
        ),
        (
            "wan2.7-r2v",
            {"task": "reference_to_video", "image_url": PICTURE, "audio": True},
            {"media": [{"type": "reference_image", "url": PICTURE}]},
            {"resolution": "720P", "duration": 5, "ratio": "16:9"},
        ),
        (
            "wan9-of-tomorrow",
            {"seconds": 40},
            {},
            {"resolution": "720P", "duration": 40, "ratio": "16:9", "audio": False},
        ),
    ],
)
def test_each_line_is_told_in_its_own_words(
    bench: Bench,
    model: str,
    words: Mapping[str, object],
    given: Mapping[str, object],
    measures: Mapping[str, object],
) -> None:
    _path, body = handed(bench, model, **{"audio": False, **words})

    assert body["input"] == {"prompt": PROMPT, **given}
    assert body["parameters"] == {"prompt_extend": True, "watermark": False, **measures}


def test_first_and_last_frames_go_to_a_path_of_their_own(bench: Bench) -> None:
    path, body = handed(
        bench,
        "wan2.2-kf2v-flash",
        task="first_last_frame",
        image_url=PICTURE,
        last_image_url=LAST,
        audio=False,
    )

    assert path == "image2video/video-synthesis"
    assert body["input"]["last_frame_url"] == LAST


@pytest.mark.parametrize(
    ("model", "words", "field"),
    [
        ("wan2.2-t2v-plus", {"audio": True, "resolution": "480p"}, "audio"),
        ("wan2.2-t2v-plus", {"audio": False, "resolution": "480p", "seconds": 10}, "seconds"),
        ("wan2.6-i2v", {"task": "image_to_video"}, "image_url"),
        (
            "wan2.6-i2v",
            {"task": "image_to_video", "image_url": PICTURE, "last_image_url": LAST},
            "last_image_url",
        ),
        ("wan2.2-kf2v-flash", {"task": "first_last_frame", "image_url": PICTURE}, "last_image_url"),
    ],
)
def test_what_a_line_does_not_make_is_refused(
    bench: Bench, model: str, words: Mapping[str, object], field: str
) -> None:
    with pytest.raises(Rejected, match=field) as refusal:
        handed(bench, model, **{"audio": False, **words})

    assert refusal.value.fail == Fail.INVALID_INPUT
    assert bench.simulator.seen == []


def test_the_entry_says_who_pays_and_whether_a_prompt_is_rewritten(bench: Bench) -> None:
    backend = backend_at(bench.simulator.url, workspace="ws-1", prompt_extend=False)

    backend.submit(bench.attempt)

    (request,) = bench.simulator.asked("submit")
    assert request.headers["x-dashscope-workspace"] == "ws-1"
    assert request.json["parameters"]["prompt_extend"] is False


def test_what_was_spent_is_told_in_seconds(bench: Bench) -> None:
    status = bench.backend.poll(bench.brought_to(Ending.SUCCEEDED))

    assert status.usage == {"seconds": 5, "video_duration": 5, "video_count": 1}
    assert status.provider_charged is True


def test_a_failure_and_a_cancel_cost_nothing(bench: Bench) -> None:
    for ending in (Ending.FAILED, Ending.MODERATED, Ending.CANCELED):
        assert bench.backend.poll(bench.brought_to(ending)).provider_charged is False


# -- cancelling ----------------------------------------------------------------------------------
def test_only_a_task_that_waits_is_cancelled(bench: Bench) -> None:
    heard = {
        ending: bench.backend.cancel(bench.brought_to(ending)) for ending in bench.simulator.endings
    }

    assert heard.pop(Ending.QUEUED) == CancelResult.REQUESTED
    assert heard.pop(Ending.RUNNING) == CancelResult.UNSUPPORTED
    assert set(heard.values()) == {CancelResult.TOO_LATE}


def test_a_cancelled_task_says_so_when_it_is_asked(bench: Bench) -> None:
    attempt = bench.submitted()
    bench.backend.cancel(attempt)

    assert bench.backend.poll(attempt).state == State.CANCELED


# -- what nobody can tell ------------------------------------------------------------------------
def test_an_order_without_an_id_is_never_guessed(bench: Bench) -> None:
    bench.simulator.faults["submit"] = Fault.DROP_REPLY
    with pytest.raises(Ambiguous):
        bench.backend.submit(bench.attempt)

    assert bench.backend.find(bench.attempt) is None
    assert bench.backend.cancel(bench.attempt) == CancelResult.UNSUPPORTED
    with pytest.raises(Unsupported):
        bench.backend.poll(bench.attempt)
    assert len(bench.simulator.seen) == 1


def test_a_denial_is_not_believed_when_another_key_asks(bench: Bench) -> None:
    attempt = replace(bench.submitted(), provider_id="task-0")
    other_key = replace(attempt, context={**attempt.context, "key": "12345678"})

    assert bench.backend.poll(attempt).state == State.ABSENT
    with pytest.raises(AuthError):
        bench.backend.poll(other_key)


def test_it_calls_nobody_back(bench: Bench) -> None:
    with pytest.raises(CallbackUnauthenticated):
        bench.backend.read_callback(b"{}", bench.attempt)
    assert bench.backend.answer_challenge(b'{"challenge": "x"}') is None


@pytest.mark.parametrize(
    ("status", "code", "refused", "fail"),
    [
        ("401 Unauthorized", "InvalidApiKey", AuthError, None),
        ("400 Bad", "Arrearage", AuthError, None),
        ("403 Forbidden", "AccessDenied.Unpurchased", AuthError, None),
        ("403 Forbidden", "Model.AccessDenied", AuthError, None),
        ("403 Forbidden", "AllocationQuota.FreeTierOnly", AuthError, None),
        ("404 Not Found", "ModelNotFound", AuthError, None),
        ("429 Too Many", "CommodityNotPurchased", AuthError, None),
        ("429 Too Many", "PrepaidBillOverdue", AuthError, None),
        ("429 Too Many", "PostpaidBillOverdue", AuthError, None),
        ("429 Too Many", "Throttling.AllocationQuota", AtCapacity, None),
        ("429 Too Many", "LimitRequests", AtCapacity, None),
        ("429 Too Many", "SomethingNew", AtCapacity, None),
        ("400 Bad", "InvalidParameter.DataInspection", Rejected, Fail.INVALID_INPUT),
        ("400 Bad", "InvalidURL", Rejected, Fail.INVALID_INPUT),
        ("400 Bad", "BadRequest.TooLarge", Rejected, Fail.INVALID_INPUT),
        ("400 Bad", "DataInspectionFailed", Rejected, Fail.MODERATION),
        ("400 Bad", "IPInfringementSuspect", Rejected, Fail.MODERATION),
        ("500 Oops", "InternalError.Timeout", Ambiguous, None),
        ("408 Late", "RequestTimeOut", Ambiguous, None),
        ("200 OK", "Throttling", AtCapacity, None),
        ("200 OK", "SomethingNew", Ambiguous, None),
    ],
)
def test_a_code_says_more_than_the_status_of_http(
    bench: Bench, status: str, code: str, refused: type[BackendError], fail: Fail | None
) -> None:
    server = Faulty(answering(status, json.dumps({"code": code, "message": "no"}).encode()))

    with pytest.raises(BackendError) as refusal:
        backend_at(server.base_url).submit(bench.attempt)

    server.close()
    assert type(refusal.value) is refused
    assert getattr(refusal.value, "fail", None) == fail
    assert server.connections == 1


# -- words ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("word", "state", "fail"),
    [
        ("PENDING", State.QUEUED, None),
        ("pending", State.QUEUED, None),
        ("SUSPENDED", State.QUEUED, None),
        ("RUNNING", State.RUNNING, None),
        ("SUCCEEDED", State.SUCCEEDED, None),
        ("FAILED", State.FAILED, Fail.PROVIDER),
        ("CANCELED", State.CANCELED, Fail.CANCELED),
        ("UNKNOWN", State.ABSENT, None),
        ("unknown", State.ABSENT, None),
        ("BLOCKED", State.RUNNING, None),
    ],
)
def test_each_word_has_a_state_and_an_unknown_one_is_never_final(
    bench: Bench, word: str, state: State, fail: Fail | None
) -> None:
    attempt = bench.submitted()
    task = bench.simulator.tasks[attempt.provider_id]
    task.word, task.ending = word, Ending.SUCCEEDED

    status = bench.backend.poll(attempt)

    assert (status.state, status.fail) == (state, fail)
    assert bool(status.outputs) == (state == State.SUCCEEDED)


@pytest.mark.parametrize(
    ("message", "fail"),
    [
        ("Output data may contain inappropriate content.", Fail.MODERATION),
        ("CUDA out of memory", Fail.OOM),
        ("no", Fail.PROVIDER),
    ],
)
def test_a_failure_is_classed_by_its_wording_too(bench: Bench, message: str, fail: Fail) -> None:
    attempt = bench.brought_to(Ending.FAILED, message)

    assert bench.backend.poll(attempt).fail == fail


def test_nothing_is_charged_before_the_end(bench: Bench) -> None:
    for ending in LIVE:
        assert bench.backend.poll(bench.brought_to(ending)).provider_charged is None
