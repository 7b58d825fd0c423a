"""What a customer orders, as the edge hands it over. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from billing.gpu.protocol import Status

# What a backend is told beside the order itself. Whatever else it takes might cost more than was
# billed, or reach where it should not, so it is named here before it may be passed on.
OPTIONS: Final = ("seed",)
# The inputs that are addresses, which a backend fetches.
ADDRESSES: Final = ("image_url", "last_image_url", "video_url")
SEED_MAX: Final = 2**31 - 1
# By how many letters in a row a text is recognised; by fewer signs, where one is half a word.
_PIECE: Final = 12
_PIECE_OF_SIGNS: Final = 5
_PIECE_MIN: Final = 4


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
    """Return what a backend said without the customer's own texts, or pieces of them.

    Letters alone are compared, whatever their case and what stands between them: a backend may
    quote the middle of a prompt, in capitals, over several lines. A text of fewer than four
    letters stays: it would be found in every sentence. What is told in other words is not found.
    """
    heard, places = _letters(said)
    hidden: set[int] = set()
    for text in inputs.values():
        spoken, _places = _letters(str(text))
        size = min(len(spoken), _PIECE if spoken.isascii() else _PIECE_OF_SIGNS)
        if size >= _PIECE_MIN:
            pieces = {spoken[at : at + size] for at in range(len(spoken) - size + 1)}
            found = (at for at in range(len(heard) - size + 1) if heard[at : at + size] in pieces)
            hidden.update(letter for at in found for letter in range(at, at + size))
    return _cut(said, places, hidden)


def spoken(status: Status, inputs: Mapping[str, str]) -> bytes:
    """Return what of a callback is kept: its words, without its bytes and what was ordered."""
    words = {
        "state": status.state,
        "message": without_texts(status.message, inputs),
        "usage": dict(status.usage),
        "raw": {
            name: without_texts(value, inputs) if isinstance(value, str) else value
            for name, value in status.raw.items()
        },
    }
    return json.dumps(words, default=str).encode()


def _letters(text: str) -> tuple[str, list[int]]:
    """Return the letters and figures of a text in small letters, and where each stands in it."""
    found = [
        (letter, place)
        for place, sign in enumerate(text)
        if sign.isalnum()
        for letter in sign.casefold()
    ]
    return "".join(letter for letter, _place in found), [place for _letter, place in found]


def _cut(said: str, places: Sequence[int], hidden: set[int]) -> str:
    """Return what was said with an ellipsis in place of each row of hidden letters."""
    gone = {places[letter] for letter in hidden}
    for letter in hidden:
        if letter + 1 in hidden:  # what stands between two of them goes with them
            gone.update(range(places[letter], places[letter + 1]))
    rows = groupby(range(len(said)), key=gone.__contains__)
    return "".join("…" if is_gone else "".join(said[at] for at in row) for is_gone, row in rows)
