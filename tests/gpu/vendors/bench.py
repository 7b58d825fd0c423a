"""An adapter and its vendor's simulator, side by side, and the order that they are shown."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from billing.gpu.protocol import AttemptView, Backend
from tests.gpu.receiver import Receiver
from tests.gpu.vendors.base import Ending, Simulator

PROMPT: Final = "a wish that nobody else may read"
SIGNED: Final = "defect at https://cdn.example/film.mp4?Signature=opens-it"
ORDER: Final[Mapping[str, object]] = {
    "model": "our-code",
    "task": "text_to_video",
    "mode": "std",
    "prompt": PROMPT,
    "seconds": 5,
    "resolution": "720p",
    "aspect_ratio": "16:9",
    "audio": False,
    "count": 1,
}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One adapter with the simulator of its vendor.

    Attributes:
        stranger: the same backend with a key that the vendor does not know.
        moved: the same backend, whose entry names another address since (where nobody listens).
        attempt: an order that the vendor makes; its prompt is PROMPT.
    """

    simulator: Simulator
    backend: Backend
    stranger: Backend
    moved: Backend
    attempt: AttemptView

    def submitted(self, **changes: object) -> AttemptView:
        """Hand the order over; return it with what is remembered since."""
        attempt = replace(self.attempt, **changes)  # type: ignore[arg-type]  # fields by name
        # Each attempt is reported at an address of its own.
        address = attempt.callback_url.replace(f"/{self.attempt.id}.", f"/{attempt.id}.")
        attempt = remembered(self.backend, replace(attempt, callback_url=address))
        status = self.backend.submit(attempt)
        known = {**attempt.context, **status.context}
        return replace(attempt, provider_id=status.provider_id, context=known)

    def brought_to(self, ending: Ending, complaint: str = "") -> AttemptView:
        """Hand the order over and let it come so far."""
        attempt = self.submitted()
        self.simulator.end(attempt.provider_id, ending, complaint=complaint)
        return attempt


def remembered(backend: Backend, attempt: AttemptView) -> AttemptView:
    """Return the attempt as it is committed before it is handed over."""
    return replace(attempt, context=backend.remembered(attempt))


def order(receiver: Receiver, *, attempt_id: str = "att_1", **words: object) -> AttemptView:
    """Return an order in our words, reported to `receiver`; `model` is the vendor's name."""
    model = str(words.pop("vendor_model", "vendor-model"))
    return AttemptView(
        id=attempt_id,
        model=model,
        input={**ORDER, **words},
        callback_url=f"{receiver.base_url}/webhooks/backends/away/{attempt_id}.signed",
        deadline_seconds=900,
    )


def reported(
    bench: Bench, receiver: Receiver, attempt: AttemptView
) -> tuple[Mapping[str, str], bytes]:
    """Have the attempt reported; return headers and body as they came."""
    bench.simulator.call_back(attempt.provider_id)
    post = receiver.posts(path_of(attempt))[-1]
    return post.headers, post.body


def path_of(attempt: AttemptView) -> str:
    """Return the path at which the attempt is reported."""
    return "/" + attempt.callback_url.split("/", 3)[3]
