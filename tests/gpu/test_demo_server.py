"""The demo server starts, ends and dies as a supervisor needs it to."""

import os
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path

from billing.gpu.demo.server import command
from billing.gpu.protocol import AttemptView, CancelResult, Fail, State
from tests.gpu.cog_server import CogServer
from tests.gpu.receiver import Receiver


def session_of(pid: int) -> list[int]:
    """Return the processes of a session that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if os.getsid(int(entry.name)) == pid and state != "Z":
                found.append(int(entry.name))
        except (OSError, ProcessLookupError):
            continue  # it ended while we looked
    return found


def wait_until(question: Callable[[], bool], seconds: float) -> None:
    ends_at = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < ends_at, "It did not become true in time."
        time.sleep(0.05)


def start_drawing(server: CogServer, receiver: Receiver, prompt: str) -> AttemptView:
    attempt_id = f"att_{secrets.token_hex(8)}"
    attempt = AttemptView(
        id=attempt_id,
        input={"prompt": prompt, "seconds": 30, "resolution": "1080p", "mode": "pro"},
        callback_url=f"{receiver.base_url}/{attempt_id}",
    )
    backend = server.backend()
    backend.submit(attempt)

    def begun() -> bool:
        found = backend.find(attempt)
        return found is not None and (found.progress or 0) > 0

    wait_until(begun, seconds=10)
    return attempt


def test_sigterm_ends_it_soon_and_leaves_no_process(own_cog: CogServer, receiver: Receiver) -> None:
    start_drawing(own_cog, receiver, "interrupted")
    pid = own_cog.pid
    assert len(session_of(pid)) == 4  # Cog, its worker, the drawing process, its encoder

    os.kill(pid, signal.SIGTERM)

    wait_until(lambda: not session_of(pid), seconds=4)


def test_a_kill_of_the_first_process_alone_leaves_no_process(
    own_cog: CogServer, receiver: Receiver
) -> None:
    start_drawing(own_cog, receiver, "interrupted")
    pid = own_cog.pid

    os.kill(pid, signal.SIGKILL)

    wait_until(lambda: not session_of(pid), seconds=4)


def test_a_cancel_ends_the_drawing_process(own_cog: CogServer, receiver: Receiver) -> None:
    attempt = start_drawing(own_cog, receiver, "not wanted any more")
    pid = own_cog.pid

    assert own_cog.backend().cancel(attempt) == CancelResult.REQUESTED
    receiver.wait_for_the_end(f"/{attempt.id}", seconds=2)

    wait_until(lambda: len(session_of(pid)) == 2, seconds=2)


def test_a_dead_worker_process_is_reported_and_ends_the_server(
    own_cog: CogServer, receiver: Receiver
) -> None:
    attempt = start_drawing(own_cog, receiver, "[hang]")
    pid = own_cog.pid
    [worker] = [each for each in session_of(pid) if each != pid]

    os.kill(worker, signal.SIGKILL)
    end = receiver.wait_for_the_end(f"/{attempt.id}")
    status = own_cog.backend().read_callback(end.body, attempt)

    assert (status.state, status.fail) == (State.FAILED, Fail.LOST)
    wait_until(lambda: not session_of(pid), seconds=8)


def test_the_demo_learns_nothing_of_our_secrets(tmp_path: Path) -> None:
    _argv, env = command(port=5000, token="a-token", data_dir=tmp_path)

    assert os.environ["SECRET_KEY"] not in env.values()
    assert not {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "JWT_PRIVATE_KEY"} & set(env)
    assert env["WEBHOOK_AUTH_TOKEN"] == "a-token"
