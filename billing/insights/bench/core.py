"""Quotes in the pure core: on the catalog that is shipped, and on cards of many rows."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from django.conf import settings

from billing.insights.bench import card
from billing.insights.bench.asked import Asked
from billing.insights.bench.figures import Effort, Report, Side, Turn, interleaved, met, reported
from billing.insights.bench.hands import Deed, alone
from plans import orders, rating
from plans.catalog import loader
from plans.catalog.schema import Catalog

_GOAL: Final = 20_000
_SHIPPED: Final = Path(settings.BASE_DIR) / "plans" / "catalogs" / "kling.toml"
_SPEC: Final = {"model": "kling-v1-6", "mode": "std", "seconds": 5}
_SHORT: Final = "limit: quote on a card of ten rows"


def run(asked: Asked) -> Report:
    """Price orders; nothing is asked of a database."""
    shipped = loader.read_text(_SHIPPED.read_text(encoding="utf-8")).catalog
    many = card.ROWS
    quotes = {
        "quote on the shipped catalog": _on(shipped, _SPEC, asked.now),
        _SHORT: _on(card.card(10), card.spec(10), asked.now),
        f"quote on a card of {many:,} rows": _on(card.card(many), card.spec(many), asked.now),
        f"quote on a card of {many:,} range rows": _on(
            card.ranged_card(many), card.ranged_spec(many), asked.now
        ),
    }
    sides = [
        Side(name, partial(_turn, deed), _SHORT if "rows" in name and name != _SHORT else None)
        for name, deed in quotes.items()
    ]
    cases = interleaved(sides, asked.effort)
    return reported(
        cases,
        "The rates are those of one processor that does nothing else.",
        met("quotes a second", cases[0].per_second, _GOAL),
    )


def _turn(deed: Deed, effort: Effort) -> Turn:
    """Do a deed by the time of its own processor: nothing here waits for anybody."""
    turn = alone(deed, effort)
    assert turn.cpu_seconds is not None, "it was looked at"
    return replace(turn, seconds=turn.cpu_seconds)


def _on(catalog: Catalog, spec: Mapping[str, object], now: datetime) -> Deed:
    """Return a call that prices the order `spec` on the card of `catalog`."""

    def quote() -> bool:
        price = rating.rate(catalog, orders.read_order(catalog, spec).dimensions, at=now)
        return price.total_micros > 0

    quote()  # the index is made once
    return Deed(quote)
