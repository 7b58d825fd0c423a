"""The contract as a document: each operation with its policy, its headers and its refusals.

A view declares, by attributes that map a method to its facts:

- `authz = {"GET": "job.read"}`: the row of the authorization matrix; "public" for everybody;
- `refusals = {"POST": [InsufficientCredits]}`: what it may refuse beyond what every view may;
- `idempotency = {"POST": "required"}`: it reads an Idempotency-Key ("required" or "optional");
- `paged = True`: its GET answers by `pagination.page`, and reads `limit` and `cursor`;
- `acts_for_account = False`: a service need not name an account in `X-Account`.
- `acts_for_organization = False`: nobody acts for an organization by `X-Organization` here.

A request shape that is no `StrictIn` and refuses unknown members all the same says `is_closed`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from rest_framework.permissions import AllowAny

from billing.errors import DomainError
from billing.http import errors, problems
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
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A refusal (RFC 9457). `code` is stable; `detail` is for people, in the "
    "caller's language. Some codes carry further members.",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "What is wrong in the input, one element for each complaint.",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON Pointer into the body."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
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
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
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


class Schema(AutoSchema):
    """Writes one operation, with what our own edges add to every view."""

    def get_operation(self, *place: Any, **more: Any) -> dict[str, Any] | None:  # noqa: ANN401 (as the base)
        """Return the operation with its policy, headers and refusals; None if it is excluded."""
        operation: dict[str, Any] | None = super().get_operation(*place, **more)
        if operation is None:
            return None
        policy = self._declared("authz")
        if policy:
            operation["x-authz"] = policy
        parameters = [*operation.get("parameters", []), *self._page(), *self._headers()]
        if parameters:
            operation["parameters"] = parameters
        responses = operation["responses"]
        if self._declared("idempotency"):
            for status, response in responses.items():
                if int(status) < _OK_BELOW:
                    response.setdefault("headers", {})[REPLAYED_HEADER] = {
                        "description": "Present, and `true`, when this is an earlier answer.",
                        "schema": {"type": "string", "const": "true"},
                    }
        for status, response in self._refusal_responses().items():
            responses.setdefault(status, response)
        return operation

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
        return schema

    def _declared(self, attribute: str) -> Any:  # noqa: ANN401 (each attribute has its own facts)
        return getattr(self.view, attribute, {}).get(self.method)

    def _is_public(self) -> bool:
        return any(isinstance(permission, AllowAny) for permission in self.view.get_permissions())

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
        yield from self._declared("refusals") or ()

    def _refusal_responses(self) -> dict[str, dict[str, Any]]:
        by_status: dict[int, set[str]] = defaultdict(set)
        for refusal in self._refusals():
            by_status[problems.status_of(refusal)].add(refusal.code)
        return {
            str(status): _response(status, sorted(codes))
            for status, codes in sorted(by_status.items())
        }


def document() -> dict[str, Any]:
    """Return the whole contract, as anyone may read it."""
    made: dict[str, Any] = SchemaGenerator().get_schema(  # type: ignore[no-untyped-call]  # has no types
        request=None, public=True
    )
    return made


def finish_document(result: dict[str, Any], **_generator: object) -> dict[str, Any]:
    """Return the document with the one shape that every refusal has."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    result["servers"] = [{"url": "/"}]
    return result


def _response(status: int, codes: list[str]) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": ", ".join(f"`{code}`" for code in codes),
        "content": {
            problems.CONTENT_TYPE: {
                "schema": {
                    "allOf": [
                        {"$ref": "#/components/schemas/Problem"},
                        {"type": "object", "properties": {"code": {"enum": codes}}},
                    ]
                }
            }
        },
    }
    if status in {429, 503} or errors.IdempotencyInProgress.code in codes:
        response["headers"] = {
            "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
        }
    return response
