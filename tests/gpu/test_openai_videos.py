"""The adapter of `/v1/videos`, over the wire and by its table of words."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from billing.gpu.adapters.openai_videos.adapter import KIND, VideosBackend, VideosOptions
from billing.gpu.adapters.openai_videos.answers import STATES, read_status
from billing.gpu.adapters.openai_videos.orders import VideoPhrases
from billing.gpu.kinds import Connection
from billing.gpu.protocol import (
    Ambiguous,
    AtCapacity,
    AttemptView,
    AuthError,
    BadOutput,
    Fail,
    Rejected,
    State,
    Status,
    Unsupported,
)
from billing.gpu.reading import Unreadable
from config.embedded.processes import free_port
from tests.gpu import faulty
from tests.gpu.faulty import Faulty, answering
from tests.gpu.receiver import Receiver
from tests.gpu.vendors.base import Ending
from tests.gpu.vendors.bench import ORDER, Bench, order
from tests.gpu.vendors.contract import Contract
from tests.gpu.vendors.fetches import OPEN
from tests.gpu.vendors.openai_videos import VideosServer

PHRASES = VideoPhrases(
    extras={"seed": "seed"},
    made={
        "task": ["text_to_video"],
        "count": [1],
        "mode": ["std"],
        "audio": [False],
        "seconds": [4, 5, 8],
        "size": ["1280x720", "720x1280"],
    },
)


def options(**changes: object) -> VideosOptions:
    return VideosOptions.model_validate({"models": {"*": PHRASES.model_dump()}, **changes})


def backend(url: str, key: str, **changes: object) -> VideosBackend:
    return VideosBackend(base_url=url, key=key, options=options(**changes))


def bench_of(server: VideosServer, receiver: Receiver, **changes: object) -> Bench:
    return Bench(
        simulator=server,
        backend=backend(server.url, server.key, **changes),
        stranger=backend(server.url, "sk-somebody-elses", **changes),
        moved=backend(f"http://127.0.0.1:{free_port()}", server.key, **changes),
        attempt=order(receiver, vendor_model="sora-2"),
    )


class TestOneServer(Contract):
    """What OpenAI's own server did."""

    impossible = (
        ({"seconds": 6}, "seconds"),
        ({"resolution": "1080p"}, "size"),
        ({"resolution": "big"}, "resolution"),
        ({"aspect_ratio": "wide"}, "aspect_ratio"),
        ({"aspect_ratio": "0:9"}, "aspect_ratio"),
        ({"audio": True}, "audio"),
        ({"mode": "pro"}, "mode"),
        ({"image": "https://cdn.example/first.png"}, "image"),
        ({"offset_seconds": 5}, "offset_seconds"),
    )
    films_are_its_own = True

    @pytest.fixture
    def bench(self, receiver: Receiver) -> Iterator[Bench]:
        server = VideosServer()
        yield bench_of(server, receiver)
        server.close()


class TestAGatewayThatWrapsAndNamesAddresses(TestOneServer):
    """The same through `{"code", "data"}`, accepted by 202."""

    films_are_its_own = False

    @pytest.fixture
    def bench(self, receiver: Receiver) -> Iterator[Bench]:
        server = VideosServer(wraps=True, names_addresses=True, status=202)
        yield bench_of(server, receiver, outputs="url")
        server.close()


@pytest.fixture
def server() -> Iterator[VideosServer]:
    one = VideosServer()
    yield one
    one.close()


def test_an_order_is_said_in_full(server: VideosServer, receiver: Receiver) -> None:
    bench = bench_of(server, receiver)

    bench.backend.submit(replace(bench.attempt, input={**ORDER, "aspect_ratio": "9:16"}))

    said = {"model": "sora-2", "prompt": ORDER["prompt"], "seconds": "5", "size": "720x1280"}
    assert dict(server.newest.order) == said


