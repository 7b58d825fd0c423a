"""Lives all entries of a wallet again on the model that shares no line with the product. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from tests.ledger.machines import ModelWallet
from tests.ledger.model_lots import FAR, ModelLot


@dataclass(frozen=True, slots=True)
class Moved:
    """One entry, as it stands in the journal."""

    seq: int
    kind: str
    grant: str
    hold: str
    micros: int
    available_after: int
    held_after: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Purse:
    """A wallet as its rows say it.

    Attributes:
        lots: of each grant that is not used up, what is free and what is held.
    """

    owner: str
    opened_at: datetime
    available: int
    held: int
    lots: Mapping[str, tuple[int, int]]
    moves: Sequence[Moved]


class _Bare(ModelWallet):
    """A model without the plan of its own tests: it has what it is given."""

    def _day(self, due: datetime) -> None:
        self.next_day = FAR

    def _week(self, due: datetime) -> None:
        self.next_week = FAR

    def _roll(self, due: datetime) -> None:
        self.next_roll = None


def differences(purse: Purse) -> Iterator[str]:
    """Yield where the journal, the rows and the model do not say the same."""
    model = _Bare(purse.opened_at, 1, None)
    seqs = [move.seq for move in purse.moves]
    if seqs != list(range(1, len(seqs) + 1)):
        yield f"{purse.owner}: the entries are not numbered from 1 without gaps"
    for (kind, hold), group in groupby(purse.moves, key=_act):
        moves = list(group)
        last = moves[-1]
        try:
            _live(model, kind, hold, moves)
        except (AssertionError, KeyError) as wrong:
            yield f"{purse.owner} #{last.seq}: the model does no such {kind} ({wrong!r})"
            return
        if (last.available_after, last.held_after) != (model.free(), model.held()):
            yield (
                f"{purse.owner} #{last.seq}: {last.available_after} free and {last.held_after} "
                f"held by the entry, {model.free()} and {model.held()} by the model"
            )
            return
    if (purse.available, purse.held) != (model.free(), model.held()):
        yield (
            f"{purse.owner}: {purse.available} free and {purse.held} held by the wallet, "
            f"{model.free()} and {model.held()} by the model"
        )
    lots = {name: (lot.free, lot.held) for name, lot in model.lots.items() if lot.free or lot.held}
    if lots != dict(purse.lots):
        yield f"{purse.owner}: the grants are {dict(purse.lots)}, by the model {lots}"


def _act(move: Moved) -> tuple[str, str]:
    """Return what makes entries one act: all of a hold's setting aside, or all of its end."""
    if move.kind in ("capture", "release"):
        return "end", move.hold
    if move.kind == "hold":
        return "hold", move.hold
    return move.kind, f"#{move.seq}"


def _live(model: ModelWallet, kind: str, hold: str, moves: Sequence[Moved]) -> None:
    first = moves[0]
    model.settle(first.at)
    if kind == "grant":
        model.give(first.grant, ModelLot(first.micros, first.at, None, 0))
    elif kind == "hold":
        parts = [(move.grant, move.micros) for move in moves]
        model.hold(hold, parts, facts={}, standing=frozenset(), now=first.at)
    elif kind == "end":
        whole = sum(part for _key, part in model.holds[hold].parts)
        assert sum(move.micros for move in moves) == whole, "a hold ends whole"
        captured = sum(move.micros for move in moves if move.kind == "capture")
        model.end(hold, captured, first.at)
    else:
        raise AssertionError(f"nothing of this kind was asked for: {kind}")
