"""What a customer orders, as the edge hands it over. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class JobOrder:
    """One order.

    Attributes:
        spec: what may price it, as given: model, task, mode, seconds, …
        inputs: prompt, image addresses; never a price.
        parent_id: the job that this one continues.
        quote_id: a quote whose price counts.
        max_micros: the most that the sender will pay.
    """

    spec: Mapping[str, object]
    inputs: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    parent_id: str | None = None
    quote_id: str | None = None
    max_micros: int | None = None


def backend_input(
    *,
    dimensions: Mapping[str, object],
    inputs: Mapping[str, str],
    options: Mapping[str, object],
    offset_seconds: int,
) -> dict[str, object]:
    """Return the order in the words that a backend of ours takes.

    Seconds, resolution and all other dimensions are always said in full: a backend's default
    must never decide what was billed.
    """
    words: dict[str, object] = {
        name: value for name, value in options.items() if name != "offset_seconds"
    }
    words |= {name: value for name, value in inputs.items() if value}
    # What was billed comes last: an option of the same name must not change it.
    words |= {name: value for name, value in dimensions.items() if name not in {"lane", "count"}}
    if offset_seconds:
        words["offset_seconds"] = offset_seconds
    return words
