"""The path of a job, verb by verb: quote, submit, dispatch, hear, end, cancel, sweep."""

from billing.jobs.services.canceling import cancel, cancel_at_backend, fail
from billing.jobs.services.dispatching import dispatch
from billing.jobs.services.forgetting import sweep_files
from billing.jobs.services.hearing import apply_callback
from billing.jobs.services.inbox import hear
from billing.jobs.services.ordering import quote, submit
from billing.jobs.services.picturing import make_thumbnail
from billing.jobs.services.placing import place_of
from billing.jobs.services.resolving import Finding, Outlook, Verdict, look, resolve
from billing.jobs.services.retrying import look_at_settlement, retry_settlement
from billing.jobs.services.sweeping import collect, expire_queued, sweep

__all__ = [
    "Finding",
    "Outlook",
    "Verdict",
    "apply_callback",
    "cancel",
    "cancel_at_backend",
    "collect",
    "dispatch",
    "expire_queued",
    "fail",
    "hear",
    "look",
    "look_at_settlement",
    "make_thumbnail",
    "place_of",
    "quote",
    "resolve",
    "retry_settlement",
    "submit",
    "sweep",
    "sweep_files",
]
