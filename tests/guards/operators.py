"""How an operator of these tests comes to a session that may see everything: only here."""

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from tests import operators


def signed_in(client: Client) -> str:
    """Sign a superuser in; return the session's cookie."""
    operators.signed_in(client, User.objects.create_superuser("grace"))
    return client.cookies[settings.SESSION_COOKIE_NAME].value
