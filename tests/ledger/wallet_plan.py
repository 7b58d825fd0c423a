"""The plan that the wallet's model knows: an allowance of every kind."""

from tests.ledger.shop import allowance

PLAN = "\n".join(
    [
        allowance(code="fill", cadence="daily", credits="50", fill="set_to", expiry="P3D",
                  priority=4, zone="UTC"),
        allowance(code="cap", cadence="daily", credits="5", rollover="cap", rollover_cap="9",
                  priority=1, zone="UTC"),
        allowance(code="stay", cadence="daily", credits="2", rollover="while_subscribed",
                  priority=2, zone="UTC"),
        allowance(code="keep", cadence="weekly", credits="20", rollover="periods",
                  rollover_periods=1, priority=3, zone="UTC"),
        allowance(code="roll", cadence="rolling", period="PT24H", credits="30", priority=5),
        allowance(code="day", cadence="daily", mode="claimed", credits="10", priority=6,
                  zone="UTC"),
        allowance(code="videos", cadence="daily", unit="output", amount=3, zone="UTC",
                  scope='{ surface = "web" }'),
    ]
)  # fmt: skip
