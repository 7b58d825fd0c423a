"""To whom an account's invoices of the tax office are made out, over REST."""

from typing import Any, ClassVar

from django.core.validators import EmailValidator
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts.authentication import account_of
from billing.accounts.scopes import Scope
from billing.http import problems
from billing.http.parsing import StrictIn
from billing.payments.errors.profiles import InvalidBillingProfile
from billing.payments.models import BillingProfile
from billing.payments.models.profiles import ADDRESS_LENGTH_MAX, NUMBER_LENGTH_MAX, TITLE_LENGTH_MAX
from billing.payments.services import profiles
from billing.payments.services.profiles import Said


class ProfileIn(StrictIn):
    """What a 发票 says of its buyer; what is left out is empty."""

    kind = serializers.ChoiceField(choices=BillingProfile.Kind.values)
    invoice_type = serializers.ChoiceField(
        choices=BillingProfile.InvoiceType.values, default="normal", help_text="普票, or 专票."
    )
    title = serializers.CharField(max_length=TITLE_LENGTH_MAX, help_text="抬头")
    tax_number = serializers.CharField(
        max_length=NUMBER_LENGTH_MAX, default="", allow_blank=True, help_text="税号"
    )
    address = serializers.CharField(max_length=ADDRESS_LENGTH_MAX, default="", allow_blank=True)
    phone = serializers.CharField(max_length=NUMBER_LENGTH_MAX, default="", allow_blank=True)
    bank = serializers.CharField(
        max_length=TITLE_LENGTH_MAX, default="", allow_blank=True, help_text="开户行"
    )
    bank_account = serializers.CharField(
        max_length=NUMBER_LENGTH_MAX, default="", allow_blank=True, help_text="Never a card's."
    )
    email = serializers.CharField(max_length=254, default="", allow_blank=True)

    def validate_email(self, value: str) -> str:
        """Return the address; none is fine.

        Raises:
            ValidationError: it is no address.
        """
        if value:
            EmailValidator()(value)
        return value


class BuyerOut(serializers.Serializer[Any]):
    """What a 发票 says of its buyer."""

    kind = serializers.ChoiceField(choices=BillingProfile.Kind.values)
    invoice_type = serializers.ChoiceField(choices=BillingProfile.InvoiceType.values)
    title = serializers.CharField()
    tax_number = serializers.CharField()
    address = serializers.CharField()
    phone = serializers.CharField()
    bank = serializers.CharField()
    bank_account = serializers.CharField()
    email = serializers.CharField()


class ProfileOut(BuyerOut):
    """The same, and when it was said last."""

    updated_at = serializers.DateTimeField()


class ProfileView(APIView):
    """The account's billing profile."""

    authz: ClassVar = {"GET": "billing_profile.read", "PUT": "billing_profile.write"}
    limit: ClassVar = {"PUT": "writes"}
    refusals: ClassVar = {"PUT": [InvalidBillingProfile]}

    @extend_schema(responses=ProfileOut, operation_id="read_billing_profile")
    def get(self, request: Request) -> Response:
        """Read to whom invoices are made out; 404 where nothing was said."""
        account = account_of(request, Scope.BALANCE_READ)
        profile = BillingProfile.objects.filter(account=account).first()
        if profile is None:
            raise problems.absent()
        return Response(ProfileOut(profile).data)

    @extend_schema(request=ProfileIn, responses=ProfileOut, operation_id="write_billing_profile")
    def put(self, request: Request) -> Response:
        """Say to whom invoices are made out from now on; paid ones keep what they say."""
        account = account_of(request, Scope.SUBSCRIPTIONS_WRITE)
        given = ProfileIn(data=request.data)
        given.is_valid(raise_exception=True)
        said = Said(**{name: value.strip() for name, value in given.validated_data.items()})
        profile = profiles.keep(account, said, now=timezone.now())
        return Response(ProfileOut(profile).data)
