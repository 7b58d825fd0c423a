"""Puts drafts beside the catalog in force: asked for by a person, made by a worker, and kept."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from billing.insights import history
from billing.lab import effects
from billing.lab.effects import Question
from billing.lab.errors import InvalidRange, NoCatalogYet
from billing.lab.services.permitting import require_permission
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.transactions import forbid_transaction
from plans import drafting
from plans import selectors as plans
from plans.catalog import publish
from plans.errors import CatalogInvalid
from plans.models import Draft, Simulation

RANGE_MAX: Final = timedelta(days=366)
# A worker says a word at least as often while it lives.
_SILENCE: Final = timedelta(minutes=2)

_log = structlog.get_logger(__name__)


@transaction.atomic(durable=True)
def request_simulation(
    *,
    draft: Draft,
    since: datetime,
    until: datetime,
    as_of: datetime | None = None,
    requester: User,
    now: datetime,
) -> Simulation:
    """A worker will put the draft's newest revision beside the catalog in force.

    The same question, asked again while the first waits or runs, is the first.

    Args:
        until: the first instant outside; what is ahead of `now` has no jobs.
        as_of: as `effects.Question`.

    Raises:
        Forbidden: he may not.
        NoCatalogYet: the draft cannot be published as it stands.
        InvalidRange: no time, or more than a year.
        NoCatalog: nothing is in force.
    """
    require_permission(requester, "edit_draft")
    if not timedelta(0) < until - since <= RANGE_MAX:
        raise InvalidRange(_("Choose a stretch of time of at most a year."), field="since")
    revision = drafting.revision_of(Draft.objects.select_for_update().get(pk=draft.pk))
    require_catalog(revision.source)
    asked = {
        "revision": revision,
        "against_id": plans.current().version_id,
        "since": since,
        "until": until,
        "as_of": as_of,
    }
    open_ones = Simulation.objects.filter(
        draft=draft, state__in=[Simulation.State.WAITING, Simulation.State.RUNNING], **asked
    )
    known = open_ones.exclude(beat_at__lt=now - _SILENCE).order_by("-pk").first()
    if known is not None:
        return known
    made = Simulation.objects.create(draft=draft, requester=requester, requested_at=now, **asked)
    outbox.post(TaskName.SIMULATE_DRAFT, now=now, simulation_id=made.pk)
    return made


def simulate(simulation_id: str, *, clock: Callable[[], datetime]) -> bool:
    """The result is written down, or why there is none. False: another worker is at it.

    Long reads, with a word about how far it is between them; a run that was overtaken by another
    writes nothing more.

    Args:
        clock: returns the real instant; it is asked as the work goes on.
    """
    forbid_transaction("lab.simulate")
    found = Simulation.objects.filter(pk=simulation_id, state=Simulation.State.RUNNING)
    if found.filter(beat_at__gt=clock() - _SILENCE).exists():
        return False
    taken = _take(simulation_id, clock())
    if taken is None:
        return True
    own = Simulation.objects.filter(pk=taken.pk, run=taken.run, state=Simulation.State.RUNNING)
    try:
        question = Question(
            new=publish.read(taken.revision.source).catalog,
            old=plans.version(taken.against_id).catalog,
            since=taken.since,
            until=taken.until,
            as_of=taken.as_of,
        )
        own.update(jobs_count=history.count(since=taken.since, until=taken.until, is_sandbox=False))
        result = effects.measure(
            question, told=lambda done: _go_on(own.update(jobs_done=done, beat_at=clock()))
        )
    except _Overtaken:
        return True
    except Exception as problem:  # noqa: BLE001 (whatever it is, its asker reads of it)
        _log.exception("simulation_failed", simulation_id=simulation_id)
        own.update(
            state=Simulation.State.FAILED, trouble=type(problem).__name__, finished_at=clock()
        )
        return True
    own.update(state=Simulation.State.DONE, result=result, finished_at=clock())
    return True


def require_catalog(source: str) -> None:
    """Check that a text could be published.

    Raises:
        NoCatalogYet: it could not; with the first thing that is wrong.
    """
    try:
        publish.read(source)
    except CatalogInvalid as invalid:
        first = invalid.problems[0]
        said = f"{first.line}: {first.key}: {first.sentence}"
        raise NoCatalogYet(first=said) from invalid


class _Overtaken(Exception):
    """Another run has begun, or somebody has ended this one."""


def _go_on(written: int) -> None:
    if not written:
        raise _Overtaken


@transaction.atomic(durable=True)
def _take(simulation_id: str, now: datetime) -> Simulation | None:
    """Begin a run; None: it has ended, or another has begun."""
    simulation = (
        Simulation.objects.select_for_update(of=("self",))
        .select_related("revision")
        .get(pk=simulation_id)
    )
    if simulation.state not in {Simulation.State.WAITING, Simulation.State.RUNNING}:
        return None
    if simulation.beat_at is not None and simulation.beat_at > now - _SILENCE:
        return None
    simulation.state = Simulation.State.RUNNING
    simulation.run += 1
    simulation.jobs_done = 0
    simulation.started_at = simulation.beat_at = now
    simulation.save(update_fields=["state", "run", "jobs_done", "started_at", "beat_at"])
    return simulation
