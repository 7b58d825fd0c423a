"""What each kind of operator may see and do. Pure: `services.keeping` makes groups of it.

A superuser may do everything; that is for the day when nothing else helps.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """The groups of operators; a person may be in several."""

    VIEWER = "viewer"
    SUPPORT = "support"
    FINANCE = "finance"
    CATALOG_MANAGER = "catalog manager"


# Whose windows a role sees: those of an app, without the ones that only superusers open.
APPS: Final[Mapping[Role, frozenset[str]]] = {
    Role.VIEWER: frozenset({"billing", "plans"}),
    Role.SUPPORT: frozenset({"billing", "plans"}),
    Role.FINANCE: frozenset({"billing", "plans"}),
    Role.CATALOG_MANAGER: frozenset({"plans"}),
}
# Who came in, and by what: that is told to those alone who can shut somebody out.
HIDDEN: Final = frozenset({"accessrecord", "authenticator", "recoverycode", "trycount"})

# What a role may do beside looking. Who asks for money or credits never decides on it: asking is
# support's, deciding is finance's, and a person in both still decides on no request of his own.
ACTS: Final[Mapping[Role, frozenset[str]]] = {
    Role.VIEWER: frozenset(),
    Role.SUPPORT: frozenset(
        {
            "billing.fail_job",
            "billing.resolve_job",
            "billing.request_adjustment",
            "billing.request_compensation",
            "billing.request_campaignrun",
            "billing.request_refund",
            "billing.freeze_account",
            "billing.revoke_apikey",
            "billing.revoke_redemptioncode",
            "billing.admit_freetier",
            "billing.send_notice",
            "billing.change_message",
            "billing.set_mode_backendstate",
            "billing.reset_breaker",
            "billing.operate_endpoint",
            "billing.write_accountnote",
            "billing.handle_alert",
        }
    ),
    Role.FINANCE: frozenset(
        {
            "billing.approve_adjustment",
            "billing.approve_compensation",
            "billing.approve_campaignrun",
            "billing.approve_refund",
            "billing.resume_grants",
            "billing.change_stripeevent",
            "billing.write_accountnote",
            "plans.approve_publicationrequest",
            "plans.take_back_publicationrequest",
        }
    ),
    Role.CATALOG_MANAGER: frozenset(
        {
            "plans.edit_draft",
            "plans.request_publicationrequest",
            "plans.approve_publicationrequest",
            "plans.take_back_publicationrequest",
        }
    ),
}
