"""What a browser's session remembers of an operator: half in, in, and when he last proved it."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from billing.operators import selectors
from billing.operators.models import Authenticator

PROOF: Final = "operators.proof"
_PENDING: Final = "operators.pending"
_BACKEND: Final = "django.contrib.auth.backends.ModelBackend"
# From the password to the code.
_PATIENCE: Final = timedelta(minutes=10)
# However busy somebody is: NIST SP 800-63B wants a new sign-in at least twice a day (AAL2).
_LONGEST: Final = timedelta(hours=12)


def begin(request: HttpRequest, operator: User, *, now: datetime) -> None:
    """The browser has given the password; for all other pages nobody is in yet."""
    request.session.flush()
    request.session[_PENDING] = {
        "operator": operator.pk,
        "password": operator.get_session_auth_hash(),
        "at": now.timestamp(),
    }


def begun(request: HttpRequest, *, now: datetime) -> User | None:
    """Return who has given his password here, a moment ago, and still has it."""
    pending: dict[str, Any] = request.session.get(_PENDING, {})
    if not pending or now.timestamp() - pending["at"] > _PATIENCE.total_seconds():
        return None
    operator = User.objects.filter(pk=pending["operator"], is_active=True, is_staff=True).first()
    if operator is None or not constant_time_compare(
        pending["password"], operator.get_session_auth_hash()
    ):
        return None
    return operator


def come_in(
    request: HttpRequest, operator: User, authenticator: Authenticator, *, now: datetime
) -> None:
    """The operator is in, by this second factor; his acts need no further code for a while."""
    login(request, operator, backend=_BACKEND)  # under a new session key
    request.session.pop(_PENDING, None)
    request.session[PROOF] = proof_of(authenticator, now=now)


def proof_of(authenticator: Authenticator, *, now: datetime) -> dict[str, Any]:
    """Return what a session keeps of a proof."""
    return {
        "authenticator": authenticator.pk,
        "since": now.timestamp(),
        "confirmed_at": now.timestamp(),
    }


def is_in(request: HttpRequest, *, now: datetime) -> bool:
    """Say whether the operator of this session has proven himself by a second factor he still has.

    A reset, or half a day, ends it.
    """
    proof: dict[str, Any] = request.session.get(PROOF, {})
    if not proof or not isinstance(request.user, User):
        return False
    if now.timestamp() - proof["since"] > _LONGEST.total_seconds():
        return False
    present = selectors.second_factor_of(request.user)
    return present is not None and present.pk == proof["authenticator"]


def is_fresh(request: HttpRequest, *, now: datetime) -> bool:
    """Say whether the last code is no older than OPERATOR_CONFIRMATION_MINUTES."""
    proof: dict[str, Any] = request.session.get(PROOF, {})
    age_max = timedelta(minutes=settings.OPERATOR_CONFIRMATION_MINUTES)
    return bool(proof) and now.timestamp() - proof["confirmed_at"] <= age_max.total_seconds()


def confirm(request: HttpRequest, *, now: datetime) -> None:
    """The operator has just given a code."""
    request.session[PROOF] = {**request.session[PROOF], "confirmed_at": now.timestamp()}
