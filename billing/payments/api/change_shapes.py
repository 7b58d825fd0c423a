"""What is said and answered about a subscription that is paid for."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from billing.http.parsing import StrictIn
from billing.ledger.shapes import CreditsField
from billing.payments.models import Contract, PlanChange
from billing.subscriptions import api as plain
from plans.catalog.values import WHOLE_MAX
from plans.shapes import MoneyOut


class MoneyField(CreditsField):
    """An amount of money as prices are written: a decimal string outside, micros inside."""

    def sentence(self) -> str:
        """Return how such an amount is written."""
        return _('Write an amount of money as a decimal string, such as "66.00".')


class PreviewIn(StrictIn):
    """Another plan, or another interval or number of seats of the same."""

    plan = serializers.CharField(max_length=64)
    interval = serializers.CharField(max_length=32, help_text='"P1M", "P6M", "P1Y".')
    seats = serializers.IntegerField(min_value=1, max_value=WHOLE_MAX, required=False)
    when = serializers.ChoiceField(
        choices=["now", "period_end"], required=False, help_text="Absent: as the catalog has it."
    )


class ChangeIn(PreviewIn):
    """What was looked at in a preview."""

    preview = MoneyField(
        required=False,
        help_text="The amount that the preview said is due; if it is another by now, nothing "
        "changes.",
    )


class CancelIn(StrictIn):
    """When it ends."""

    when = serializers.ChoiceField(choices=["now", "period_end"], default="period_end")


class ResumeIn(StrictIn):
    """Nothing need be said."""


class PaymentStateOut(serializers.Serializer[Any]):
    """How its collection stands at Stripe."""

    status = serializers.ChoiceField(choices=Contract.Status.choices)
    period_starts_at = serializers.DateTimeField()
    period_ends_at = serializers.DateTimeField()
    past_due_since = serializers.DateTimeField(allow_null=True)
    attempts = serializers.IntegerField(help_text="Of the bill that is not paid, in vain.")
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    pay_url = serializers.CharField(allow_null=True, help_text="Where that bill is paid.")


class SubscriptionWithPaymentOut(plain.SubscriptionOut):
    """What an account is on, and how it is paid for."""

    payment = PaymentStateOut(allow_null=True, help_text="Null: nothing is collected.")


class SideOut(serializers.Serializer[Any]):
    """A plan as it is paid for."""

    plan = serializers.CharField()
    interval = serializers.CharField()
    seats = serializers.IntegerField(allow_null=True)
    renewal = MoneyOut(help_text="Of each period.")
    credits = serializers.CharField(help_text="That come by themselves in each window.")


class ChangeLineOut(serializers.Serializer[Any]):
    """A line of what it comes to, in the caller's language."""

    label = serializers.CharField()  # type: ignore[assignment]  # the contract's name for it
    amount = MoneyOut(allow_null=True)
    credits = serializers.CharField(allow_null=True)


class PreviewOut(serializers.Serializer[Any]):
    """What a change would come to."""

    when = serializers.ChoiceField(choices=["now", "period_end"])
    at = serializers.DateTimeField()
    due = MoneyOut(help_text="Now.")
    before = SideOut()
    after = SideOut()
    lines = ChangeLineOut(many=True)


class PlanChangeOut(serializers.Serializer[Any]):
    """A change, and how it stands."""

    id = serializers.CharField()
    status = serializers.ChoiceField(choices=PlanChange.State.choices)
    when = serializers.ChoiceField(choices=["now", "period_end"])
    plan = serializers.CharField()
    interval = serializers.CharField()
    seats = serializers.IntegerField(allow_null=True)
    due = MoneyOut()
    payment_action_url = serializers.CharField(
        allow_null=True, help_text="Where its payer proves himself to his bank, and pays."
    )
