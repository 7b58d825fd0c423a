"""Monthly statements over REST, as documents and as tables."""

import io
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.accounts.authentication import account_of
from billing.accounts.scopes import Scope
from billing.http import pagination, problems
from billing.http.negotiation import AnyMedia
from billing.insights import statements
from billing.insights.statements import Section, Statement
from plans import selectors as plans
from plans.shapes import CreditsField


class MovedOut(serializers.Serializer[Any]):
    """All that moved for one source of credits, or on one model; below zero for what went."""

    what = serializers.CharField(help_text="The credits' source; of what was used, the model.")
    credits = CreditsField(source="micros")
    count = serializers.IntegerField(help_text="Of what was used: orders. Else: movements.")


class SectionOut(serializers.Serializer[Any]):
    """One section of a statement."""

    section = serializers.ChoiceField(choices=list(Section))
    name = serializers.CharField()
    credits = CreditsField()
    lines = MovedOut(many=True)


class StatementDebtOut(serializers.Serializer[Any]):
    """What was owed when the month began, and when it ended."""

    opening = CreditsField()
    closing = CreditsField()


class StatementOut(serializers.Serializer[Any]):
    """A month in credits: opening and all sections add up to closing."""

    month = serializers.CharField()
    zone = serializers.CharField()
    until = serializers.DateTimeField()
    is_final = serializers.BooleanField(help_text="The month is over.")
    unit = serializers.CharField()
    opening = CreditsField()
    sections = SectionOut(many=True)
    closing = CreditsField(help_text="Free and set aside.")
    held = CreditsField(help_text="What of it is set aside for orders under way.")
    debt = StatementDebtOut()

    def get_fields(self) -> dict[str, Any]:
        """Return the fields with the one whose name Python keeps for itself."""
        fields = dict(super().get_fields())
        fields["from"] = serializers.DateTimeField()
        return fields


class StatementNamed(serializers.Serializer[Any]):
    """A month of which there is a statement."""

    month = serializers.CharField()
    is_final = serializers.BooleanField()


class StatementPage(serializers.Serializer[Any]):
    """A page of months, the newest first."""

    data = StatementNamed(many=True)  # type: ignore[assignment]  # the contract's name for it
    next = serializers.CharField(allow_null=True)


class StatementList(APIView):
    """The months of which an account has statements."""

    authz: ClassVar = {"GET": "statement.read"}
    paged = True

    @extend_schema(responses=StatementPage, operation_id="list_statements")
    def get(self, request: Request) -> Response:
        """List the months, the newest, which goes on, first."""
        months = statements.months_of(account_of(request, Scope.BALANCE_READ))
        shown, further = pagination.named(months, request, name="statements")
        data = [{"month": month, "is_final": month != months[0]} for month in shown]
        return Response({"data": data, "next": further})


class StatementDetail(APIView):
    """One month of an account."""

    authz: ClassVar = {"GET": "statement.read"}

    @extend_schema(responses=StatementOut, operation_id="read_statement")
    def get(self, request: Request, month: str) -> Response:
        """Read a month by the account's own zone, in the language of `Accept-Language`."""
        return Response(StatementOut(_body(_told(request, month))).data)


class StatementTable(APIView):
    """One month of an account as a table."""

    content_negotiation_class = AnyMedia
    authz: ClassVar = {"GET": "statement.read"}

    @extend_schema(
        responses={(200, "text/csv"): OpenApiTypes.STR}, operation_id="read_statement_table"
    )
    def get(self, request: Request, month: str) -> HttpResponse:
        """Read the same as CSV."""
        told, out = _told(request, month), io.StringIO()
        statements.write(told, out)
        answer = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="statement-{told.month.key}.csv"'
        return answer


def _told(request: Request, month: str) -> Statement:
    told = statements.statement(account_of(request, Scope.BALANCE_READ), month)
    if told is None:
        raise problems.absent()
    return told


def _body(told: Statement) -> dict[str, Any]:
    sections = [
        {
            "section": section,
            "name": statements.said(section),
            "credits": sum(one.micros for one in lines),
            "lines": lines,
        }
        for section in Section
        if (lines := list(statements.lines_of(told, section)))
    ]
    return {
        "month": told.month.key,
        "zone": told.zone,
        "from": told.month.starts_at,
        "until": told.until,
        "is_final": told.is_final,
        "unit": plans.current().catalog.credit.name.said(),
        "opening": told.opening_micros,
        "sections": sections,
        "closing": told.closing_micros,
        "held": told.held_micros,
        "debt": {"opening": told.debt_opening_micros, "closing": told.debt_closing_micros},
    }
