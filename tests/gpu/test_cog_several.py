"""Several outputs of one order, by the real Cog server: as many as it makes, each its own."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest

from billing.gpu.protocol import AttemptView, State
from tests.gpu import films
from tests.gpu.cog_server import CogServer
from tests.gpu.receiver import Receiver


@pytest.mark.parametrize(
    ("prompt", "made"),
    [("three kites", 3), ("[partial 2] three kites", 2), ("[partial 0] none", 0)],
)
def test_as_many_films_come_as_the_server_makes(
    cog: CogServer, receiver: Receiver, tmp_path: Path, prompt: str, made: int
) -> None:
    backend = cog.backend()
    attempt_id = f"att_{secrets.token_hex(8)}"
    order = {"prompt": prompt, "seconds": 1, "resolution": "480p", "count": 3, "watermark": True}

    attempt = AttemptView(
        id=attempt_id, input=order, callback_url=f"{receiver.base_url}/{attempt_id}"
    )

    backend.submit(attempt)
    end = receiver.wait_for_the_end(f"/{attempt_id}")
    status = backend.parse_callback(end.headers, end.body, attempt, now=datetime.now(UTC))

    assert status.state == (State.SUCCEEDED if made else State.FAILED)
    assert len(set(status.outputs)) == made
    width, height = 854, 480
    assert status.usage.get("tokens") == made * (width * height * 24 // 1024)
    assert status.usage["gpu_seconds"] > 0
    for output in backend.fetch_outputs(status):
        (tmp_path / "film.mp4").write_bytes(output.file.read())
        assert films.look_at(tmp_path / "film.mp4").seconds == 1.0
