"""What comes in and goes out over REST about webhooks."""

from typing import Any, Final

from rest_framework import serializers

from billing.egress.addresses import URL_LENGTH_MAX
from billing.http.parsing import InstantField, StrictIn
from billing.webhooks.event_types import EventType
from billing.webhooks.models import Delivery, DeliveryAttempt, Endpoint

_TYPES: Final = [kind.value for kind in EventType]


class EndpointIn(StrictIn):
    """Where to send what."""

    url = serializers.CharField(max_length=URL_LENGTH_MAX, trim_whitespace=False)
    events = serializers.ListField(
        child=serializers.ChoiceField(_TYPES),
        max_length=len(_TYPES),
        default=list,
        help_text="Types to be told of; empty or left out: all.",
    )


class EndpointChangeIn(StrictIn):
    """What shall be otherwise; what is left out stays."""

    url = serializers.CharField(
        max_length=URL_LENGTH_MAX,
        trim_whitespace=False,
        required=False,
        help_text="The secret stays.",
    )
    events = serializers.ListField(
        child=serializers.ChoiceField(_TYPES),
        max_length=len(_TYPES),
        required=False,
        help_text="Types to be told of; empty: all.",
    )
    enabled = serializers.BooleanField(
        required=False,
        help_text="Off: nothing is sent, and what is on its way is given up. On: it is told of "
        "what happens from now on; a replay sends what it has missed.",
    )


class EndpointOut(serializers.ModelSerializer[Endpoint]):
    """An endpoint, without its secret."""

    status = serializers.SerializerMethodField()

    class Meta:
        model = Endpoint
        fields = ["id", "url", "events", "status", "disabled_reason", "disabled_at", "created_at"]

    def get_status(self, endpoint: Endpoint) -> str:
        """Return whether anything is sent to it."""
        return "enabled" if endpoint.disabled_at is None else "disabled"


class NewEndpointOut(EndpointOut):
    """An endpoint and the secret that its messages are signed with, told this once."""

    secret = serializers.CharField(source="secret_sealed")

    class Meta:
        model = Endpoint
        fields = [*EndpointOut.Meta.fields, "secret"]


class ReplayIn(StrictIn):
    """Which events to send once more."""

    to = InstantField(help_text="This instant not included.")
    types = serializers.ListField(
        child=serializers.ChoiceField(_TYPES),
        max_length=len(_TYPES),
        default=list,
        help_text="Of these alone; empty or left out: all that the endpoint wants.",
    )
    only_dead = serializers.BooleanField(
        default=False, help_text="Only what was given up, not what it took or was never sent."
    )

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; one is called by a word of Python's."""
        began = InstantField(help_text="When they happened; this instant included.")
        return {"from": began, **super().get_fields()}


class ReplayOut(serializers.Serializer[Any]):
    """What became of it."""

    replayed = serializers.IntegerField(help_text="How many events are on their way once more.")


class EndpointPage(serializers.Serializer[Any]):
    """A page of endpoints."""

    data = EndpointOut(many=True)  # type: ignore[assignment]  # the contract's name; also a property of DRF's
    next = serializers.CharField(allow_null=True)


class DeliveryOut(serializers.ModelSerializer[Delivery]):
    """One event on its way to one endpoint."""

    event = serializers.CharField(source="event_id")
    type = serializers.CharField(source="event.type")
    sequence = serializers.IntegerField(source="event.sequence", allow_null=True)
    status = serializers.ChoiceField(["pending", "delivered", "dead"])
    next_attempt_at = serializers.DateTimeField(source="next_at", allow_null=True)

    class Meta:
        model = Delivery
        fields = [
            *("id", "event", "type", "sequence", "status", "waits_for", "attempts"),
            *("next_attempt_at", "last_status", "last_trouble", "last_excerpt"),
            *("delivered_at", "dead_at", "created_at"),
        ]


class AttemptOut(serializers.ModelSerializer[DeliveryAttempt]):
    """One try, and what the receiver said to it."""

    class Meta:
        model = DeliveryAttempt
        fields = ["number", "begun_at", "took_ms", "status", "trouble", "excerpt"]


class DeliveryDetailOut(DeliveryOut):
    """A delivery with what was sent and all that was answered."""

    body = serializers.CharField(
        source="event.payload", help_text="What is sent and signed, byte for byte."
    )
    log = AttemptOut(many=True, help_text="Every try, the first first.")

    class Meta:
        model = Delivery
        fields = [*DeliveryOut.Meta.fields, "body", "log"]


class DeliveryPage(serializers.Serializer[Any]):
    """A page of deliveries."""

    data = DeliveryOut(many=True)  # type: ignore[assignment]  # as in EndpointPage
    next = serializers.CharField(allow_null=True)
