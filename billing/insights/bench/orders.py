"""What the services of one order take: submit, settle, the reads beside them."""

from functools import partial
from typing import Final

from billing.insights.bench.asked import Asked
from billing.insights.bench.figures import Report, Side, interleaved, reported
from billing.insights.bench.hands import Deed, alone
from billing.insights.bench.limit import Limit
from billing.insights.bench.reading import Reader
from billing.insights.bench.scene import Scene, owner

_LIMIT: Final = "limit: rows of a hold, 1 by pgbench"
_ROW: Final = "limit: one row by its key"


def run(asked: Asked) -> Report:
    """Measure with one client, beside the rows of a hold, and beside one row that is read."""
    scene = Scene.fresh(asked.now)
    reader = Reader.of(scene.account, now=asked.now)
    with Limit(owner()) as limit:
        cases = interleaved(
            [
                Side(_LIMIT, limit.hold(1)),
                Side("submit", partial(alone, scene.tidied(scene.submit)), _LIMIT),
                Side("settle, nothing due", partial(alone, Deed(scene.settle)), _LIMIT),
                Side(_ROW, limit.read(1)),
                Side("balance, without a server", partial(alone, Deed(reader.balance)), _ROW),
                Side("catalog, without a server", partial(alone, Deed(reader.catalog)), _ROW),
            ],
            asked.effort,
        )
    return reported(cases)
