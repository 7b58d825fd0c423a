"""How the states of backends are called in the operators' windows."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from billing.fleet.breaking import BreakerState

BREAKER_STATES: Final = [
    (BreakerState.CLOSED.value, _("closed")),
    (BreakerState.OPEN.value, _("open: nothing is sent")),
    (BreakerState.HALF_OPEN.value, _("half-open: one is tried")),
]
