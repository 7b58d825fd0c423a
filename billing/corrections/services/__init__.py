"""Corrections by hand: asked for by one person, decided on by another, carried out once.

Lock order: the request, then the wallet, then the days of the persons (by id), then the account's
event counter.
"""

from billing.corrections.services.adjusting import (
    approve_adjustment,
    look_at_adjustment,
    preview_adjustment,
    refuse_adjustment,
    request_adjustment,
    withdraw_adjustment,
)
from billing.corrections.services.campaigning import (
    approve_campaign_run,
    refuse_campaign_run,
    request_campaign_run,
    withdraw_campaign_run,
)
from billing.corrections.services.carrying import carry_out
from billing.corrections.services.compensating import (
    Notice,
    approve_compensation,
    refuse_compensation,
    request_compensation,
    withdraw_compensation,
)
from billing.corrections.services.executing import Movement
from billing.corrections.services.giving import carry_out_run
from billing.corrections.services.resuming import resume_grants
from billing.corrections.services.sweeping import sweep
from billing.corrections.services.telling import tell_debt, tell_halt

__all__ = [
    "Movement",
    "Notice",
    "approve_adjustment",
    "approve_campaign_run",
    "approve_compensation",
    "carry_out",
    "carry_out_run",
    "look_at_adjustment",
    "preview_adjustment",
    "refuse_adjustment",
    "refuse_campaign_run",
    "refuse_compensation",
    "request_adjustment",
    "request_campaign_run",
    "request_compensation",
    "resume_grants",
    "sweep",
    "tell_debt",
    "tell_halt",
    "withdraw_adjustment",
    "withdraw_campaign_run",
    "withdraw_compensation",
]