@pytest.mark.parametrize("status", [200, 201, 202])
def test_each_kind_of_yes_is_one(status: int, receiver: Receiver) -> None:
    server = VideosServer(status=status)

    assert bench_of(server, receiver).backend.submit(order(receiver)).state == State.QUEUED

    server.close()


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ({"resolution": "720P", "aspect_ratio": "16:9"}, "1280x720"),
        ({"resolution": "1080p", "aspect_ratio": "9:16"}, "1080x1920"),
        ({"resolution": "480p", "aspect_ratio": "21:9"}, "1120x480"),
        ({"resolution": "768p", "aspect_ratio": "1:1"}, "768x768"),
        ({"resolution": "1024x1792"}, "1024x1792"),
    ],
)
def test_a_size_is_made_of_resolution_and_aspect_ratio(
    words: Mapping[str, object], size: str, receiver: Receiver
) -> None:
    taken = answering("200 OK", b'{"id": "v", "status": "queued"}')
    gateway = Faulty(taken)
    requests: list[bytes] = []
    gateway._script = lambda connection: requests.append(faulty.read_request(connection))
    phrases = {"made": {"task": ["text_to_video"], "count": [1], "mode": ["std"], "audio": [False]}}
    asked = {name: value for name, value in ORDER.items() if name not in words}
    asked.pop("aspect_ratio", None)

    with pytest.raises(Ambiguous):
        backend(gateway.base_url, "k", models={"*": phrases}).submit(
            replace(order(receiver), input={**asked, **words})
        )

    assert f'name="size"\r\n\r\n{size}\r\n'.encode() in requests[0]
    gateway.close()


@pytest.mark.parametrize("word", sorted(STATES))
@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title])
def test_each_word_is_read_whatever_its_case(word: str, spelling: type[str]) -> None:
    status = read_status({"id": "v", "status": spelling(word)}, "v", named=False)

    assert status.state == STATES[word]


@pytest.mark.parametrize(
    "word", ["?", "unknown", "in review", "COMPLETED_MAYBE", "not_completed", "expire"]
)
def test_a_word_that_nobody_knows_is_never_final(word: str) -> None:
    assert read_status({"id": "v", "status": word}, "v", named=False).state == State.RUNNING


@pytest.mark.parametrize(
    "video", [{}, {"status": None}, {"status": 3}, {"status": " "}, {"status": "queued", "id": "w"}]
)
def test_what_says_nothing_of_our_video_is_unreadable(video: Mapping[str, object]) -> None:
    with pytest.raises(Unreadable):
        read_status(video, "v", named=False)


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (b'{"code": "insufficient_user_quota", "message": "poor", "data": null}', AuthError),
        (b'{"code": "rate_limit_exceeded", "message": "slow", "data": null}', AtCapacity),
        (b'{"code": "content_policy_violation", "message": "no", "data": null}', Rejected),
        (b'{"code": "invalid_request", "message": "size?", "data": null}', Rejected),
        (b'{"code": "fail_to_fetch_task", "message": "upstream", "data": null}', Ambiguous),
        (b'{"code": 0, "data": {}}', Ambiguous),
        (b'{"code": 0, "data": null}', Ambiguous),
        (b'{"error": {"code": "overloaded", "message": "later"}}', AtCapacity),
        (b'{"error": "what?"}', Ambiguous),
        (b'{"status": "queued"}', Ambiguous),
        (b'{"id": 7, "status": "queued"}', Ambiguous),
    ],
)
def test_a_refusal_behind_a_200_is_one(
    answer: bytes, refused: type[Exception], receiver: Receiver
) -> None:
    gateway = Faulty(answering("200 OK", answer))

    with pytest.raises(refused):
        backend(gateway.base_url, "k").submit(order(receiver))

    assert gateway.connections == 1
    gateway.close()


@pytest.mark.parametrize(
    "body",
    [
        b'{"detail": "Not Found"}',
        b"404 page not found",
        b"{}",
        b'{"error": {}}',
        b"[]",
        b'{"error": {"message": "Invalid URL (GET /v1/videos/video_1)", "code": null}}',
        b'{"error": {"message": "The URL /v1/videos/video_1 was not found.", "code": "not_found"}}',
        b'{"error": {"message": "The model of this video was not found."}}',
        b'{"error": {"message": "Cannot GET the video."}}',
        b'{"detail": "GET /v1/videos/video_1 was not found."}',
        b'{"error": {"message": "The upstream is not found.", "code": "not_found"}}',
    ],
)
def test_a_404_that_is_not_about_the_video_is_no_absence(body: bytes) -> None:
    gateway = Faulty(answering("404 Not Found", body))

    with pytest.raises(AuthError):
        backend(gateway.base_url, "k").poll(AttemptView(id="att_1", provider_id="video_1"))

    gateway.close()


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message": "Video with id video_1 not found.", "code": null}}',
        b'{"error": {"message": "The video does not exist", "type": "invalid_request_error"}}',
        b'{"error": {"message": "Video: nothing", "code": "not_found"}}',
        b'{"code": "task_not_exist", "message": "\xe6\x97\xa0"}',
        b'{"detail": "Video not found"}',
        b'{"error": "no such task"}',
    ],
)
def test_a_404_that_denies_the_video_is_an_absence(body: bytes) -> None:
    gateway = Faulty(answering("404 Not Found", body))

    status = backend(gateway.base_url, "k").poll(AttemptView(id="att_1", provider_id="video_1"))

    assert status.state == State.ABSENT
    gateway.close()


