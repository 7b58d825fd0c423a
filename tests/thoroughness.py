"""How hard the tests look that could look for ever: at a desk, in CI, or through a night."""

import os
from typing import Final, Literal

Profile = Literal["desk", "ci", "night"]


def _profile() -> Profile:
    asked = os.environ.get("HYPOTHESIS_PROFILE", "")
    match asked or ("ci" if os.environ.get("CI") == "true" else "desk"):
        case "desk":
            return "desk"
        case "ci":
            return "ci"
        case "night":
            return "night"
    raise ValueError(f"HYPOTHESIS_PROFILE={asked}: desk, ci or night?")


PROFILE: Final[Profile] = _profile()
LOOKED: Final = "looked"  # the property by which a test tells how much it has looked at


def by_profile(*, desk: int, ci: int, night: int) -> int:
    """Return how much to look at."""
    return {"desk": desk, "ci": ci, "night": night}[PROFILE]
