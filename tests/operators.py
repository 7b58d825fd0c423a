"""Operators in front of a browser: whoever is in has given a password and a code."""

from contextlib import suppress
from typing import Final

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from billing.operators import codes, selectors, services
from billing.operators.admin import sessions
from billing.operators.errors import SignInRefused
from billing.operators.models import Authenticator

PASSWORD: Final = "a word that is long enough"


def signed_in(client: Client, user: User) -> Client:
    """Return the browser with this operator in it, who has just proven himself twice.

    The way in itself is walked by tests/operators alone; here the session is what it leads to.
    """
    client.force_login(user)
    session = client.session
    session[sessions.PROOF] = sessions.proof_of(second_factor(user), now=timezone.now())
    session.save()
    return client


def make_rows() -> None:
    """Make a row of each kind that operators have: one has come in, and erred before."""
    hedy = User.objects.create_superuser("hedy")
    now = timezone.now()
    with suppress(SignInRefused):
        services.check_password(name="hedy", password=PASSWORD, address=None, now=now)
    second_factor(hedy)
    services.renew_recovery_codes(operator=hedy, address=None, now=now)


def second_factor(user: User) -> Authenticator:
    """Return the second factor that the operator has, or has from now on."""
    services.enrol_with(operator=user, secret=codes.new_secret(), now=timezone.now())
    present = selectors.second_factor_of(user)
    assert present is not None
    return present
