"""The shapes of quotes and jobs in REST: what comes in, what goes out."""

from billing.jobs.shapes.incoming import JobIn, SpecIn, read_order
from billing.jobs.shapes.jobs import OUTPUT_SALT, JobOut, OutputOut
from billing.jobs.shapes.quotes import QuoteOut, quote_body
from billing.jobs.shapes.usage import USAGE_PARAMETERS, UsageOut, read_usage, usage_body

__all__ = [
    "OUTPUT_SALT",
    "USAGE_PARAMETERS",
    "JobIn",
    "JobOut",
    "OutputOut",
    "QuoteOut",
    "SpecIn",
    "UsageOut",
    "quote_body",
    "read_order",
    "read_usage",
    "usage_body",
]
