"""Why a job waits, in one word for whoever has ordered it."""

from datetime import datetime
from enum import StrEnum

from billing.fleet import services as fleet
from billing.fleet.services import Obstacle
from billing.jobs.lifecycle import JobStatus
from billing.jobs.models import Job
from billing.jobs.services import placing, queueing, routing
from billing.jobs.services.placing import Place
from plans import asking


class QueueReason(StrEnum):
    """What stands between a queued job and a backend."""

    LANE_HOURS = "lane_hours"  # its lane is closed at this time of the day
    ACCOUNT_LIMIT = "account_limit"  # its account has as many at work as its plan allows
    MAINTENANCE = "maintenance"  # operators keep every backend that makes it from new work
    BACKEND_DOWN = "backend_down"  # no backend that makes it can be reached, or works
    AT_CAPACITY = "at_capacity"  # every backend that makes it is busy


def standing_of(job: Job, *, now: datetime) -> tuple[Place, QueueReason | None]:
    """Return where a queued job stands, and why it waits, by one look at the fleet."""
    with asking.same_answers():
        placing.ask_ahead(job, now=now)
        return placing.place_of(job, now=now), queue_reason(job, now=now)


def queue_reason(job: Job, *, now: datetime) -> QueueReason | None:
    """Return why the job waits; None: it does not, or its turn comes at any moment.

    Of several backends the one that is nearest to taking it gives the reason.
    """
    if job.status != JobStatus.QUEUED:
        return None
    if queueing.lane_opens_at(job, now=now) > now:
        return QueueReason.LANE_HOURS
    if not queueing.has_turn(job, now=now):
        return QueueReason.ACCOUNT_LIMIT
    again = routing.again_at(job, now=now)
    found = {
        _obstacle(name, job, now) or (Obstacle.BACKEND_DOWN if again.get(name, now) > now else None)
        for name in routing.serving(job)
    }
    if not found:
        return QueueReason.BACKEND_DOWN
    if None in found:
        return None
    nearest = (Obstacle.AT_CAPACITY, Obstacle.BACKEND_DOWN, Obstacle.MAINTENANCE)
    return QueueReason(next(obstacle for obstacle in nearest if obstacle in found))


def _obstacle(name: str, job: Job, now: datetime) -> Obstacle | None:
    return fleet.obstacle_of(name, model=job.model, in_flight=queueing.in_flight, now=now)
