"""Credits that one account gives to another."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts import external_ids
from billing.accounts.authentication import account_of, caller_of
from billing.accounts.errors import AccountFrozen
from billing.accounts.scopes import Scope
from billing.http import idempotency, pagination
from billing.http.parsing import StrictIn
from billing.ledger import selectors as ledger
from billing.ledger.errors import AmountOutOfRange, InDebt, NotThereToGive
from billing.ledger.shapes import CreditsField
from billing.organizations import services
from billing.organizations.api.access import actor_of
from billing.organizations.errors import NotTransferable, ToOneself, TransferTooSmall
from billing.packs.api import fact_of


class TransferIn(StrictIn):
    """How much is given to whom."""

    to = serializers.CharField(
        max_length=external_ids.LENGTH_MAX, help_text="The receiver's external id."
    )
    credits = CreditsField()
    note = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class TransferOut(serializers.Serializer[Any]):
    """Credits that went from one account to another."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=["transfer", "allotment", "return"])
    sender = serializers.CharField(source="sender.account.external_id")
    to = serializers.CharField(source="receiver.account.external_id")
    credits = CreditsField(source="amount_micros")
    note = serializers.CharField()
    created_at = serializers.DateTimeField()


class TransferPage(serializers.Serializer[Any]):
    """A page of transfers."""

    data = TransferOut(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


class TransferList(APIView):
    """What was given."""

    authz: ClassVar = {"GET": "balance.read", "POST": "transfer.create"}
    paged = True
    idempotency: ClassVar = {"POST": "required"}
    limit: ClassVar = {"POST": "money"}
    refusals: ClassVar = {
        "POST": [
            *(NotTransferable, ToOneself, TransferTooSmall, AccountFrozen),
            *(InDebt, NotThereToGive, AmountOutOfRange),
        ]
    }

    @extend_schema(responses=TransferPage, operation_id="list_transfers")
    def get(self, request: Request) -> Response:
        """List what the account has sent to others and got from them, the newest first."""
        account = account_of(request, Scope.BALANCE_READ)
        return Response(pagination.page(ledger.transfers(account), request, TransferOut))

    @extend_schema(request=TransferIn, responses={201: TransferOut}, operation_id="create_transfer")
    def post(self, request: Request) -> HttpResponse:
        """Give credits to another account, of the sources that the catalog lets be given.

        They keep their terms. For an organization, owners and billing admins give of the pool.
        """
        key = idempotency.read_key(request, required=True)
        assert key is not None, "required"
        caller = caller_of(request)
        given: TransferIn = TransferIn(data=request.data)

        def work() -> tuple[int, object]:
            by_service = caller.account is None and caller.seat is None
            needed = Scope.GRANTS_WRITE if by_service else Scope.SUBSCRIPTIONS_WRITE
            sender = account_of(request, needed)
            given.is_valid(raise_exception=True)
            said = given.validated_data
            made = services.transfer(
                sender=sender,
                to=said["to"],
                amount_micros=said["credits"],
                note=said["note"],
                fact=f"transfer:{fact_of(key)}",
                by=None if caller.seat is None else caller.seat.membership,
                actor=actor_of(caller),
            )
            return 201, TransferOut(made).data

        return idempotency.respond(idempotency.answer_once(key, work, now=timezone.now()))
