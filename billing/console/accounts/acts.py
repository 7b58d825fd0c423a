"""What can be done for an account from its page: ways to the forms of others, with it chosen."""

from typing import Final

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy

from billing.accounts.models import Account

# Who may do it, where its form is, and what it does.
_ACTS: Final[tuple[tuple[str, str, Promise], ...]] = (
    (
        "billing.request_adjustment",
        "admin:billing_adjustment_ask",
        gettext_lazy("Give or take credits"),
    ),
    (
        "billing.request_compensation",
        "admin:billing_compensation_ask",
        gettext_lazy("Make good an incident"),
    ),
    ("billing.request_refund", "admin:billing_refund_ask", gettext_lazy("Give money back")),
    ("billing.freeze_account", "admin:billing_freeze_freeze", gettext_lazy("Freeze it")),
)


def offered(account: Account, reader: User) -> list[tuple[str, str]]:
    """Return where the reader may go for this account, and what he would do there."""
    chosen = urlencode({"account": account.external_id} | _in_sandbox(account))
    return [
        (f"{reverse(place)}?{chosen}", str(title))
        for permission, place, title in _ACTS
        if reader.has_perm(permission)
    ]


def _in_sandbox(account: Account) -> dict[str, str]:
    """Return what the forms are told of an account whose name a live one may have, too."""
    return {"is_sandbox": "on"} if account.is_sandbox else {}
