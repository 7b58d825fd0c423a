"""What is read of operators and their second factors."""

from typing import Final

from django.contrib.auth.models import User

from billing import sealing
from billing.operators import codes
from billing.operators.models import Authenticator, RecoveryCode

SALT: Final = "billing.operators.authenticator"


def find_operator(name: str) -> User | None:
    """Return the operator of a name."""
    return User.objects.filter(username=name, is_staff=True).first()


def second_factor_of(operator: User) -> Authenticator | None:
    """Return what an operator proves himself by; None while nothing is set up."""
    return Authenticator.objects.filter(operator=operator, confirmed_at__isnull=False).first()


def offered_secret(operator: User) -> str | None:
    """Return the secret that a new device is to be given; None once it has been confirmed."""
    authenticator = Authenticator.objects.filter(operator=operator, confirmed_at=None).first()
    if authenticator is None:
        return None
    return sealing.opened(authenticator.sealed_secret, salt=SALT)


def offered_address(operator: User) -> str | None:
    """Return the same as a device reads it from a picture."""
    secret = offered_secret(operator)
    return None if secret is None else codes.address_of(secret, name=operator.get_username())


def recovery_codes_left(authenticator: Authenticator) -> int:
    """Return how many codes on paper still open."""
    return RecoveryCode.objects.filter(authenticator=authenticator, used_at=None).count()
