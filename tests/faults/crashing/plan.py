"""Which cases are asked for. Pure."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

_Case = TypeVar("_Case")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be lived.

    Attributes:
        scenes: the names of scenarios; none: all.
        share: of all cases so many, spread evenly.
        mine, parts: the I-th of N parts of those.
        plants: whether each planted bug is to be found as well.
    """

    scenes: tuple[str, ...]
    share: Fraction
    mine: int
    parts: int
    plants: bool

    def chosen(self, cases: Sequence[_Case], *, start: int) -> list[_Case]:
        """Return which of a scenario's cases are to be lived.

        Args:
            start: how many cases the scenarios before it have.
        """
        every = [
            case
            for place, case in enumerate(cases, start)
            if int((place + 1) * self.share) > int(place * self.share)
        ]
        return [case for place, case in enumerate(every) if place % self.parts == self.mine - 1]


def read(words: Sequence[str]) -> Asked:
    """Return what is asked for; exit with a sentence when it cannot be read."""
    parser = argparse.ArgumentParser(
        prog="./run test", description="Cut the service's processes off at each of their messages."
    )
    parser.add_argument("--crashes", action="store_true")
    parser.add_argument("--scenes", default="", metavar="NAME,NAME")
    parser.add_argument("--share", default="1", metavar="1/20")
    parser.add_argument("--slice", default="1/1", metavar="I/N")
    parser.add_argument("--plants", action="store_true")
    given = parser.parse_args(words)
    mine, parts = (int(word) for word in given.slice.split("/"))
    if not 1 <= mine <= parts:
        parser.error(f"--slice {given.slice}: from 1/N to N/N")
    return Asked(
        scenes=tuple(filter(None, given.scenes.split(","))),
        share=Fraction(given.share),
        mine=mine,
        parts=parts,
        plants=given.plants,
    )
