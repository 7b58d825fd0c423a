"""The shapes of quotes and jobs in REST: what comes in, what goes out."""

from billing.jobs.shapes.incoming import JobIn, SpecIn, read_order
from billing.jobs.shapes.jobs import OUTPUT_SALT, JobOut, OutputOut
from billing.jobs.shapes.quotes import QuoteOut, quote_body

__all__ = [
    "OUTPUT_SALT",
    "JobIn",
    "JobOut",
    "OutputOut",
    "QuoteOut",
    "SpecIn",
    "quote_body",
    "read_order",
]
