"""A good end in the database, small: made by the product's own services, with books like a load's.

No server runs: the clients' requests go through Django's own client, and the backend's word is
said by the test.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.test import Client

from billing.accounts import tokens
from billing.accounts.services import create_api_key
from billing.jobs.models import Attempt, Job
from billing.jobs.services import ending
from billing.jobs.services.ending import StoredOutput
from billing.ledger.models import Wallet
from billing.outbox import services as outbox
from billing.outbox.models import Message
from plans.catalog import publish
from tests import factories
from tests.faults import load as loads
from tests.faults.books import Ask, Written
from tests.faults.field import GIVEN
from tests.faults.load import POOR, Load, People
from tests.jobs import shop
from tests.kills import blowing
from tests.kills.gate import HandOver

FILM = b"a film"
CUSTOMERS = 2  # of those who are not poor; a verdict of a whole field has more


class Asking(Load):
    """A load's books and words, without its threads: each request is asked for by name."""

    def ask(self, written: Written) -> Written:
        """Write a request down, send it, and write down what was heard."""
        self.books.append(written)
        self._try(written)
        return written

    def order(self, customer: int) -> Written:
        """Order a video."""
        return self.ask(self._order(next(self._numbers), customer, Random(1)))

    def cancel(self, order: Written) -> Written:
        """Take an order back."""
        return self.ask(loads._cancellation(next(self._numbers), order))

    def give(self, customer: int, credits_: int) -> Written:
        """Have the platform's server give credits."""
        return self.ask(loads._gift(next(self._numbers), customer, credits_))

    def claim(self, customer: int) -> Written:
        """Check in."""
        number = next(self._numbers)
        return self.ask(loads._written(number, customer, Ask.CLAIM, "/v1/check-in", {}))

    def _once(
        self, method: str, path: str, body: object, headers: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        client = Client(raise_request_exception=False)
        content = "" if body is None else json.dumps(body)
        said = {name: word for name, word in headers.items() if name != "Content-Type"}
        answer = client.generic(method, path, content, "application/json", headers=said)
        return answer.status_code, {**answer.json(), "Retry-After": answer.get("Retry-After", "")}


@dataclass(frozen=True)
class World:
    """What was asked for, those parts of a field that a verdict looks at, and the rows by name."""

    load: Asking
    field: Any
    rows: dict[str, str]


def good_end(folder: Path) -> World:
    """Have a job succeed, another be canceled, a gift, a check-in, and a poor customer refused."""
    now = datetime.now(UTC)
    publish.publish(f"{shop.HEAD}\n{shop.CREDIT}\n{blowing.CATALOG}", now=now)
    load = Asking(_people(now), count(1), port=0, chance="", clients=0)
    ordered, canceled = load.order(0), load.order(0)
    load.cancel(canceled)
    gift, claim = load.give(0, 40), load.claim(0)
    refused = load.order(CUSTOMERS)
    made = Job.objects.get(pk=ordered.answer["id"])
    attempt = _succeed(made)
    for message in Message.objects.filter(ring_at__isnull=False):
        outbox.begin(message.pk, now=datetime.now(UTC))
        outbox.finish(message.pk, now=datetime.now(UTC))
    prompt = str(made.inputs["prompt"])
    journal = folder / "journal"
    journal.write_text(
        "".join(json.dumps({"event": one, "prompt": prompt}) + "\n" for one in ("start", "film"))
    )
    digest = hashlib.sha256(FILM).hexdigest()
    return World(
        load,
        SimpleNamespace(
            service=SimpleNamespace(journal=journal, film_digest=lambda: digest),
            gate=SimpleNamespace(hand_overs=[HandOver(attempt, prompt, 0.0, 201)]),
            fallen=list,
        ),
        {
            "job": made.pk,
            "canceled": str(canceled.answer["id"]),
            "gift": str(gift.answer["id"]),
            "claim": str(claim.answer["id"]),
            "ordered": str(ordered.number),
            "refused": str(refused.number),
            "wallet": _wallet(load, 0),
            "other": _wallet(load, 1),
            "poor": _wallet(load, CUSTOMERS),
            "message": Message.objects.earliest("pk").pk,
            "another_film": default_storage.save("outputs/other.mp4", ContentFile(b"another")),
        },
    )


def _people(now: datetime) -> People:
    names = [f"planted-{number}" for number in range(CUSTOMERS + POOR)]
    for name in names[:CUSTOMERS]:
        factories.give(factories.new_account(name, is_sandbox=False), GIVEN)
    for name in names[CUSTOMERS:]:
        factories.new_account(name, is_sandbox=False)
    signed = [tokens.sign(name, lifetime=timedelta(days=2), now=now) for name in names]
    _key, secret = create_api_key("planted", ["grants:write"], now=now)
    return People(names, signed, secret)


def _succeed(job: Job) -> str:
    """Have a backend make the film; return the attempt."""
    shop._send(job)
    path = default_storage.save(f"outputs/{job.pk}.mp4", ContentFile(FILM))
    film = StoredOutput(
        path=path,
        mime="video/mp4",
        bytes=len(FILM),
        sha256=hashlib.sha256(FILM).hexdigest(),
        milliseconds=60_000,
        width=1280,
        height=720,
    )
    with transaction.atomic():
        locked, attempt = ending.lock_attempt(job.attempts.get().pk)
        ending.end_attempt(attempt, outcome="succeeded", now=datetime.now(UTC))
        ending.succeed(locked, [film], actor=shop.BACKEND, now=datetime.now(UTC), usage=None)
    return Attempt.objects.get(job=job).pk


def _wallet(load: Load, customer: int) -> str:
    load.balance(customer)  # whoever looks has one
    return Wallet.objects.get(account__external_id=load.people.names[customer]).pk
