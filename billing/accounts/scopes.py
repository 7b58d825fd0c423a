"""What a service key may be allowed to do; pure."""

from enum import StrEnum
from typing import Final


class Scope(StrEnum):
    """One kind of act for an account; the names are public."""

    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    BALANCE_READ = "balance:read"
    GRANTS_WRITE = "grants:write"
    SUBSCRIPTIONS_WRITE = "subscriptions:write"
    WEBHOOKS_WRITE = "webhooks:write"
    EXPORTS_READ = "exports:read"
    ACCOUNTS_WRITE = "accounts:write"


# What a person may do with his own account. Making credits and accounts is for services alone.
OF_A_USER: Final = frozenset(
    {
        Scope.JOBS_READ,
        Scope.JOBS_WRITE,
        Scope.BALANCE_READ,
        Scope.SUBSCRIPTIONS_WRITE,
        Scope.WEBHOOKS_WRITE,
        Scope.EXPORTS_READ,
    }
)
# A tuple, not a set: a constraint is built from it.
ALL: Final = tuple(scope.value for scope in Scope)
