"""Usage settles the models that the catalog names for it, and no others."""

import pytest

from billing.accounts.models import Account
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop

# Of 5 s at 2 credits each 3.5 s are measured.
USAGE = """
[overrun]
settle_by = "usage"
measured = { seconds = "billed_seconds" }
hold_factor = "1.5"
policy = "more"
"""
BY_SECONDS = """
[[rate]]
id = "second"
form = "per_unit"
basis = "seconds"
price = "2"
"""


@pytest.mark.parametrize(("models", "held", "charged"), [("m", 15, 7), ("other", 10, 10)])
def test_only_the_models_that_it_names_are_settled_by_usage_and_held_with_the_factor(
    ada: Account, models: str, held: int, charged: int
) -> None:
    other = shop.MODEL.replace('code = "m"', 'code = "other"')
    shop.open_shop(f'{USAGE}models = ["{models}"]\n', models=shop.MODEL + other, rates=BY_SECONDS)
    factories.give(ada, 100)
    job = shop.submit(ada)

    done = shop.finish(job, usage={"billed_seconds": "3.5"})

    assert job.hold.amount_micros == held * MICROS
    assert (done.charged_micros, done.overrun_micros) == (charged * MICROS, 0)
