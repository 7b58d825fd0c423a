"""What alerts do: watch, tell, and let operators have a hand in it."""

from billing.alerts.services.evaluating import evaluate, inspected
from billing.alerts.services.handling import acknowledge, send_test, silence
from billing.alerts.services.telling import send, sweep

__all__ = ["acknowledge", "evaluate", "inspected", "send", "send_test", "silence", "sweep"]
