"""What an account owes, over REST."""

from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts.authentication import account_of
from billing.accounts.scopes import Scope
from billing.corrections import selectors
from billing.http import pagination
from billing.ledger.shapes import CauseOut, CreditsField
from plans import selectors as plans


class DebtOut(serializers.Serializer[Any]):
    """Credits that are owed, and why; what arrives next pays them."""

    id = serializers.CharField()
    credits = CreditsField(source="amount_micros")
    paid = CreditsField(source="paid_micros")
    left = CreditsField(source="left_micros")
    grant = serializers.CharField(
        source="grant_id", allow_null=True, help_text="The grant that was taken back, if one was."
    )
    cause = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField(help_text="Why it is owed, as a person reads it.")
    created_at = serializers.DateTimeField()
    paid_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(CauseOut)
    def get_cause(self, debt: Any) -> dict[str, str]:  # noqa: ANN401 (the ledger's own row)
        """Return why."""
        return {"type": debt.cause_type, "id": debt.cause_id}

    def get_reason(self, debt: Any) -> str:  # noqa: ANN401 (the ledger's own row)
        """Return why, in the language of the one who asks."""
        if debt.reason_code is not None:
            terms = plans.version(debt.reason_version).catalog.corrections
            known = terms.reason(debt.reason_code)
            name = known.name.said() if known else debt.reason_code
            return _("Taken back by hand: %(reason)s.") % {"reason": name}
        if debt.cause_type == "job":
            return _("The job has used more than was set aside for it.")
        if debt.cause_type == "refund" and debt.cause_id.startswith("pu_"):
            return _("The money that these credits were bought with went back.")
        if debt.cause_type == "refund":
            return _("What had earned these credits was paid back.")
        return str(debt.get_cause_type_display())


class DebtPage(serializers.Serializer[Any]):
    """A page of debts."""

    data = DebtOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


class DebtList(APIView):
    """Debts."""

    authz: ClassVar = {"GET": "balance.read"}
    paged = True

    @extend_schema(responses=DebtPage, operation_id="list_debts")
    def get(self, request: Request) -> Response:
        """List what the account owes and has owed, and why, the newest first.

        While something is owed no order is taken; `balance.debt` is the sum.
        """
        account = account_of(request, Scope.BALANCE_READ)
        return Response(pagination.page(selectors.debts(account), request, DebtOut))
