"""Exports over REST: whole tables of an account's own rows, as CSV."""

from typing import ClassVar

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from billing.accounts.authentication import account_of, caller_of
from billing.accounts.scopes import Scope
from billing.exports import services, shapes
from billing.exports.columns import Kind
from billing.http.negotiation import AnyMedia
from billing.ledger.services import Actor

_CSV = "text/csv; charset=utf-8"


class _TableView(APIView):
    """A table of an account's rows; it has no length, and ends with a record that says "end"."""

    content_negotiation_class = AnyMedia
    authz: ClassVar = {"GET": "export.read"}
    kind: ClassVar[Kind]

    def _send(self, request: Request) -> HttpResponseBase:
        account = account_of(request, Scope.EXPORTS_READ)
        since, until = shapes.read_days(request.query_params, account.zone)
        with_bom = shapes.read_bom(request.query_params)
        headers = {
            "Content-Disposition": f'attachment; filename="{self.kind}.csv"',
            "Cache-Control": "private, no-store",
        }
        if request.method == "HEAD":
            return HttpResponse(content_type=_CSV, headers=headers)
        caller = caller_of(request)
        pieces = services.export(
            account=account,
            kind=self.kind,
            since=since,
            until=until,
            with_bom=with_bom,
            actor=Actor(caller.kind, caller.actor_id),
            now=timezone.now(),
        )
        return StreamingHttpResponse(pieces, content_type=_CSV, headers=headers)


class LedgerTable(_TableView):
    """The entries of an account."""

    kind = Kind.LEDGER

    @extend_schema(
        parameters=shapes.PARAMETERS,
        responses={(200, "text/csv"): OpenApiTypes.STR},
        operation_id="export_ledger",
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Read all ledger entries that count from one day to another, the oldest first.

        The last record is `end` and the number of rows; without it, the table was cut off.
        """
        return self._send(request)


class UsageTable(_TableView):
    """The orders of an account."""

    kind = Kind.USAGE

    @extend_schema(
        parameters=shapes.PARAMETERS,
        responses={(200, "text/csv"): OpenApiTypes.STR},
        operation_id="export_usage",
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Read all that was ordered from one day to another, the oldest first.

        What is under way is told as it stands. The last record is `end` and the number of rows.
        """
        return self._send(request)
