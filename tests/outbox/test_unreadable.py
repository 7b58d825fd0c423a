"""What nobody can read ends no worker, and holds nothing up that comes after it."""

from datetime import datetime

import pytest
from django.db import transaction

from billing.outbox import services
from tests.outbox.cast import Broker, StartWorker, Until
from tests.outbox.errands import PROBE
from tests.outbox.unreadable import ENTRIES, OURS


@pytest.mark.django_db(transaction=True)
def test_a_worker_outlives_everything_that_it_cannot_read(
    broker: Broker, worker: StartWorker, until: Until, now: datetime
) -> None:
    with worker():
        for number, entry in enumerate(ENTRIES.values()):
            broker.put(entry)
            with transaction.atomic():
                services.post(PROBE, now=now, key=f"job_{number}")
            until(lambda: broker.runs_of(f"job_{number}") == 1)  # noqa: B023 (it is called at once)


@pytest.mark.django_db(transaction=True)
def test_what_comes_twice_by_the_same_name_takes_nobodys_place(
    broker: Broker, worker: StartWorker, until: Until, now: datetime
) -> None:
    for entry in OURS:
        broker.put(entry)
        broker.put(entry)
    with transaction.atomic():
        services.post(PROBE, now=now, key="job_1")

    with worker():
        until(lambda: broker.runs_of("job_1") == 1)
