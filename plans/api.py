"""The public window: what is for sale, and what an order costs."""

import hashlib
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils.cache import get_conditional_response, patch_cache_control
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from plans import selectors
from plans.catalog.rates import AnyRate
from plans.catalog.schema import PlanPrice
from plans.credits import format_micros
from plans.errors import NoCatalog

_FRESH_SECONDS = 60


class CreditsField(serializers.CharField):
    """An amount of credits: micros inside, a decimal string outside."""

    def to_representation(self, value: Any) -> str:  # noqa: ANN401 (as the base)
        """Return the shortest decimal: "66", "0.63"."""
        return format_micros(int(value))


class MoneyOut(serializers.Serializer[Any]):
    """An amount of money: a decimal string of at least two places, and its currency."""

    amount = serializers.CharField()
    currency = serializers.CharField()


@extend_schema_field(MoneyOut(allow_null=True))
class MoneyField(serializers.Field[Any, Any, Any, PlanPrice]):
    """One of the amounts of a price, named by the attribute that holds its micros."""

    def __init__(self, attribute: str) -> None:
        super().__init__(source="*", read_only=True)
        self._attribute = attribute

    def to_representation(self, value: PlanPrice) -> dict[str, str] | None:
        """Return the amount as prices are written, "66.00"; None when the price has none."""
        micros: int | None = getattr(value, self._attribute)
        if micros is None:
            return None
        whole, _point, places = format_micros(micros).partition(".")
        return {"amount": f"{whole}.{places.ljust(2, '0')}", "currency": value.currency}


class TextOut(serializers.Serializer[Any]):
    """A name in both languages."""

    en = serializers.CharField()
    zh = serializers.CharField()


class CreditOut(serializers.Serializer[Any]):
    """The unit of all credit amounts."""

    name = TextOut()
    decimals = serializers.IntegerField()
    rounding = serializers.CharField()


class PriceOut(serializers.Serializer[Any]):
    """A price in one currency: the list price, the first period's, and the renewal's."""

    interval = serializers.CharField(allow_null=True, help_text="ISO 8601 period; null: once.")
    list = MoneyField("list_micros")
    first = MoneyField("first_micros")
    renewal = MoneyField("renewal_micros")


class AllowanceOut(serializers.Serializer[Any]):
    """Credits that come with a plan."""

    code = serializers.CharField()
    cadence = serializers.CharField()
    mode = serializers.CharField()
    credits = CreditsField(source="credits_micros")
    zone = serializers.CharField(allow_null=True, help_text="Null: the catalog's zone.")
    rollover = serializers.CharField()
    expiry = serializers.CharField()
    priority = serializers.IntegerField()
    source = serializers.CharField()  # type: ignore[assignment]  # DRF's metaclass takes declared fields off the class


class EntitlementsOut(serializers.Serializer[Any]):
    """What a plan allows; a dimension that is not named is not limited."""

    concurrency = serializers.IntegerField()
    excess = serializers.CharField()
    allow = serializers.DictField(child=serializers.ListField())
    max = serializers.DictField(child=serializers.IntegerField())
    flags = serializers.DictField(child=serializers.BooleanField())


class PlanOut(serializers.Serializer[Any]):
    """A plan with all that it brings."""

    code = serializers.CharField()
    name = TextOut()
    free = serializers.BooleanField()
    prices = PriceOut(many=True)
    allowances = AllowanceOut(many=True)
    entitlements = EntitlementsOut()


class BonusOut(serializers.Serializer[Any]):
    """Credits on top of a pack, as a grant of their own."""

    credits = CreditsField(source="credits_micros")
    expiry = serializers.CharField()
    priority = serializers.IntegerField()
    source = serializers.CharField()  # type: ignore[assignment]  # DRF's metaclass takes declared fields off the class


class PackOut(BonusOut):
    """Credits bought once."""

    code = serializers.CharField()
    name = TextOut()
    prices = PriceOut(many=True)
    bonus = BonusOut(allow_null=True)


