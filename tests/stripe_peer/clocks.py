"""A test clock as a test holds it: it goes on in steps that Stripe allows."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from stripe import StripeClient

_STEP: Final = timedelta(days=28)
_LOOK_SECONDS: Final = 1.0


@dataclass
class Clock:
    """One test clock; `now` is what it says."""

    client: StripeClient
    now: datetime
    step: timedelta = _STEP  # two intervals of the shortest subscription are the most
    id: str = field(default="")

    def __post_init__(self) -> None:
        made = self.client.v1.test_helpers.test_clocks.create(
            {"frozen_time": int(self.now.timestamp())}
        )
        self.id = made.id

    @classmethod
    def at(cls, client: StripeClient, text: str) -> "Clock":
        """Make a clock that stands at an instant of UTC: "2026-01-31T10:00:00"."""
        return cls(client, datetime.fromisoformat(text).replace(tzinfo=UTC))

    def go_to(self, text: str) -> None:
        """Let time pass until an instant of UTC."""
        self.go_on(datetime.fromisoformat(text).replace(tzinfo=UTC) - self.now)

    def go_on(self, duration: timedelta) -> None:
        """Let so much time pass."""
        end = self.now + duration
        while self.now < end:
            self.now = min(end, self.now + self.step)
            clocks = self.client.v1.test_helpers.test_clocks
            clocks.advance(self.id, {"frozen_time": int(self.now.timestamp())})
            # The emulator is ready by then; Stripe itself needs a while.
            while clocks.retrieve(self.id).status == "advancing":
                time.sleep(_LOOK_SECONDS)
