"""What was seen of a storm by those outside, and what the database says of it."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.core.files.storage import default_storage
from django.db.models import Count, Sum

from billing.insights import audit
from billing.jobs.lifecycle import FINAL
from billing.jobs.models import Attempt, Callback, Job, Output
from billing.ledger.models import Entry
from billing.outbox.models import Message
from plans.credits import MICROS, parse_micros
from tests.kills.customers import Heard
from tests.kills.gate import HandOver
from tests.kills.plan import Asked, Order


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A job as the database has it.

    Attributes:
        order: the number of its order, as it came with it.
        is_to_cancel: whether the wish to cancel it was written down.
        moved: by kind of movement of its hold, how many micros.
        twice: kinds of movement that one lot of its hold has more than once.
        films: the SHA-256 digests of its files, as they lie in the storage.
    """

    id: str
    order: int
    status: str
    failure_class: str
    charged_micros: int
    is_late: bool
    hold_state: str
    hold_micros: int
    captured_micros: int
    moved: Mapping[str, int] = field(default_factory=dict)
    twice: Sequence[str] = ()
    films: Sequence[str] = ()
    account: str = ""
    is_to_cancel: bool = False

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the checkers may judge.

    Attributes:
        starts, films: how often the predictor began, and finished, each prompt.
        given_micros: what each customer was given before the storm.
        balances: what the API says that each customer may spend, and what is held.
        films_of_the_house: the digest of the one film that there is.
        struck: how many kills, wipes and zombies there were.
    """

    asked: Asked
    orders: Sequence[Order]
    heard: Heard
    jobs: Sequence[JobSeen]
    attempts: Mapping[str, str]
    live_attempts: Sequence[str]
    hand_overs: Sequence[HandOver]
    starts: Mapping[str, int]
    films: Mapping[str, int]
    given_micros: int
    balances: Mapping[int, tuple[int, int]]
    digest: str
    open_messages: Sequence[str]
    dead_messages: Sequence[str]
    unapplied: Sequence[str]
    breaches: Sequence[str]
    kills: int
    wipes: int
    zombies: int


def what_is_left() -> str:
    """Say what has not ended yet; "" when all has."""
    left = {
        "jobs": Job.objects.exclude(status__in=FINAL).count(),
        "attempts": Attempt.objects.exclude(state=Attempt.State.ENDED).count(),
        "messages": Message.objects.filter(ring_at__isnull=False).count(),
        "callbacks": Callback.objects.filter(applied_at=None).count(),
    }
    return ", ".join(f"{number} {name}" for name, number in left.items() if number)


def jobs() -> list[JobSeen]:
    """Return every job."""
    moved: dict[str, dict[str, int]] = defaultdict(dict)
    twice: dict[str, list[str]] = defaultdict(list)
    rows = Entry.objects.exclude(hold=None).exclude(kind="hold")
    for hold, kind, micros in rows.values_list("hold", "kind").annotate(Sum("amount_micros")):
        moved[hold][kind] = micros
    lots = rows.values_list("hold", "grant", "kind").annotate(number=Count("pk"))
    for hold, _grant, kind, _number in lots.filter(number__gt=1):
        twice[hold].append(kind)
    films = _films()
    return [
        JobSeen(
            id=job.pk,
            order=int(job.metadata.get("order", -1)),
            status=job.status,
            failure_class=job.failure_class,
            charged_micros=job.charged_micros or 0,
            is_late=job.late_success_at is not None,
            hold_state=job.hold.state,
            hold_micros=job.hold.amount_micros,
            captured_micros=job.hold.captured_micros,
            moved=moved.get(job.hold_id, {}),
            twice=twice.get(job.hold_id, []),
            films=films.get(job.pk, []),
            account=job.account_id,
            is_to_cancel=job.cancel_requested_at is not None,
        )
        for job in Job.objects.select_related("hold").order_by("pk")
    ]


def _films() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for job_id, path in Output.objects.values_list("job", "path"):
        with default_storage.open(path) as file:
            found[job_id].append(hashlib.sha256(file.read()).hexdigest())
    return found


def journal(path: Path) -> dict[str, Counter[str]]:
    """Return by event how often each prompt had it."""
    found: dict[str, Counter[str]] = {"start": Counter(), "film": Counter()}
    for line in path.read_text().splitlines() if path.exists() else []:
        told = json.loads(line)
        found[told["event"]][told["prompt"]] += 1
    return found


def attempts() -> dict[str, str]:
    """Return of each attempt how it ended."""
    return dict(Attempt.objects.values_list("pk", "outcome"))


def live_attempts() -> list[str]:
    """Return the attempts that have not ended."""
    live = Attempt.objects.exclude(state=Attempt.State.ENDED)
    return list(live.values_list("pk", flat=True))


def open_messages() -> list[str]:
    """Return the errands that are still to be run."""
    return [str(one) for one in Message.objects.filter(ring_at__isnull=False)]


def dead_messages() -> list[str]:
    """Return the errands that were given up, with the reason."""
    return [f"{one}: {one.error}" for one in Message.objects.filter(dead_at__isnull=False)]


def unapplied() -> list[str]:
    """Return the callbacks that were heard and not applied."""
    return list(Callback.objects.filter(applied_at=None).values_list("pk", flat=True))


def breaches() -> list[str]:
    """Return what the audit finds."""
    return [str(breach) for breach in audit.breaches()]


def micros(written: str) -> int:
    """Return an amount of the API's in micros."""
    return parse_micros(written)


def credits_of(order: Order) -> int:
    """Return the price of an order in micros."""
    return order.price * MICROS
