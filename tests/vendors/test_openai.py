"""OpenAI's own client finds in our simulator of `/v1/videos` what it expects."""

from collections.abc import Iterator

import openai
import pytest

from tests.gpu.vendors.base import Ending, Fault
from tests.gpu.vendors.film import mp4
from tests.gpu.vendors.openai_videos import VideosServer


@pytest.fixture
def server() -> Iterator[VideosServer]:
    one = VideosServer()
    yield one
    one.close()


@pytest.fixture
def client(server: VideosServer) -> openai.OpenAI:
    return openai.OpenAI(api_key=server.key, base_url=f"{server.url}/v1", max_retries=0)


def ordered(client: openai.OpenAI) -> openai.types.Video:
    return client.videos.create(model="sora-2", prompt="a cat", seconds="8", size="1280x720")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # OpenAI's own server is gone
class TestTheClient:
    """Each part of the protocol that our adapter speaks, spoken by OpenAI."""

    def test_an_order_is_taken_polled_and_fetched(
        self, server: VideosServer, client: openai.OpenAI
    ) -> None:
        video = ordered(client)
        assert (video.status, video.seconds, video.size) == ("queued", "8", "1280x720")
        assert server.newest.order["prompt"] == "a cat"

        server.end(video.id, Ending.RUNNING)
        assert client.videos.retrieve(video.id).status == "in_progress"

        server.finish(video.id)
        done = client.videos.retrieve(video.id)
        assert (done.status, done.progress, done.error) == ("completed", 100, None)
        assert client.videos.download_content(video.id).read() == mp4()

    def test_the_client_polls_to_the_end_by_itself(
        self, server: VideosServer, client: openai.OpenAI
    ) -> None:
        server.finish_after_polls = 2

        video = client.videos.create_and_poll(
            model="sora-2", prompt="a cat", seconds="4", size="720x1280", poll_interval_ms=10
        )

        assert video.status == "completed"

    @pytest.mark.parametrize(
        ("ending", "code"), [(Ending.FAILED, "internal"), (Ending.MODERATED, "moderation_blocked")]
    )
    def test_a_failure_has_its_code(
        self, server: VideosServer, client: openai.OpenAI, ending: Ending, code: str
    ) -> None:
        video = ordered(client)
        server.end(video.id, ending)

        failed = client.videos.retrieve(video.id)

        assert failed.status == "failed"
        assert failed.error is not None
        assert failed.error.code == code

    def test_what_is_stored_is_listed(self, server: VideosServer, client: openai.OpenAI) -> None:
        first, second = ordered(client), ordered(client)

        assert [video.id for video in client.videos.list()] == [first.id, second.id]

    @pytest.mark.parametrize(
        ("fault", "refused"),
        [
            (Fault.FULL, openai.RateLimitError),
            (Fault.BROKE, openai.RateLimitError),
            (Fault.INVALID, openai.BadRequestError),
            (Fault.MODERATED, openai.BadRequestError),
            (Fault.ERROR_AFTER, openai.InternalServerError),
            (Fault.DROP_REPLY, openai.APIConnectionError),
        ],
    )
    def test_a_refusal_is_the_one_that_the_client_knows(
        self,
        server: VideosServer,
        client: openai.OpenAI,
        fault: Fault,
        refused: type[openai.APIError],
    ) -> None:
        server.faults["submit"] = fault

        with pytest.raises(refused):
            ordered(client)

    def test_a_wrong_key_and_an_unknown_id_are_refused(
        self, server: VideosServer, client: openai.OpenAI
    ) -> None:
        with pytest.raises(openai.NotFoundError):
            client.videos.retrieve("video_of_nobody")
        with pytest.raises(openai.AuthenticationError):
            client.with_options(api_key="sk-somebody-elses").videos.retrieve("video_1")
