"""How little the bench is asked for here."""

from typing import Final

from django.utils import timezone

from billing.insights.bench.asked import Asked
from billing.insights.bench.figures import Effort

FEW: Final = Effort(rounds=1, seconds=30.0, calls=2)


def asked() -> Asked:
    return Asked(now=timezone.now(), effort=FEW, jobs=60, listeners=2, rate=50, minutes=0)
