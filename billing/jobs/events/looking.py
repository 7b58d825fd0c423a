"""What is new of the jobs that somebody listens to: one question for all of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import close_old_connections, connection

from billing.jobs import shapes
from billing.jobs.lifecycle import FINAL
from billing.jobs.models import Job

# Whoever has heard nothing yet has heard version 0. A database that was put back to an earlier day
# may have lower versions than were told: different is enough.
_CHANGED = """
    SELECT job.id FROM unnest(%s::text[], %s::int[]) AS heard (id, version)
    JOIN billing_job AS job ON job.id = heard.id AND job.version <> heard.version
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A job at one version, as its listeners are told.

    Attributes:
        parts: names of events, and what they say as JSON on one line.
        is_over: the job has ended, and this is the last of it.
    """

    job_id: str
    version: int
    parts: Mapping[str, bytes]
    is_over: bool


def look(heard: Mapping[str, int]) -> list[Snapshot]:
    """Return the jobs that stand at another version than was heard; no job is locked.

    Args:
        heard: ids of jobs, each with the version that is known of it; 0: none.
    """
    close_old_connections()
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED, [list(heard), list(heard.values())])
        changed = [job_id for (job_id,) in cursor.fetchall()]
    found = Job.objects.filter(pk__in=changed).select_related("hold") if changed else []
    return [
        Snapshot(job.pk, job.version, shapes.event_parts(job), job.status in FINAL) for job in found
    ]
