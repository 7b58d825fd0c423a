"""What a customer orders, as the edge hands it over. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

# What a backend is told beside the order itself. Whatever else it takes might cost more than was
# billed, or reach where it should not, so it is named here before it may be passed on.
OPTIONS: Final = ("seed",)
SEED_MAX: Final = 2**31 - 1
# By how many letters a text is recognised, where a backend repeats it or its beginning.
_OPENING_MIN: Final = 4
_OPENING_MAX: Final = 24


@dataclass(frozen=True, slots=True)
class JobOrder:
    """One order.

    Attributes:
        spec: what may price it, as given: model, task, mode, seconds, …
        inputs: prompt, image addresses; never a price.
        options: some of `OPTIONS`.
        parent_id: the job that this one continues.
        quote_id: a quote whose price counts.
        max_micros: the most that the sender will pay.
        surface: the way in by which it came (web, api, …), where its sender's proof says one.
        by_service: a program sent it; one that says no surface came by the catalog's second.
    """

    spec: Mapping[str, object]
    inputs: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    parent_id: str | None = None
    quote_id: str | None = None
    max_micros: int | None = None
    surface: str = ""
    by_service: bool = False


def backend_input(
    *,
    dimensions: Mapping[str, object],
    inputs: Mapping[str, str],
    options: Mapping[str, object],
    offset_seconds: int,
    flags: Mapping[str, bool],
) -> dict[str, object]:
    """Return the order in the words that a backend of ours takes.

    Seconds, resolution, count and all other dimensions are always said in full: a backend's
    default must never decide what was billed. The plan's flags (a watermark, say) are words that
    it may obey; they come first, so that they change nothing else.
    """
    words: dict[str, object] = dict(flags)
    words |= {name: options[name] for name in OPTIONS if name in options}
    words |= {name: value for name, value in inputs.items() if value}
    # What was billed comes last: nothing of the same name may change it.
    words |= {name: value for name, value in dimensions.items() if name != "lane"}
    if offset_seconds:
        words["offset_seconds"] = offset_seconds
    return words


def without_texts(said: str, inputs: Mapping[str, str]) -> str:
    """Return what a backend said without the customer's own texts, whole or their beginnings.

    A text of fewer than four letters stays: it would be found in every sentence.
    """
    for text in inputs.values():
        shown = "".join(c if c.isprintable() else " " for c in str(text)).strip()
        opening = shown[:_OPENING_MAX]
        at = said.find(opening) if len(opening) >= _OPENING_MIN else -1
        while at >= 0:
            pairs = zip(said[at:], shown, strict=False)
            length = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
            said = f"{said[:at]}…{said[at + length :]}"
            at = said.find(opening, at + 1)
    return said
