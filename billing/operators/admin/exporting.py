"""Tables that operators take along: each leaves a line in the access records."""

from datetime import datetime

from django.http import HttpRequest

from billing.operators import services
from billing.operators.addresses import address_of
from billing.operators.admin.acting import operator
from billing.operators.models import AccessRecord


def as_file(request: HttpRequest, name: str, *, now: datetime) -> dict[str, str]:
    """Write down that a table is taken along; return the headers that make it a CSV file."""
    services.note(
        AccessRecord.Kind.EXPORTED,
        operator=operator(request),
        address=address_of(request),
        what=name,
        now=now,
    )
    return {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
