"""The shapes of quotes and jobs in REST: what comes in, what goes out."""

from billing.jobs.shapes.events import event_parts
from billing.jobs.shapes.incoming import JobIn, SpecIn, read_order
from billing.jobs.shapes.jobs import (
    EVENTS_SALT,
    OUTPUT_SALT,
    THUMBNAIL_SALT,
    JobOut,
    OutputOut,
    events_address,
    version_of,
)
from billing.jobs.shapes.quotes import QuoteOut, quote_body
from billing.jobs.shapes.usage import USAGE_PARAMETERS, UsageOut, read_usage, usage_body

__all__ = [
    "EVENTS_SALT",
    "OUTPUT_SALT",
    "THUMBNAIL_SALT",
    "USAGE_PARAMETERS",
    "JobIn",
    "JobOut",
    "OutputOut",
    "QuoteOut",
    "SpecIn",
    "UsageOut",
    "event_parts",
    "events_address",
    "quote_body",
    "read_order",
    "read_usage",
    "usage_body",
    "version_of",
]
