"""One who buys films through the proxy, as a platform's frontend would."""

import json
import time
import urllib.error
import urllib.request
import uuid
from typing import Any, Final

from billing.jobs.lifecycle import FINAL
from tests.containers.engine import Missed, Project

_PRICE: Final = 10
_PATIENCE_SECONDS: Final = 240
_ANSWER_SECONDS: Final = 30


def answer(url: str, *, headers: dict[str, str] | None = None, body: Any = None) -> bytes:  # noqa: ANN401 (what JSON holds)
    """Return what is answered; a body makes it a POST.

    Raises:
        OSError: no answer, or one that says no.
    """
    data = None if body is None else json.dumps(body).encode()
    said = {"Content-Type": "application/json", **(headers or {})}
    asked = urllib.request.Request(url, data, said)  # noqa: S310 (our own addresses)
    with urllib.request.urlopen(asked, timeout=_ANSWER_SECONDS) as found:  # noqa: S310 (as above)
        content: bytes = found.read()
        return content


class Customer:
    """Has today's free credits, and knows what is left of them."""

    def __init__(self, project: Project, name: str) -> None:
        self._url = f"http://127.0.0.1:{project.port}"
        token = project.manage("issue_token", name).split()[-1]
        self._headers = {"Authorization": f"Bearer {token}"}
        self._left = int(self._ask("check-in", {})["available"])

    def order(self, prompt: str) -> str:
        """Return the id of a film's job that was taken."""
        inputs = {"prompt": prompt}
        wanted = {"model": "kling-v1-6", "task": "text_to_video", "mode": "std", "seconds": 5}
        key = {"Idempotency-Key": str(uuid.uuid4())}
        self._left -= _PRICE
        job: str = self._ask("jobs", {**wanted, "inputs": inputs}, **key)["id"]
        return job

    def hear(self, job: str) -> str:
        """Return all that the stream of a job's events says until it ends by itself."""
        return answer(f"{self._url}/v1/jobs/{job}/events", headers=self._headers).decode()

    def wait(self, job: str, *states: str) -> dict[str, Any]:
        """Return the job once it is in one of these states; whoever does not answer is asked again.

        Raises:
            Missed: it came to another end, or to none.
        """
        last: Any = None
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            try:
                found: dict[str, Any] = self._ask(f"jobs/{job}")
            except (OSError, ValueError) as problem:
                last = problem
            else:
                last = found["status"]
                if last in states:
                    return found
                if last in FINAL:
                    break
            time.sleep(0.3)
        raise Missed(f"a job came to {last}, and not to {' or '.join(states)}")

    def receive(self, job: str) -> int:
        """Return how many bytes the film has, once it is paid for, and nothing else was.

        Raises:
            Missed: no film, or another balance than what was bought leaves.
        """
        made = self.wait(job, "succeeded")
        film = answer(made["outputs"][0]["url"])
        if film[4:8] != b"ftyp":
            raise Missed(f"what came is no mp4: {film[:40]!r}")
        self.count()
        return len(film)

    def count(self) -> int:
        """Return what is left, which is what should be."""
        told = self._ask("balance")
        if (told["available"], told["held"]) != (str(self._left), "0"):
            raise Missed(f"{told['available']} are left and {told['held']} held, not {self._left}")
        return self._left

    def _ask(self, path: str, body: Any = None, **more: str) -> Any:  # noqa: ANN401 (as above)
        headers = {**self._headers, **more}
        return json.loads(answer(f"{self._url}/v1/{path}", headers=headers, body=body))
