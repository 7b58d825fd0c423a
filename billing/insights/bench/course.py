"""An order's whole course by the services: submit, dispatch, callback, file, capture, events.

What the GPU would take is not in it: the bench's own backend takes the order at once, and its
callback comes at once too, with the smallest film inside. Beside it, events come in and go out.
"""

import base64
import hashlib
import hmac
import json
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction

from billing.ids import new_id
from billing.insights.bench.asked import Asked
from billing.insights.bench.errands import backend
from billing.insights.bench.figures import Report, Side, interleaved, reported
from billing.insights.bench.hands import Deed, alone
from billing.insights.bench.limit import Limit
from billing.insights.bench.place import BACKEND, SECRET
from billing.insights.bench.scene import Scene, owner
from billing.jobs import services as jobs
from billing.jobs.lifecycle import JobStatus
from billing.jobs.models import Attempt, Callback, Job
from billing.payments import services as payments
from billing.payments.models import StripeEvent
from billing.webhooks import services as webhooks
from billing.webhooks.models import Delivery, Endpoint

_LIFE: Final = "limit: rows of a hold and its capture, 1 by pgbench"
_ROW: Final = "limit: one row written, 1 by pgbench"


def run(asked: Asked) -> Report:
    """Measure with one client, beside the rows of a hold and its capture, and beside one row."""
    course = Course(Scene.fresh(asked.now))
    with (
        tempfile.TemporaryDirectory(prefix="linggan-bench-") as folder,
        backend(Path(folder) / "backend"),
        _endpoint(asked.now),
        Limit(owner()) as limit,
    ):
        cases = interleaved(
            [
                Side(_LIFE, limit.life(1)),
                Side("an order's whole course", partial(alone, Deed(course.live)), _LIFE),
                Side(_ROW, limit.write(1)),
                Side("an event of Stripe's comes in", partial(alone, Deed(course.hear)), _ROW),
                Side("an event is published", partial(alone, Deed(course.publish)), _ROW),
                Side("an event goes out", partial(alone, Deed(course.deliver))),
            ],
            asked.effort,
        )
    return reported(cases, "An event that goes out is posted over HTTP, and noted twice.")


@dataclass(slots=True)
class Course:
    """What happens around one account."""

    scene: Scene
    _events: list[str] = field(default_factory=list)

    def live(self) -> bool:
        """Order a video, have it made, stored and paid for, and tell of it."""
        scene = self.scene
        scene.submit()
        job_id = scene.open_jobs.pop()
        jobs.dispatch(job_id=job_id, now=scene.now)
        attempt = Attempt.objects.get(job_id=job_id)
        said = {"id": attempt.pk, "status": "succeeded", "output": _FILM}
        jobs.hear(
            backend=BACKEND,
            attempt_id=attempt.pk,
            headers={"Authorization": f"Bearer {SECRET}"},
            body=json.dumps(said).encode(),
            now=scene.now,
        )
        (callback_id,) = Callback.objects.filter(attempt=attempt).values_list("pk", flat=True)
        jobs.apply_callback(callback_id=callback_id, now=scene.now)
        job = Job.objects.get(pk=job_id)
        return job.status == JobStatus.SUCCEEDED and job.charged_micros == job.quoted_micros

    def hear(self) -> bool:
        """Take an event of Stripe's down: proven, kept, and on its way to a worker."""
        now, event_id = self.scene.now, new_id("evt")
        body = json.dumps(
            {
                "id": event_id,
                "object": "event",
                "type": "customer.updated",
                "livemode": False,
                "created": int(now.timestamp()),
                "data": {"object": {"object": "customer", "id": "cus_bench"}},
            }
        ).encode()
        signed = f"{int(now.timestamp())}.".encode() + body
        proof = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        payments.hear(body=body, signature=f"t={int(now.timestamp())},v1={proof}", now=now)
        return StripeEvent.objects.filter(pk=event_id).exists()

    def publish(self) -> bool:
        """Write an event down, and have it sent."""
        with transaction.atomic(durable=True):
            event = webhooks.publish(
                account=self.scene.account, type="credits.low", data={}, now=self.scene.now
            )
        self._events.append(event.pk)
        return event.sequence is not None

    def deliver(self) -> bool:
        """Post the event that waits the longest to its receiver."""
        if not self._events:
            self.publish()
        delivery = Delivery.objects.get(event_id=self._events.pop(0))
        webhooks.deliver(delivery.pk, now=self.scene.now)
        delivery.refresh_from_db()
        return delivery.delivered_at is not None


@contextmanager
def _endpoint(now: datetime) -> Iterator[None]:
    """Have the bench's backend hear of all sandbox accounts' events, until the block ends."""
    with transaction.atomic(durable=True):
        endpoint: Endpoint = webhooks.create_endpoint(
            account=None,
            url=f"{settings.BACKENDS[BACKEND]['url']}/heard",
            events=["credits.low"],
            is_sandbox=True,
            now=now,
        )
    try:
        yield
    finally:
        with transaction.atomic(durable=True):
            webhooks.change_endpoint(endpoint, is_enabled=False, now=now)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def _film() -> str:
    """Return the smallest whole mp4, as an address: it says 7 s, and shows nothing."""
    says = _box(b"mvhd", struct.pack(">5I", 0, 0, 0, 1000, 7000))
    shows = _box(b"tkhd", bytes(76) + struct.pack(">2I", 1280 << 16, 720 << 16))
    head = _box(b"ftyp", b"isom\x00\x00\x02\x00") + _box(b"moov", says + _box(b"trak", shows))
    whole = base64.b64encode(head + _box(b"mdat", bytes(9))).decode()
    return f"data:video/mp4;base64,{whole}"


_FILM: Final = _film()
