"""Who may spend an account's money."""

from django.utils.translation import get_language
from django.utils.translation import gettext as _
from rest_framework.request import Request

from billing.accounts.authentication import account_of, caller_of
from billing.accounts.models import Account
from billing.accounts.scopes import Scope
from billing.http import errors


def buyer_of(request: Request) -> Account:
    """Return the account that pays: the person's own, or his organization's.

    Raises:
        Forbidden: a service calls, which has no money; or his role does not buy for it.
        NotFound: as `account_of`.
    """
    if caller_of(request).kind != "user":
        raise errors.Forbidden(_("Only a person may do this, with a token of his own."))
    return account_of(request, Scope.SUBSCRIPTIONS_WRITE)


def language_of(request: Request) -> str:
    """Return the language that a request asks for, as Django calls it; "": none in particular."""
    return (get_language() or "") if "Accept-Language" in request.headers else ""
