"""The contract as a document: each operation with its policy, its headers and its refusals.

A view declares, by attributes that map a method to its facts:

- `authz = {"GET": "job.read"}`: its action, a row of `authz.POLICIES`;
- `authz_of_fields = {"PATCH": {"role": "member.promote"}}`: the row for who says such a field;
- `refusals = {"POST": [InsufficientCredits]}`: what it may refuse beyond what every view may;
- `limit = {"POST": "money"}`: the class by which requests are counted (`limits`);
- `idempotency = {"POST": "required"}`: it reads an Idempotency-Key ("required" or "optional");
- `paged = True`: its GET answers by `pagination.page`, and reads `limit` and `cursor`;
- `any_parameters = True`: what stands behind the question mark is ignored, not refused;
- `acts_for_account = False`: a service need not name an account in `X-Account`.
- `deprecated = {"GET": Deprecated(...)}`: it will go; its answers say so as well.
- `acts_for_organization = False`: nobody acts for an organization by `X-Organization` here.

A request shape that is no `StrictIn` and refuses unknown members all the same says `is_closed`.
"""

import re
import threading
from collections.abc import Iterable, Iterator
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from django.utils.translation import get_language
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.serializers import ModelSerializer

from billing.errors import DomainError
from billing.http import authz, deprecation, errors, examples, limits, refusing
from billing.http.idempotency import HEADER as IDEMPOTENCY_HEADER
from billing.http.idempotency import REPLAYED_HEADER
from billing.http.models import KEY_LENGTH_MAX
from billing.http.pagination import LIMIT_DEFAULT, LIMIT_MAX
from billing.http.parsing import StrictIn

_Refusals = Iterable[type[DomainError]]
_EVERYWHERE: Final[_Refusals] = (
    errors.Malformed,
    errors.NotAcceptable,
    errors.Internal,
    errors.Unavailable,
)
_WITH_CALLER: Final[_Refusals] = (errors.Unauthenticated, errors.Forbidden)
_WITH_BODY: Final[_Refusals] = (errors.TooLarge, errors.UnsupportedMediaType)
_WITH_KEY: Final[_Refusals] = (errors.IdempotencyInProgress, errors.IdempotencyMismatch)
_OK_BELOW: Final = 300
_SENTENCE_END: Final = re.compile(r"(?:\.|:)\s|\n\n|\.$")
_LIMIT_HEADERS: Final[dict[str, Any]] = {
    limits.POLICY_HEADER: {
        "description": "The quotas by which the request was counted, and their windows in seconds "
        "(draft-ietf-httpapi-ratelimit-headers-11).",
        "schema": {"type": "string", "examples": ['"money-account-10s";q=20;w=10']},
    },
    limits.HEADER: {
        "description": "What is left of each, and the seconds until one more is there.",
        "schema": {"type": "string", "examples": ['"money-account-10s";r=19;t=1']},
    },
}
_KEY_PARAMETER: Final[dict[str, Any]] = {
    "name": IDEMPOTENCY_HEADER,
    "in": "header",
    "description": "A fresh value for each order; the same value again gives the first answer "
    "again, for as long as its effect exists.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": KEY_LENGTH_MAX,
        "pattern": "^[!-~]+$",
    },
}
_ACCOUNT_PARAMETER: Final[dict[str, Any]] = {
    "name": "X-Account",
    "in": "header",
    "required": False,
    "description": "The `external_id` for which a service key acts; needed with a service key, "
    "ignored with a user's token. An organization's id here, without `X-Organization`: the key "
    "acts for its pool as the platform. A write makes an account that nobody has seen, if the "
    "key has `accounts:write`; a read does not.",
    # No bounds: with a user's token it is ignored, whatever it says.
    "schema": {"type": "string"},
}
_ORGANIZATION_PARAMETER: Final[dict[str, Any]] = {
    "name": "X-Organization",
    "in": "header",
    "required": False,
    "description": "The organization for which the person acts, as a member of it and as far as "
    "his role allows. The platform itself acts for the pool by `X-Account` alone.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 48},
}
_PAGE_PARAMETERS: Final[list[dict[str, Any]]] = [
    {
        "name": "limit",
        "in": "query",
        "description": "How many at most.",
        "schema": {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT},
    },
    {
        "name": "cursor",
        "in": "query",
        "description": "The `next` of the page before; leave it out for the newest.",
        "schema": {"type": "string"},
    },
]
_LIMIT_REFERENCES: Final = {
    name: {"$ref": f"#/components/headers/{name}"} for name in _LIMIT_HEADERS
}


