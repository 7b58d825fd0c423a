"""Four sides that must say the same: jobs, holds, the ledger, and Stripe. Nothing is changed."""

from billing.insights.reconcile.drift import Drift
from billing.insights.reconcile.running import COMPARISONS, Report, run

__all__ = ["COMPARISONS", "Drift", "Report", "run"]
