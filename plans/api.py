"""The public window: what is for sale, and what an order costs."""

import hashlib
from datetime import UTC
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from plans import selectors
from plans.catalog.matching import Matched
from plans.catalog.modifiers import Modifier
from plans.catalog.rates import AnyRate
from plans.catalog_shapes import CatalogOut
from plans.errors import NoCatalog
from plans.shapes import CreditsField, HoursOut, spoken_match

_FRESH_SECONDS = 60


class AlsoOut(serializers.Serializer[Any]):
    """A further part of a price: so much for each unit of another dimension."""

    basis = serializers.CharField()
    price = CreditsField()
    rounding = serializers.CharField()
    included = serializers.IntegerField()
    units_max = serializers.IntegerField(required=False)
    label = serializers.CharField(required=False)  # type: ignore[assignment]  # DRF's metaclass takes declared fields off the class


class TierOut(serializers.Serializer[Any]):
    """The units up to `up_to`: so much each, and `flat` once."""

    up_to = serializers.IntegerField(required=False)
    price = CreditsField(required=False)
    flat = CreditsField(required=False)


class TimedOut(serializers.Serializer[Any]):
    """A row that may count at some times only."""

    hours = HoursOut(required=False, help_text="Counts only at these hours of the day.")

    def get_fields(self) -> dict[str, Any]:
        """Return the fields with the two whose names Python keeps for itself."""
        fields = dict(super().get_fields())
        fields["from"] = serializers.DateTimeField(required=False)
        fields["until"] = serializers.DateTimeField(required=False, help_text="Exclusive.")
        return fields


class RateOut(TimedOut):
    """One row of the rate card; which further members it has depends on its form."""

    id = serializers.CharField()
    model = serializers.JSONField(help_text="A code, a list of codes, or null for any.")
    task = serializers.JSONField(help_text="A code, a list of codes, or null for any.")
    match = serializers.DictField(
        help_text="Dimensions (and plan, surface, region, currency, book) that must have this "
        "value, one of these, or one in this range."
    )
    form = serializers.ChoiceField(choices=["flat", "per_unit", "lookup", "tiers", "tokens"])
    unit = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # DRF's metaclass takes declared fields off the class
    free = serializers.BooleanField(required=False, help_text="A price of 0 is meant.")
    price = CreditsField(required=False, help_text="flat, per_unit, tokens")
    basis = serializers.CharField(required=False, help_text="per_unit, tiers: what counts")
    rounding = serializers.CharField(required=False, help_text="per_unit, tiers: of the count")
    included = serializers.IntegerField(required=False, help_text="per_unit: free of charge")
    block = serializers.IntegerField(required=False, help_text="per_unit: the price is per block")
    base = CreditsField(required=False, help_text="per_unit: comes on top")
    by = serializers.CharField(required=False, help_text="lookup: the dimension looked up")
    table = serializers.DictField(child=CreditsField(), required=False, help_text="lookup")
    mode = serializers.CharField(required=False, help_text="tiers: graduated or volume")
    tier = TierOut(many=True, required=False, help_text="tiers")
    per = serializers.IntegerField(required=False, help_text="tokens: the price is for so many")
    divisor = serializers.IntegerField(required=False, help_text="tokens")
    width = serializers.CharField(required=False, help_text="tokens: the dimension of it")
    height = serializers.CharField(required=False, help_text="tokens: the dimension of it")
    fps = serializers.CharField(required=False, help_text="tokens: the dimension of it")
    seconds = serializers.ListField(child=serializers.CharField(), required=False)
    tokens = serializers.CharField(required=False, help_text="tokens: where they are known")
    tokens_min = serializers.IntegerField(required=False, help_text="tokens: billed at least")
    min = CreditsField(required=False, help_text="The least price of an output.")
    max = CreditsField(required=False, help_text="The highest price of an output.")
    also = AlsoOut(many=True, required=False, help_text="Parts that come on top, in order.")


class PerItemOut(serializers.Serializer[Any]):
    """So much for each item of a dimension beyond the first `beyond`."""

    basis = serializers.CharField()
    price = CreditsField()
    beyond = serializers.IntegerField()


