"""Signs calls to Kling: a JSON Web Token by the account's secret, good for half an hour. Pure."""

from typing import Final

import jwt

_GOOD_FOR_SECONDS: Final = 1800
# Kling's clock may be a little behind ours.
_GOOD_SINCE_SECONDS: Final = 5


def token(access_key: str, secret: str, *, at: float) -> str:
    """Return the token that vouches for a call made at that instant (seconds since 1970)."""
    claims = {
        "iss": access_key,
        "exp": int(at) + _GOOD_FOR_SECONDS,
        "nbf": int(at) - _GOOD_SINCE_SECONDS,
    }
    return jwt.encode(claims, secret, algorithm="HS256", headers={"typ": "JWT"})
