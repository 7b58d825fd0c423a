"""The path of a job, verb by verb: quote, submit, dispatch, hear, end, cancel, sweep."""

from billing.jobs.services.canceling import cancel, cancel_at_backend, fail
from billing.jobs.services.dispatching import dispatch
from billing.jobs.services.hearing import apply_callback, hear
from billing.jobs.services.ordering import quote, submit
from billing.jobs.services.sweeping import expire_queued, sweep

__all__ = [
    "apply_callback",
    "cancel",
    "cancel_at_backend",
    "dispatch",
    "expire_queued",
    "fail",
    "hear",
    "quote",
    "submit",
    "sweep",
]
