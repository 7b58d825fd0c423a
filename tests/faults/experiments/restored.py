"""F21: the database is lost, and comes back as it was some seconds before: from a backup.

Whoever was answered in those seconds has lost what he was told; this counts it, by name. Nothing
older may be lost, nothing may be there twice, and what Stripe knows must come again, once.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from django.core.files.storage import default_storage

from billing.http.models import IdempotentAnswer
from billing.jobs.models import Attempt, Job, Output
from tests.faults import archiving, broker, buying, standby
from tests.faults import point as points
from tests.faults.archiving import Archive
from tests.faults.buying import Shop
from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import Field
from tests.faults.point import Point

_WITHIN_SECONDS: Final = 30.0
_SHOWN: Final = 12
# A fetch looks so far back: further than the backup is old.
_BEFORE: Final = timedelta(hours=1)


def run(field: Field, rounds: int, random: Random) -> Outcome:
    """Back up, write on, lose the database, restore, and ask Stripe; so many times."""
    archive = Archive(field)
    with archive.kept(field), field.load(f"F21 {random.random()}") as load:
        outcome = Outcome(load)
        for number in range(rounds):
            _round(field, field.shop, archive, outcome, random, name=f"f21-{number}")
        load.stop()
    return outcome


def _round(
    field: Field, shop: Shop, archive: Archive, outcome: Outcome, random: Random, *, name: str
) -> None:
    load = outcome.load
    backup = archiving.back_up(field, name)
    kept = [shop.arrive(f"{name}-{word}") for word in ("kept", "back", "back-at-stripe")]
    between, after = shop.arrive(f"{name}-between"), shop.arrive(f"{name}-after")
    for buyer in kept:
        shop.buy(buyer)
    page = shop.offer(between)
    load.live_for(random.uniform(1.0, 4.0))
    point = _now(field)
    load.live_for(random.uniform(2.0, 5.0))
    shop.pay(page)
    shop.wait_for(between)
    shop.buy(after)
    shop.pay_back(kept[1])
    shop.wait_until_stripe_knows(kept[1])
    shop.pay_back_at_stripe(kept[2])
    shop.peer.settle()
    archive.complete(field)

    began = time.monotonic()
    _lose(field)
    restored = archiving.restore(field, backup, archive, until=point.at)
    first = field.postgres
    field.take_over(restored)
    field.discard(first)
    field.forget_connections()
    broker.wipe(field)
    _forget(field, outcome, point)
    field.start_anew()
    _ask_stripe(outcome, since=point.at - _BEFORE)
    expected = {kept[0]: 1, kept[1]: 0, kept[2]: 0, between: 1, after: 1}
    _differ(outcome, shop, expected)
    _ask_stripe(outcome, since=point.at - _BEFORE)
    _differ(outcome, shop, expected)
    outcome.recover(began, mended_at=time.monotonic(), within_seconds=_WITHIN_SECONDS)
    _compare(outcome)


def _differ(outcome: Outcome, shop: Shop, expected: Mapping[str, int]) -> None:
    outcome.breaches += [one.said for one in shop.differences(expected)]


def _now(field: Field) -> Point:
    before = time.monotonic()
    with field.superuser() as session:
        row = session.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None, "it is one row"
    return Point(at=row[0].astimezone(UTC), before=before, after=time.monotonic())


def _lose(field: Field) -> None:
    """Kill all that asks the database, and then the database with its folder; GPUs work on."""
    ours = [field.service.web, *field.service.workers, field.service.scheduler]
    for machine in ours:
        machine.end()
    standby.crash(field.postgres)


def _forget(field: Field, outcome: Outcome, point: Point) -> None:
    """Tell what the restore has lost, see that it is what it had to be, and judge the rest."""
    load = outcome.load
    there = set(IdempotentAnswer.objects.values_list("key", flat=True))
    books = list(load.books)
    lost = points.lost(books, there)
    outcome.breaches += points.trespasses(books, there, point)
    outcome.notes.append(
        f"{len(lost)} acknowledged requests of {time.monotonic() - point.after:.0f} s are lost, "
        f"of {len(books)}: {', '.join(map(points.name, lost[:_SHOWN]))} …"
    )
    load.forget(points.gone(books, there))
    _tell_of_strays(field, outcome)


def _tell_of_strays(field: Field, outcome: Outcome) -> None:
    """Tell what lies at the backend and in the storage, and in no row."""
    attempts = set(Attempt.objects.values_list("pk", flat=True))
    strays = [one for one in field.gate.hand_overs if one.attempt not in attempts]
    new = {one.attempt for one in strays} - outcome.forgotten
    outcome.forgotten |= new
    prompts = {str(job.inputs.get("prompt")) for job in Job.objects.all()}
    again = sorted({one.prompt for one in strays if one.attempt in new and one.prompt in prompts})
    rows = {path for pair in Output.objects.values_list("path", "thumbnail_path") for path in pair}
    root = Path(default_storage.path("outputs"))
    files = [one for one in root.rglob("*") if one.is_file()] if root.exists() else []
    astray = sum(str(one.relative_to(root.parent)) not in rows for one in files)
    outcome.notes.append(
        f"{len(new)} attempts at the backend are of no row; of orders that came back, "
        f"{len(again)} begin again: {', '.join(again[:_SHOWN])}; {astray} files are of no row"
    )


def _ask_stripe(outcome: Outcome, *, since: datetime) -> None:
    words = ("replay_stripe_events", "--fetch", "--since", since.isoformat())
    code, said = buying.command(*words)
    outcome.notes.append(f"replay: {said.splitlines()[-2:]}")
    if code != 0:
        outcome.breaches.append(f"the replay ended with {code}: {said}")


def _compare(outcome: Outcome) -> None:
    """Ask the product's own two judges, while it works."""
    for words in (("reconcile", "--since", "1d"), ("audit",)):
        code, said = buying.command(*words)
        if code != 0:
            outcome.breaches.append(f"{words[0]} ended with {code}: {said}")


EXPERIMENT: Final = Experiment(
    "F21", "restored to an instant, Stripe asked again", 10, run, sells=False
)
