"""What a job's listeners are told: shares of what REST says of it, in the same words."""

from collections.abc import Mapping
from typing import Final

from rest_framework.renderers import JSONRenderer

from billing.jobs.lifecycle import FINAL
from billing.jobs.models import Job
from billing.jobs.shapes.jobs import JobOut


class StatusEventOut(JobOut):
    """Where the job stands."""

    class Meta(JobOut.Meta):
        fields = [
            *("id", "status", "error", "late_success"),
            *("started_at", "cancel_requested_at", "finished_at"),
        ]


class ProgressEventOut(JobOut):
    """Which share is done."""

    class Meta(JobOut.Meta):
        fields = ["id", "progress"]


class SettlementEventOut(JobOut):
    """What it cost in the end."""

    class Meta(JobOut.Meta):
        fields = ["id", "credits", "price_lines"]


_SHAPES: Final[Mapping[str, type[JobOut]]] = {
    "status": StatusEventOut,
    "progress": ProgressEventOut,
    "settlement": SettlementEventOut,
}


def event_parts(job: Job) -> dict[str, bytes]:
    """Return what there is to tell of the job as it stands: the name of each event, and its JSON.

    A settlement is told once the job has ended.
    """
    names = [name for name in _SHAPES if name != "settlement" or job.status in FINAL]
    return {name: JSONRenderer().render(_SHAPES[name](job).data) for name in names}
