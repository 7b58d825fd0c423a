"""Backends that misbehave, an order at one of them, and what a wrong word may not move."""

import base64
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]  # it ships no types
import pytest
from django.db import connection

from billing.accounts.models import Account
from billing.gpu import adapters
from billing.gpu.protocol import Caps
from billing.insights import audit
from billing.jobs import services as jobs
from billing.jobs.models import Attempt, Job
from billing.jobs.orders import JobOrder
from billing.ledger.models import Entry, Hold
from billing.outbox.models import Message
from tests import factories
from tests.gpu import polled
from tests.gpu.faulty import Faulty, Script
from tests.jobs import shop

SECRET = "a-secret-that-guards-nothing"


def now() -> datetime:
    """Return the real instant, as an edge would."""
    return datetime.now(UTC)


def later(**by: float) -> datetime:
    """Return an instant after now."""
    return now() + timedelta(**by)


def entry(url: str, **more: object) -> dict[str, object]:
    """Return an entry of BACKENDS for a server at `url`."""
    return {"kind": "cog", "url": url, "secret": SECRET, "models": ["m"], "concurrency": 2, **more}


def order(account: Account, wish: JobOrder | None = None) -> Job:
    """Place an order, and let no message be on its way: the test itself is the worker."""
    job = shop.submit(account, wish)
    forget_messages()
    return job


def forget_messages() -> None:
    """Let every message be done: what is posted from here on is seen alone."""
    Message.objects.update(ring_at=None, done_at=now())


def dispatch(job: Job, *, at: datetime | None = None) -> Job:
    """Hand the job over, as a worker does; return it as it stands then."""
    jobs.dispatch(job_id=job.pk, now=at or now())
    return fresh(job)


def fresh(job: Job) -> Job:
    """Return the job as it stands, once every rule of the database and of the audit was asked."""
    connection.check_constraints()
    assert [str(breach) for breach in audit.breaches()] == []
    return Job.objects.select_related("hold", "account").get(pk=job.pk)


def attempt_of(job: Job) -> Attempt:
    """Return the job's last attempt."""
    return job.attempts.order_by("-number")[:1].get()


def money(job: Job) -> tuple[str, list[bytes]]:
    """Return the state of the job's hold and every entry of its wallet, to compare."""
    hold = Hold.objects.get(pk=job.hold_id)
    entries = Entry.objects.filter(wallet=hold.wallet_id).order_by("seq")
    return hold.state, [bytes(digest) for digest in entries.values_list("digest", flat=True)]


def rung() -> list[str]:
    """Return the jobs for which a worker is called."""
    open_ = Message.objects.filter(task="jobs.dispatch", done_at=None)
    return [message.arguments["job_id"] for message in open_.order_by("pk")]


@cache
def film() -> str:
    """Return a real video of a minute, longer than any that is ordered, inline."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        subprocess.run(  # noqa: S603 (our own arguments)
            [
                imageio_ffmpeg.get_ffmpeg_exe(),
                *("-loglevel", "error", "-f", "lavfi", "-i", "color=size=64x36:rate=1:duration=60"),
                *("-pix_fmt", "yuv420p", str(path)),
            ],
            check=True,
        )
        return f"data:video/mp4;base64,{base64.b64encode(path.read_bytes()).decode()}"


@pytest.fixture
def shopper(ada: Account) -> Account:
    """Ada has credits, in a shop of one model."""
    shop.open_shop()
    factories.give(ada, 1000)
    return ada


@pytest.fixture
def faulty() -> Iterator["Faulties"]:
    """Return what starts misbehaving servers."""
    started = Faulties()
    yield started
    for one in started:
        one.close()


class Faulties(list[Faulty]):
    """Servers that a test has started."""

    def start(self, script: Script) -> Faulty:
        """Start one more."""
        self.append(Faulty(script))
        return self[-1]


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[polled.Vendor]:
    """Return a vendor that is polled, whose kind the registry knows."""
    know(monkeypatch)
    started = polled.Vendor()
    yield started
    started.close()


def know(monkeypatch: pytest.MonkeyPatch, caps: Caps = polled.CAPS) -> None:
    """Let the registry know the kind `polled`, with these abilities."""
    known = {**adapters.kinds(), "polled": polled.kind(caps)}
    monkeypatch.setattr(adapters, "kinds", lambda: known)
