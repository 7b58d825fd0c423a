"""What must hold of the rows: each check asks for the ids of those that break it.

An answer without rows is what is wanted. One file a domain; `ALL` has them in this order.
"""

from typing import Final

from billing.insights.checks import (
    corrections,
    jobs,
    ledger,
    links,
    organizations,
    owing,
    partners,
    payments,
    sales,
)

# The invariant's number, what is wrong with the row, and the question.
Check = tuple[str, str, str]
ALL: Final[tuple[Check, ...]] = (
    *ledger.CHECKS,
    *links.CHECKS,
    *owing.CHECKS,
    *jobs.CHECKS,
    *sales.CHECKS,
    *organizations.CHECKS,
    *corrections.CHECKS,
    *partners.CHECKS,
    *payments.CHECKS,
)
