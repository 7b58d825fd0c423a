"""What is remembered of a job: the order, its tries, what backends said, and the result."""

from billing.jobs.models.attempts import Attempt, Callback
from billing.jobs.models.files import LooseFile, Output
from billing.jobs.models.jobs import Job
from billing.jobs.models.quotes import Quote
from billing.jobs.names import _attempt_id, _callback_id, _job_id, _output_id, _quote_id

__all__ = [
    "Attempt",
    "Callback",
    "Job",
    "LooseFile",
    "Output",
    "Quote",
    # Migrations call these by the module's name.
    "_attempt_id",
    "_callback_id",
    "_job_id",
    "_output_id",
    "_quote_id",
]
