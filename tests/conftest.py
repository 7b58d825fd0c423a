"""How hard Hypothesis looks, by place: a developer's desk, CI, or a night."""

import os

from hypothesis import settings

settings.register_profile("desk", max_examples=20, deadline=None)
settings.register_profile("ci", max_examples=200, deadline=None)
settings.register_profile("night", max_examples=10_000, deadline=None)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") == "true" else "desk")
)