def test_without_an_id_nothing_is_asked(server: VideosServer) -> None:
    with pytest.raises(Unsupported):
        backend(server.url, server.key).poll(AttemptView(id="att_1"))

    assert server.seen == []


def test_an_id_cannot_leave_its_place_in_the_path(server: VideosServer) -> None:
    view = AttemptView(id="att_1", provider_id="../models?x=")

    assert backend(server.url, server.key).poll(view).state == State.ABSENT

    assert server.seen[0][1].path == "/v1/videos/..%2Fmodels%3Fx%3D"


def test_cancelling_never_throws_a_film_away(server: VideosServer, receiver: Receiver) -> None:
    bench = bench_of(server, receiver)
    attempt = bench.brought_to(Ending.SUCCEEDED)

    bench.backend.cancel(attempt)

    assert server.asked("delete") == []


def test_a_film_is_fetched_where_its_order_was_handed_over(
    server: VideosServer, receiver: Receiver
) -> None:
    bench = bench_of(server, receiver)
    attempt = bench.brought_to(Ending.SUCCEEDED)
    status = bench.moved.poll(attempt)

    [mime] = [output.mime for output in bench.moved.fetch_outputs(status)]

    assert mime == "video/mp4"
    [asked] = server.asked("content")
    assert asked.path == f"/v1/videos/{attempt.provider_id}/content"


def test_a_film_of_another_order_is_not_asked_for(server: VideosServer) -> None:
    for outputs in (("content:v/2",), ("content:v/1", "content:v/2")):
        status = Status(state=State.SUCCEEDED, provider_id="v/1", outputs=outputs)

        with pytest.raises(BadOutput, match="another video"):
            list(backend(server.url, server.key).fetch_outputs(status))
    assert server.seen == []


def test_an_address_that_an_operator_names_is_not_shown_the_key(server: VideosServer) -> None:
    films = VideosServer()
    address = films.url + "/films/a.mp4"
    status = Status(state=State.SUCCEEDED, outputs=(address,))
    opened = replace(backend(server.url, server.key), fetch=OPEN)

    [mime] = [output.mime for output in opened.fetch_outputs(status)]

    films.close()
    [asked] = films.asked("film")
    assert (mime, "authorization" in asked.headers) == ("video/mp4", False)


def test_a_gateway_cannot_name_a_word_of_ours() -> None:
    for url in ("content:other", "file:///etc/passwd", "/var/out.mp4"):
        status = read_status({"id": "v", "status": "completed", "url": url}, "v", named=True)

        assert (status.state, status.fail, status.outputs) == (State.FAILED, Fail.EMPTY, ())


def test_usage_and_progress_are_read_from_text_too() -> None:
    video = {"id": "v", "status": "IN_PROGRESS", "seconds": "8", "progress": "30%"}

    status = read_status(video, "v", named=False)

    assert (status.usage, status.progress) == ({"seconds": 8.0}, 0.3)


def test_a_model_that_the_options_do_not_know_is_an_operators_matter(receiver: Receiver) -> None:
    known = options(models={"sora-2": PHRASES.model_dump()})

    with pytest.raises(AuthError, match="another-model"):
        VideosBackend(base_url="http://127.0.0.1:9", key="k", options=known).submit(
            order(receiver, vendor_model="another-model")
        )


def test_the_kind_builds_what_the_entry_says() -> None:
    connection = Connection(
        name="gw", url="https://gw.example", secret="k" * 16, options=VideosOptions()
    )

    assert KIND.build(connection) == VideosBackend(base_url="https://gw.example", key="k" * 16)
