"""What operators read in place of an alert's words; the stored words stay as they are."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.alerts.rules import RuleCode, Severity

RULES: Final[Mapping[RuleCode, Promise]] = {
    RuleCode.GPU_SUCCESS_LOW: _("a backend makes too few videos of its orders"),
    RuleCode.BREAKER_OPEN: _("orders do not get through to a backend"),
    RuleCode.SIDES_DISAGREE: _("two sides tell one row in two ways"),
    RuleCode.INVARIANT_BROKEN: _("a row breaks an invariant"),
    RuleCode.HOLD_STUCK: _("a hold is open for too long"),
    RuleCode.JOB_NEEDS_PERSON: _("jobs wait for a person"),
    RuleCode.WEBHOOK_DEAD: _("webhooks were given up"),
    RuleCode.OUTBOX_DEAD: _("errands were given up"),
    RuleCode.QUEUE_WAITS: _("nobody works on a queue"),
    RuleCode.STRIPE_LAG: _("events of Stripe are not applied"),
    RuleCode.MARGIN_NEGATIVE: _("a model costs more than it brings"),
    RuleCode.FREE_BURN_UNUSUAL: _("free credits are used unusually fast"),
    RuleCode.GRANTS_HALTED: _("accounts are halted"),
}
assert set(RULES) == set(RuleCode), "every rule has its words"

# What is measured beside a value, but for the rows and the currency, which are shown otherwise.
FACTS: Final[Mapping[str, Promise]] = {
    "ended": _("attempts that ended"),
    "made": _("videos that were made"),
    "reason": _("reason"),
    "ended_at": _("ended at"),
    "lines": _("first rows"),
    "jobs": _("jobs"),
    "revenue_micros": _("revenue"),
    "cost_micros": _("cost"),
    "used": _("used in the last hour (credits)"),
    "usual": _("usual in an hour (credits)"),
}

RULE_CHOICES = [(code.value, said) for code, said in RULES.items()]
SEVERITIES = [
    (Severity.CRITICAL.value, _("critical")),
    (Severity.ERROR.value, _("error")),
    (Severity.WARNING.value, _("warning")),
]
