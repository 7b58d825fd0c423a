"""A backend that has made films and lets them be downloaded: its word is told, its wire is real."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.egress import FetchPolicy
from billing.gpu import registry
from billing.gpu.adapters.cog.adapter import CogBackend
from billing.gpu.outputs import read_outputs
from billing.gpu.protocol import AttemptView, Caps, Output, State, Status
from billing.jobs import services as jobs
from billing.jobs.models import Attempt, Job
from billing.jobs.orders import JobOrder
from billing.ledger.models import Entry, Hold
from billing.ledger.services import Actor
from tests import factories
from tests.jobs.clock import now_plus

_PATIENT = FetchPolicy(allowed=(ipaddress.ip_network("127.0.0.0/8"),), silence_seconds=30)
# For servers that never end: whatever the load, they are too late.
HASTY = replace(_PATIENT, timeout_seconds=1, silence_seconds=0.3)


@dataclass(frozen=True, kw_only=True)
class Gallery(CogBackend):
    """Says of every attempt that its films stand at `addresses`; `hasty` ones are left soon."""

    addresses: list[str] = field(default_factory=list)
    hasty: set[str] = field(default_factory=set)
    kept_seconds: list[int | None] = field(default_factory=lambda: [3600])

    @property
    def caps(self) -> Caps:
        return Caps(poll=True, output_ttl_seconds=self.kept_seconds[-1])

    def poll(self, attempt: AttemptView) -> Status:
        return Status(state=State.SUCCEEDED, outputs=tuple(self.addresses))

    def fetch_outputs(self, status: Status) -> Iterator[Output]:
        policy = HASTY if self.hasty.intersection(status.outputs) else _PATIENT
        return read_outputs(status.outputs, policy=policy)


def open_gallery(monkeypatch: pytest.MonkeyPatch) -> Gallery:
    """Put a gallery in the place of every backend."""
    gallery = Gallery(base_url="http://127.0.0.1:9", secret="a-secret-that-guards-nothing")
    monkeypatch.setattr(registry, "backend_for", lambda _name: gallery)
    return gallery


def running(account: Account, **more: object) -> Attempt:
    """Return the attempt of a job that is being made; `more` are its dimensions."""
    factories.give(account, 1000)
    spec = {"model": "kling-v1-6", "mode": "std", "seconds": 5, **more}
    order = JobOrder(spec=spec, inputs={"prompt": "a kite"})
    with transaction.atomic():
        job = jobs.submit(account=account, order=order, actor=Actor("user", "ada"), now=now_plus())
    Job.objects.filter(pk=job.pk).update(
        status="running", started_at=now_plus(), deadline_at=now_plus(minutes=15)
    )
    return Attempt.objects.create(
        job=job,
        number=1,
        backend="away",
        state="accepted",
        provider_id="task-1",
        lease_until=now_plus(),
        check_at=now_plus(),
        created_at=now_plus(),
    )


def moved() -> tuple[object, ...]:
    """Return all that credits are, to compare before and after."""
    return (
        list(Entry.objects.order_by("pk").values_list("pk", "digest")),
        list(Hold.objects.order_by("pk").values_list("pk", "state", "captured_micros")),
        list(Job.objects.order_by("pk").values_list("pk", "status")),
    )
