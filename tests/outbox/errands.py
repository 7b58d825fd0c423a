"""Errands for the tests' workers: each run leaves a mark, then does as its key says."""

from enum import StrEnum
from typing import Any, cast

import redis
from django.conf import settings

from billing.outbox import names
from billing.outbox.names import TaskName
from billing.outbox.tasks import errand


class Probe(StrEnum):
    """Names beside the real ones, so that no real task is replaced."""

    RUN = "tests.probe"


PROBE: TaskName = cast("TaskName", Probe.RUN)
cast("dict[str, str]", names.QUEUES)[Probe.RUN] = "dispatch"


@errand(PROBE)
def probe(*, key: str, **_future: object) -> None:
    """Count the run of `key`; "fail…" raises, "wait…" ends when `release:<key>` is pushed."""
    client: Any = redis.Redis.from_url(settings.REDIS_URL)
    try:
        client.rpush(f"runs:{key}", "began")
        if key.startswith("fail"):
            raise ValueError(f"{key} went wrong, sk_live_secretsecretsecret")
        if key.startswith("wait"):
            client.blpop([f"release:{key}"], timeout=20)
    finally:
        client.close()
