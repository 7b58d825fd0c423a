"""A hash that takes no time: these tests are about who is asked, and how often."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class Quick(PBKDF2PasswordHasher):
    """Django's own, with one round."""

    iterations = 1