class ModifierOut(TimedOut):
    """A change of the price of one output, for the orders that it matches; one of the five."""

    id = serializers.CharField()
    match = serializers.DictField()
    label = serializers.CharField()  # type: ignore[assignment]  # DRF's metaclass takes declared fields off the class
    factor = serializers.CharField(required=False, help_text='Times: "0.5", or a ratio "1/7".')
    add = CreditsField(required=False)
    per_item = PerItemOut(required=False)
    at_least = CreditsField(required=False)
    at_most = CreditsField(required=False)


class RatesOut(serializers.Serializer[Any]):
    """The rate card of one catalog version."""

    rate_card = serializers.CharField(help_text="The catalog version, as quotes name it.")
    data = RateOut(many=True)  # type: ignore[assignment]  # DRF's metaclass takes declared fields off the class
    modifiers = ModifierOut(many=True, help_text="Applied to every price, in this order.")
    next = serializers.CharField(allow_null=True, help_text="Always null: the card is whole.")


class CatalogDetail(APIView):
    """What is for sale; public and cacheable."""

    authentication_classes = []
    permission_classes = [AllowAny]
    authz: ClassVar = {"GET": "plans.read"}
    refusals: ClassVar = {"GET": [NoCatalog]}

    @extend_schema(responses={200: CatalogOut, 304: None}, operation_id="read_catalog")
    def get(self, request: Request) -> HttpResponse:
        """Read plans, packs and models. Repeat cheaply with `If-None-Match`."""
        shown = CatalogOut(selectors.current(), context={"at": timezone.now()})
        return _cacheable(request, shown.data)


class RateList(APIView):
    """What an order costs; public and cacheable."""

    authentication_classes = []
    permission_classes = [AllowAny]
    authz: ClassVar = {"GET": "plans.read"}
    refusals: ClassVar = {"GET": [NoCatalog]}

    @extend_schema(
        responses={200: RatesOut, 304: None},
        operation_id="read_rates",
        parameters=[OpenApiParameter("model", str, description="Only the rows of this model.")],
    )
    def get(self, request: Request) -> HttpResponse:
        """Read the rate card: of the rows that match an order, the narrowest prices it."""
        published = selectors.current()
        catalog, model = published.catalog, request.query_params.get("model")
        rates = catalog.rates_for(model) if model else catalog.rates
        unit = catalog.credit.name.said()
        card = {
            "rate_card": published.version_id,
            "data": [_rate(rate, unit) for rate in rates],
            "modifiers": [_row(modifier) for modifier in catalog.modifiers],
            "next": None,
        }
        return _cacheable(request, card)


def _rate(rate: AnyRate, unit: str) -> dict[str, object]:
    row = _row(rate)
    match = row["match"]
    assert isinstance(match, dict)
    return {"model": match.pop("model", None), "task": match.pop("task", None), **row, "unit": unit}


def _row(row: AnyRate | Modifier) -> dict[str, object]:
    """Return a row as its file says it, without what it leaves at nothing."""
    written = row.model_dump(by_alias=True, mode="json", exclude={"match", "label", "ref"})
    return {
        "match": spoken_match(row.match),
        **{
            name: value
            for name, value in written.items()
            if value is not None and value is not False and value != []
        },
        **_times(row),
        **_labels(row),
        "label": row.label.said() if row.label else row.id,
    }


def _times(row: Matched) -> dict[str, str]:
    """Return when the row counts, in UTC as every instant of the API."""
    ends = {"from": row.starts_at, "until": row.ends_at}
    return {
        name: at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        for name, at in ends.items()
        if at is not None
    }


def _labels(row: AnyRate | Modifier) -> dict[str, object]:
    """Return the parts on top with their labels in the language of the one who asks."""
    if isinstance(row, Modifier) or not row.also:
        return {}
    return {
        "also": [
            {
                **part.model_dump(by_alias=True, mode="json", exclude={"label"}, exclude_none=True),
                **({"label": part.label.said()} if part.label else {}),
            }
            for part in row.also
        ]
    }


def _cacheable(request: Request, document: object) -> HttpResponse:
    """Return `document`, or 304 when the caller has these very bytes already."""
    body = JSONRenderer().render(document)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    response = HttpResponse(body, content_type="application/json", headers={"ETag": etag})
    patch_cache_control(response, public=True, max_age=_FRESH_SECONDS)
    return get_conditional_response(request, etag=etag, response=response) or response
