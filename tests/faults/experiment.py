"""What an experiment is: a fault with a name, so many times, and what came of it."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from tests.faults.field import Field
from tests.faults.load import Load

_FOLDER: Final = Path(__file__).with_name("experiments")


@dataclass
class Outcome:
    """What an experiment has seen by itself; the verdict looks at all the rest.

    Attributes:
        load: who asked during it, with the books; it may still be running.
        recoveries: of each round the seconds from the blow to the first acknowledgement after the
            last failure that a client heard.
        causes: of each round the seconds from the blow until its cause was gone.
        lost, doubled: what somebody has paid for, and has not, or has twice, each a sentence.
        breaches: what else must not have been, each a sentence.
        notes: what else is worth telling, each a sentence.
        forgotten: attempts that a backend has heard of and a restored database has not; they are
            told in the notes, and judged by no rule.
    """

    load: Load
    recoveries: list[float] = field(default_factory=list)
    causes: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)

    def recover(self, since: float, *, mended_at: float, within_seconds: float) -> None:
        """Return once all goes well again, and write the round down.

        Args:
            since: when the blow fell, by the monotonic clock.
            mended_at: when its cause was gone; from then on counts what is promised.
        """
        self.causes.append(mended_at - since)
        seconds = self.load.recovery(since)
        if seconds is None:
            self.breaches.append("all did not go well again in time")
            return
        self.recoveries.append(seconds)
        after = since + seconds - mended_at
        if after > within_seconds:
            self.breaches.append(f"went well only {after:.1f} s after it was mended")


@dataclass(frozen=True)
class Experiment:
    """One line of the table of faults.

    Attributes:
        id: as it is called on the command line.
        rounds: how often it is done when nobody says how often.
        ways: how many rounds it takes to do all that its title says; no run has fewer.
        run: does it so many times, on a product that works and is left working.
        sells: whether people buy meanwhile; False: it has buyers of its own.
        missing: says what it needs and this machine has not; "" when it can be run.
    """

    id: str
    title: str
    rounds: int
    run: Callable[[Field, int, Random], Outcome]
    missing: Callable[[], str] = lambda: ""
    sells: bool = True
    ways: int = 1


def all_of_them() -> dict[str, Experiment]:
    """Return every experiment by its id, in the order of their numbers."""
    found: list[Experiment] = [
        importlib.import_module(f"tests.faults.experiments.{path.stem}").EXPERIMENT
        for path in _FOLDER.glob("*.py")
    ]
    return {one.id: one for one in sorted(found, key=lambda one: int(one.id.lstrip("F")))}
