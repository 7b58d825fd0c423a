"""What the people of a flow test do: order, wait, look. Only over HTTP, as a frontend would."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.test import Client

from billing.accounts import tokens
from billing.ids import new_id
from billing.insights import audit
from billing.jobs import services
from billing.jobs.models import Attempt
from tests.gpu.cog_server import CogServer

PATIENCE_SECONDS = 40
ENDS = ("succeeded", "failed", "canceled", "expired")


@dataclass
class Story:
    """One person with a token, in front of a running service."""

    name: str
    cog: CogServer
    client: Client = field(default_factory=Client)

    def __post_init__(self) -> None:
        """Fetch a token."""
        now = datetime.now(UTC)
        self.token = tokens.sign(self.name, lifetime=timedelta(hours=1), now=now)

    def post(self, path: str, body: object = None, *, key: str | None = None) -> Any:  # noqa: ANN401 (Django's test response)
        """Send a body under a fresh key, or under `key`."""
        return self.client.post(
            path,
            body if body is not None else {},
            content_type="application/json",
            headers={
                "Authorization": f"Bearer {self.token}",
                "Idempotency-Key": key or new_id("key"),
            },
        )

    def get(self, path: str) -> Any:  # noqa: ANN401 (JSON)
        """Read what stands at an address."""
        response = self.client.get(path, headers={"Authorization": f"Bearer {self.token}"})
        assert response.status_code == 200, response.content
        return response.json()

    def order(self, prompt: str, **changes: object) -> dict[str, Any]:
        """Order a small video; return the job as it was accepted."""
        spec: dict[str, object] = {
            "model": "kling-v1-6",
            "mode": "std",
            "seconds": 5,
            "inputs": {"prompt": prompt},
        }
        response = self.post("/v1/jobs", spec | changes)
        assert response.status_code == 201, response.content
        job: dict[str, Any] = response.json()
        return job

    def job(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Read a job."""
        found: dict[str, Any] = self.get(f"/v1/jobs/{job['id']}")
        return found

    def wait(self, job: Mapping[str, Any], *statuses: str) -> dict[str, Any]:
        """Return the job once it has one of `statuses` (any end, when none is named)."""
        wanted = statuses or ENDS
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while (seen := self.job(job))["status"] not in wanted:
            assert time.monotonic() < ends_at, f"still {seen['status']}: {_attempts(job['id'])}"
            time.sleep(0.1)
        return seen

    def sweep_until(
        self, job: Mapping[str, Any], *, step: timedelta = timedelta(minutes=2)
    ) -> dict[str, Any]:
        """Run the sweep until the job has ended; each run believes that `step` more has passed."""
        for run in range(200):
            services.sweep(now=datetime.now(UTC) + timedelta(seconds=30) + run * step)
            if (seen := self.job(job))["status"] in ENDS:
                return seen
            time.sleep(0.1)
        raise AssertionError(f"still {self.job(job)['status']}: {_attempts(job['id'])}")

    def balance(self) -> str:
        """Read what may be spent."""
        return str(self.get("/v1/balance")["available"])

    def audit(self) -> None:
        """Assert that every invariant holds."""
        connection.check_constraints()
        assert [str(breach) for breach in audit.breaches()] == []


def _attempts(job_id: str) -> list[dict[str, Any]]:
    tries = Attempt.objects.filter(job_id=job_id)
    return [
        {"number": one.number, "state": one.state, "outcome": one.outcome, "detail": one.detail}
        for one in tries
    ]
