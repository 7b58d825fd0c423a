"""An example of every key that says how the sale is paid, and what a change of plan costs."""

from collections.abc import Mapping
from typing import Final

SALES: Final[Mapping[str, Mapping[str, str]]] = {
    "Trial": {"period": 'period = "P7D"', "credits": 'credits = "50"', "ref": 'ref = "site"'},
    "Payments": {
        "methods": 'methods = { CNY = ["card", "alipay", "wechat_pay"], USD = ["card"] }',
        "coupons": "coupons = true",
        "grace": 'grace = "P3D"',
        "past_due": 'past_due = "freeze"',
        "cooling_off": 'cooling_off = { within = "P14D", factor = "0.9", unused = false }',
        "ref": 'ref = "site"',
    },
    "CoolingOff": {
        "within": 'within = "P7D"',
        "factor": 'factor = "0.9"',
        "unused": "unused = false",
        "ref": 'ref = "site"',
    },
    "Change": {
        "when": 'when = "now"',
        "credits": 'credits = "replace"',
        "prorate": 'prorate = "none"',
    },
    "ChangePolicy": {
        "upgrade": 'upgrade = { when = "now", credits = "difference", prorate = "time" }',
        "downgrade": 'downgrade = { when = "period_end" }',
        "ref": 'ref = "site"',
    },
}
