"""What Celery runs for jobs: ids in, one service each."""

from celery import shared_task
from django.utils import timezone

from billing.jobs import services
from billing.outbox.names import TaskName
from billing.outbox.tasks import InHand, errand


@errand(TaskName.DISPATCH_JOB)
def dispatch_job(*, job_id: str, **_future: object) -> None:
    """Hand a job to a backend; if this dies, the attempt's lease runs out and the sweep asks."""
    services.dispatch(job_id=job_id, now=timezone.now())


@errand(TaskName.CANCEL_JOB)
def cancel_job(*, job_id: str, **_future: object) -> None:
    """Ask the backend to stop; unanswered, the sweep goes on asking where the job is."""
    services.cancel_at_backend(job_id=job_id, now=timezone.now())


@errand(TaskName.APPLY_CALLBACK)
def apply_callback(*, callback_id: str, **_future: object) -> None:
    """Make true what a backend said; retried by the outbox until it is."""
    if not services.apply_callback(callback_id=callback_id, now=timezone.now()):
        raise InHand


@errand(TaskName.COLLECT_OUTPUTS)
def collect_outputs(*, attempt_id: str, **_future: object) -> None:
    """Copy what an attempt has made, and settle; asked for again by the sweep until it is done."""
    if not services.collect(attempt_id=attempt_id, now=timezone.now()):
        raise InHand


@errand(TaskName.MAKE_THUMBNAIL)
def make_thumbnail(*, output_id: str, **_future: object) -> None:
    """Make a film's small picture; the job has ended well with or without it."""
    services.make_thumbnail(output_id=output_id, now=timezone.now())


@shared_task(name=TaskName.SWEEP_JOBS.value, acks_late=False, ignore_result=True, typing=False)
def sweep_jobs(**_future: object) -> None:
    """Look after what nobody reported. Runs every few seconds; a missed run only delays."""
    services.sweep(now=timezone.now())


@shared_task(name=TaskName.SWEEP_FILES.value, acks_late=False, ignore_result=True, typing=False)
def sweep_files(**_future: object) -> None:
    """Delete files whose time is over, and those that nobody owns; a missed run only delays."""
    services.sweep_files(now=timezone.now())