class Schema(AutoSchema):
    """Writes one operation, with what our own edges add to every view."""

    def get_operation(self, *place: Any, **more: Any) -> dict[str, Any] | None:  # noqa: ANN401 (as the base)
        """Return the operation with its policy, headers and refusals; None if it is excluded."""
        operation: dict[str, Any] | None = super().get_operation(*place, **more)
        if operation is None:
            return None
        action = self._declared("authz")
        if action:
            operation["x-authz"] = self._policy(action)
        limited_as = limits.declared_class(self.view, self.method)
        if limited_as:
            operation["x-limit"] = limited_as
        parameters = [*operation.get("parameters", []), *self._page(), *self._headers()]
        if parameters:
            operation["parameters"] = parameters
        responses = operation["responses"]
        for status, response in refusing.responses(self._refusals()).items():
            responses.setdefault(status, response)
        for status, response in responses.items():
            headers = self._headers_of(int(status))
            if headers:
                response.setdefault("headers", {}).update(headers)
        examples.show(operation)
        deprecation.show(operation, deprecation.declared_by(self.view, self.method))
        return operation

    def get_summary(self) -> str:
        """Return the first sentence of the view's docstring, for menus and generated code."""
        told = super().get_summary() or self.get_description()
        return " ".join(_SENTENCE_END.split(told.strip(), maxsplit=1)[0].split())

    def get_tags(self) -> list[str]:
        """Return the first word of the path below `/v1`: one group for each resource."""
        words = [word for word in self.path.split("/") if word and not word.startswith("{")]
        return words[1:2] or words[:1]

    def _map_serializer(
        self,
        serializer: Any,  # noqa: ANN401 (a class or an instance, as in the base)
        direction: Any,  # noqa: ANN401 (a literal of the base)
        bypass_extensions: bool = False,  # noqa: FBT001, FBT002 (as in the base)
    ) -> dict[str, Any]:
        schema: dict[str, Any] = super()._map_serializer(  # type: ignore[no-untyped-call]  # the base has no types
            serializer, direction, bypass_extensions
        )
        kind = serializer if isinstance(serializer, type) else type(serializer)
        if direction == "request" and (
            issubclass(kind, StrictIn) or getattr(kind, "is_closed", False)
        ):
            schema["additionalProperties"] = False
        if direction == "response" and issubclass(kind, ModelSerializer):
            # What a column gives is always there; a default of it only spares who writes it.
            columns = set(schema["properties"]) - set(kind._declared_fields)  # noqa: SLF001 (the only list of them)
            schema["required"] = sorted(columns.union(schema.get("required", ())))
        return schema

    def _get_request_for_media_type(self, serializer: Any, direction: Any = "request") -> Any:  # noqa: ANN401 (as the base)
        schema, is_required = super()._get_request_for_media_type(serializer, direction)  # type: ignore[no-untyped-call]  # the base has no types
        # One of several shapes: nothing at all is none of them.
        return schema, is_required or isinstance(serializer, PolymorphicProxySerializer)

    def _declared(self, attribute: str) -> Any:  # noqa: ANN401 (each attribute has its own facts)
        return getattr(self.view, attribute, {}).get(self.method)

    def _policy(self, action: str) -> dict[str, Any]:
        fields: dict[str, str] = self._declared("authz_of_fields") or {}
        told = {name: authz.facts_of(stricter) for name, stricter in fields.items()}
        return {**authz.facts_of(action), **({"fields": told} if told else {})}

    def _is_public(self) -> bool:
        return any(isinstance(permission, AllowAny) for permission in self.view.get_permissions())

    def _is_limited(self) -> bool:
        subjects = {"ip"} if self._is_public() else {"account", "key"}
        return limits.is_limited(limits.class_of(self.view, self.method), subjects)

    def _acts_for_account(self) -> bool:
        return not self._is_public() and getattr(self.view, "acts_for_account", True)

    def _page(self) -> list[dict[str, Any]]:
        paged = self.method == "GET" and getattr(self.view, "paged", False)
        return _PAGE_PARAMETERS if paged else []

    def _headers(self) -> Iterator[dict[str, Any]]:
        if self._acts_for_account():
            yield _ACCOUNT_PARAMETER
            if getattr(self.view, "acts_for_organization", True):
                yield _ORGANIZATION_PARAMETER
        needed = self._declared("idempotency")
        if needed:
            yield {**_KEY_PARAMETER, "required": needed == "required"}

    def _headers_of(self, status: int) -> dict[str, Any]:
        """Return the headers that an answer of this status has on our account."""
        headers: dict[str, Any] = {}
        if self._declared("idempotency") and status < _OK_BELOW:
            headers[REPLAYED_HEADER] = {
                "description": "Present, and `true`, when this is an earlier answer.",
                "schema": {"type": "string", "const": "true"},
            }
        if self._is_limited() and (status < _OK_BELOW or status == HTTPStatus.TOO_MANY_REQUESTS):
            headers |= _LIMIT_REFERENCES
        return headers

    def _refusals(self) -> Iterator[type[DomainError]]:
        yield from _EVERYWHERE
        if not self._is_public():
            yield from _WITH_CALLER
        if self._acts_for_account() or "{" in self.path:
            yield errors.NotFound
        if self.method in {"POST", "PUT", "PATCH"}:
            yield from _WITH_BODY
        if self._declared("idempotency"):
            yield from _WITH_KEY
        if self._is_limited():
            yield errors.RateLimited
        yield from self._declared("refusals") or ()


def document() -> dict[str, Any]:
    """Return the whole contract, as anyone may read it."""
    made: dict[str, Any] = SchemaGenerator().get_schema(  # type: ignore[no-untyped-call]  # has no types
        request=None, public=True
    )
    return made


class Served(SchemaGenerator):
    """Makes the contract for who asks over HTTP: once a process and language.

    It takes a second, which anybody could have again and again; and two that are made at once in a
    new process disturb each other (drf-spectacular loads its extensions at the first).
    """

    def get_schema(self, request: Request | None = None, public: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 (as the base)
        """Return the contract; it is the same for all."""
        with _turn:
            return _served(get_language() or "")


_turn: Final = threading.Lock()


@cache
def _served(_language: str) -> dict[str, Any]:
    return document()


def finish_document(result: dict[str, Any], **_generator: object) -> dict[str, Any]:
    """Return the document with the shapes of its refusals, and the headers about limits."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(refusing.shapes(result["paths"]))
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    result["components"]["headers"] = _LIMIT_HEADERS
    result["servers"] = [{"url": "/"}]
    return result
