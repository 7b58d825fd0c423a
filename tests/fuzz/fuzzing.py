"""One run: a platform, its people, all that they ask, and what was answered."""

import json
import os
import sys
import time
import urllib.request
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import Any

from django.core.management import call_command

from plans.catalog import publish
from tests.deliveries.service import Service
from tests.fuzz import garbage, people, plan, shop
from tests.fuzz.plan import Asked
from tests.fuzz.shooting import Task, labels, shoot
from tests.fuzz.tally import Tally
from tests.stripe_peer.driver import Peer


def fuzz(asked: Asked, service: Service, peer: Peer) -> int:
    """Have it all asked; print what was seen; return how many flaws there are."""
    publish.publish(shop.CATALOG, now=datetime.now(UTC))
    call_command("sync_prices", verbosity=0)
    try:
        service.start()
        peer.listen(f"http://127.0.0.1:{service.port}/webhooks/stripe")
        scene = people.set_up(service.port, peer)
        began = time.monotonic()
        tally = _ask(asked, scene, port=service.port)
        seconds = time.monotonic() - began
    finally:
        service.end()
    return _tell(tally, seconds=seconds)


def _ask(asked: Asked, scene: people.Scene, *, port: int) -> Tally:
    url = f"http://127.0.0.1:{port}"
    document = _document(url)
    operations = labels(document)
    tally = Tally(operations, tell=_say)
    credentials = [one.credential for one in scene.people.values() if one.credential]
    garbage.throw(
        plan.garbage(asked), port=port, chance=asked.chance, credentials=credentials, tally=tally
    )
    tasks = [
        Task(
            role=role,
            person=scene.people[role],
            document=document,
            values=scene.values,
            url=url,
            requests=share,
            walked=plan.walked(asked, role, operations),
            seed=asked.seed,
        )
        for role, share in plan.shares(asked).items()
    ]
    # Processes, not threads: Hypothesis and deep recursion do not share a Python.
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(shoot, task) for task in tasks]):
            seen = done.result()
            tally.add(seen.role, seen.answers, seen.flaws)
            _say(f"  {seen.role}: {seen.answers.total()} requests")
    return tally


def _document(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/v1/openapi.json", timeout=60) as answer:  # noqa: S310 (our own)
        document: dict[str, Any] = json.load(answer)
    return document


def _tell(tally: Tally, *, seconds: float) -> int:
    for line in tally.lines():
        _say(line)
    told = {**tally.summary(), "seconds": round(seconds)}
    _say(json.dumps(told))
    return len(tally.flaws)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
