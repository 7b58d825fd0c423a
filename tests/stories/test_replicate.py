"""Replicate: prepaid dollars, and each run costs the seconds that it was really active."""

import pytest

from tests.stories.conftest import Open

pytestmark = pytest.mark.flow
PUBLIC = {"model": "public-model"}
PRIVATE = {"model": "private-model"}


def test_active_time_is_paid_also_beyond_what_was_held(opened: Open) -> None:
    replicate = opened("replicate")

    # Prepaid: without a balance nothing runs.
    replicate.refused("insufficient_credits", **PUBLIC)
    assert replicate.sell("balance") == "1.00 USD"

    # An order guesses that it runs for 60 s, and all that is there is held, for it may be an hour;
    # it was active for 1.5 s, and pays those.
    assert replicate.quote(**PUBLIC)["credits"] == "0.06"
    job = replicate.order(**PUBLIC)
    assert job["credits"] == {
        "quoted": "0.06",
        "held": "0",
        "captured": "0.0015",
        "released": "0.9985",
        "owed": "0",
    }
    assert replicate.balance() == "0.9985"

    # A failed run of a public model costs nothing; of a private one, its active time.
    assert replicate.failed("out of memory", **PUBLIC)["credits"]["captured"] == "0"
    assert replicate.failed("out of memory", **PRIVATE)["credits"]["captured"] == "0.0015"
    assert replicate.quote(**PRIVATE)["refund_policy"]["backend_error"] == "0.937"
    assert replicate.quote(**PUBLIC)["refund_policy"]["backend_error"] == "0.997"

    # A run of 200 s is charged in full, whatever was guessed; nobody can agree to less than a run
    # can cost.
    replicate.cog.metrics = {"predict_time": 200}
    assert replicate.paid(**PUBLIC, seconds=100) == "0.2"
    replicate.refused("price_above_maximum", **PUBLIC, seconds=100, max_credits="0.15")
    assert replicate.balance() == "0.797"

    # One that runs away takes what is there, and at zero new work is refused.
    replicate.cog.metrics = {"predict_time": 3000}
    assert replicate.paid(**PUBLIC) == "0.797"
    assert replicate.balance() == "0"
    replicate.refused("insufficient_credits", **PUBLIC, seconds=0)

    # What is prepaid is for a year.
    assert replicate.sell("balance", quantity=5) == "5.00 USD"
    replicate.pass_time(days=364)
    assert replicate.balance() == "5"
    replicate.pass_time(days=1)
    assert replicate.balance() == "0"
    replicate.audit()