class DimensionOut(serializers.Serializer[Any]):
    """One choice of an order: one of `values`, or a whole number from `min` to `max`."""

    values = serializers.ListField(allow_null=True)
    min = serializers.IntegerField(allow_null=True)
    max = serializers.IntegerField(allow_null=True)
    default = serializers.JSONField(allow_null=True)


class TaskOut(serializers.Serializer[Any]):
    """A task of a model; its dimensions stand over the model's."""

    code = serializers.CharField()
    requires = serializers.ListField(child=serializers.CharField())
    chain_seconds_max = serializers.IntegerField(allow_null=True)
    dimensions = serializers.DictField(child=DimensionOut())


class ModelOut(serializers.Serializer[Any]):
    """A model that can be ordered."""

    code = serializers.CharField()
    name = TextOut()
    tasks = TaskOut(many=True)
    dimensions = serializers.DictField(child=DimensionOut())


class CatalogOut(serializers.Serializer[Any]):
    """Everything that is for sale now."""

    id = serializers.CharField(source="version_id")
    slug = serializers.CharField(source="catalog.slug")
    title = TextOut(source="catalog.title")
    zone = serializers.CharField(source="catalog.zone")
    credit = CreditOut(source="catalog.credit")
    burn_order = serializers.ListField(source="catalog.burn_order", child=serializers.CharField())
    plans = PlanOut(source="catalog.plans", many=True)
    packs = PackOut(source="catalog.packs", many=True)
    models = ModelOut(source="catalog.models", many=True)


class RateOut(serializers.Serializer[Any]):
    """One row of the rate card; which further members it has depends on its form."""

    id = serializers.CharField()
    model = serializers.JSONField(help_text="A code, a list of codes, or null for any.")
    task = serializers.JSONField(help_text="A code, a list of codes, or null for any.")
    match = serializers.DictField(help_text="Dimensions that must have this value or one of these.")
    form = serializers.CharField()
    unit = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # DRF's metaclass takes declared fields off the class
    price = CreditsField(required=False, help_text="flat, per_unit")
    basis = serializers.CharField(required=False, help_text="per_unit: the dimension that counts")
    rounding = serializers.CharField(required=False, help_text="per_unit: of the count")
    included = serializers.IntegerField(required=False, help_text="per_unit: free of charge")
    block = serializers.IntegerField(required=False, help_text="per_unit: the price is per block")
    base = CreditsField(required=False, help_text="per_unit: comes on top")
    min = CreditsField(required=False, help_text="per_unit: the least price of an output")
    max = CreditsField(required=False, help_text="per_unit: the highest price of an output")
    by = serializers.CharField(required=False, help_text="lookup: the dimension looked up")
    table = serializers.DictField(child=CreditsField(), required=False, help_text="lookup")


class RatesOut(serializers.Serializer[Any]):
    """The rate card of one catalog version."""

    rate_card = serializers.CharField(help_text="The catalog version, as quotes name it.")
    data = RateOut(many=True)  # type: ignore[assignment]  # DRF's metaclass takes declared fields off the class
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
        return _cacheable(request, CatalogOut(selectors.current()).data)


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
            "data": [_row(rate, unit) for rate in rates],
            "next": None,
        }
        return _cacheable(request, card)


def _row(rate: AnyRate, unit: str) -> dict[str, object]:
    match = {
        name: values[0] if len(values) == 1 else list(values)
        for name, values in rate.match.items()
        if values
    }
    written = rate.model_dump(by_alias=True, mode="json", exclude={"match", "label"})
    return {
        "model": match.pop("model", None),
        "task": match.pop("task", None),
        "match": match,
        **{name: value for name, value in written.items() if value is not None},
        "unit": unit,
        "label": rate.label.said() if rate.label else rate.id,
    }


def _cacheable(request: Request, document: object) -> HttpResponse:
    """Return `document`, or 304 when the caller has these very bytes already."""
    body = JSONRenderer().render(document)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    response = HttpResponse(body, content_type="application/json", headers={"ETag": etag})
    patch_cache_control(response, public=True, max_age=_FRESH_SECONDS)
    return get_conditional_response(request, etag=etag, response=response) or response
