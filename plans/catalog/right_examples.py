"""An example of every key of what a plan allows; a part of `examples`."""

from collections.abc import Mapping
from typing import Final

RIGHTS: Final[Mapping[str, Mapping[str, str]]] = {
    "Entitlements": {
        "concurrency": "concurrency = 5",
        "step": 'step = [{ bought = "100", currency = "USD", concurrency = 10 }]',
        "slot": 'slot = [{ match = { model = "vivid-1" }, concurrency = 2 }]',
        "excess": 'excess = "wait"',
        "weight": "weight = 4",
        "allow": 'allow = { resolution = ["480p", "720p"], surface = ["web"] }',
        "max": "max = { seconds = 5 }",
        "limit": 'limit = [{ when = { resolution = "1080p" }, max = { seconds = 5 } }]',
        "count": 'count = [{ window = "day", orders = 3 }]',
        "keep_outputs": 'keep_outputs = "P30D"',
        "packs": 'packs = ["credits-500"]',
        "flags": "flags = { watermark = true, commercial = false }",
        "ref": 'ref = "site"',
    },
    "ConcurrencyStep": {
        "bought": 'bought = "100"',
        "currency": 'currency = "USD"',
        "concurrency": "concurrency = 10",
    },
    "Slots": {"match": 'match = { model = "vivid-1" }', "concurrency": "concurrency = 2"},
    "Limit": {
        "when": 'when = { resolution = "1080p" }',
        "allow": 'allow = { mode = ["std"] }',
        "max": "max = { seconds = 5 }",
    },
    "CountLimit": {
        "window": 'window = "PT24H"',
        "zone": 'window = "day"\nzone = "Asia/Shanghai"',
        "match": 'match = { model = "vivid-1" }',
        "orders": "orders = 3",
        "outputs": "outputs = 30",
        "credits": 'credits = "1000"',
    },
}
