"""Refusals in the document: a shape for each code, with what it means and what mends it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from billing.errors import DomainError
from billing.http import errors, problems, remedies

CODES: Final = "x-codes"
_WAITED_FOR: Final = frozenset({429, 503})
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A refusal (RFC 9457). `type` is a page that says what the code means and what "
    "mends it; `code` is stable; `detail` is for people, in the caller's language. Some codes "
    "carry further members.",
    "additionalProperties": True,
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
            "items": {"$ref": "#/components/schemas/Complaint"},
        },
    },
}
_COMPLAINT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "One thing that is wrong in the input.",
    "required": ["pointer", "code", "detail"],
    "properties": {
        "pointer": {"type": "string", "description": "JSON Pointer into the body."},
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
}


def responses(refusals: Iterable[type[DomainError]]) -> dict[str, dict[str, Any]]:
    """Return an operation's refusals by status, each code a shape of its own."""
    by_status: dict[int, set[str]] = defaultdict(set)
    for refusal in refusals:
        by_status[problems.status_of(refusal)].add(refusal.code)
    return {
        str(status): _response(status, sorted(codes)) for status, codes in sorted(by_status.items())
    }


def shapes(paths: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the shapes that the refusals of these paths point at."""
    used = {
        code
        for methods in paths.values()
        for operation in methods.values()
        for response in operation.get("responses", {}).values()
        for code in response.get(CODES, ())
    }
    return {"Complaint": _COMPLAINT} | {_name_of(code): _shape(code) for code in sorted(used)}


def codes() -> list[str]:
    """Return every code that this service knows."""
    return sorted({refusal.code for refusal in _refusals()})


def meanings(code: str) -> list[str]:
    """Return what a code means, one sentence for each refusal that has it."""
    found = {refusal: refusal.__doc__ or "" for refusal in _refusals() if refusal.code == code}
    return sorted({_first_paragraph(text) for text in found.values()})


def status_of(code: str) -> int:
    """Return the one status that a code is answered with."""
    return next(problems.status_of(refusal) for refusal in _refusals() if refusal.code == code)


def remedy(code: str) -> str:
    """Return what the caller can do about a code."""
    kind = next(refusal.kind for refusal in _refusals() if refusal.code == code)
    return remedies.OF_CODE.get(code, remedies.OF_KIND[kind])


def _response(status: int, codes: list[str]) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": ", ".join(f"`{code}`" for code in codes),
        "content": {problems.CONTENT_TYPE: {"schema": _one_of(codes)}},
        CODES: codes,
    }
    if status in _WAITED_FOR or errors.IdempotencyInProgress.code in codes:
        response["headers"] = {
            "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
        }
    return response


def _one_of(codes: list[str]) -> dict[str, Any]:
    references = {code: f"#/components/schemas/{_name_of(code)}" for code in codes}
    if len(codes) == 1:
        return {"$ref": references[codes[0]]}
    return {
        "oneOf": [{"$ref": reference} for reference in references.values()],
        "discriminator": {"propertyName": "code", "mapping": references},
    }


def _shape(code: str) -> dict[str, Any]:
    """Return the problem of one code, whole: generators of clients cannot narrow an `allOf`."""
    own = {
        "status": {"type": "integer", "const": status_of(code)},
        "code": {"type": "string", "const": code},
    }
    return {
        **_PROBLEM,
        "description": f"{' '.join(meanings(code))} {remedy(code)}",
        "properties": _PROBLEM["properties"] | own,
    }


def _name_of(code: str) -> str:
    return "".join(word.capitalize() for word in code.split("_")) + "Problem"


def _refusals(base: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    """Yield every refusal that is loaded: what the views may answer is."""
    for child in base.__subclasses__():
        if "code" in child.__dict__:
            yield child
        yield from _refusals(child)


def _first_paragraph(text: str) -> str:
    return " ".join(text.strip().split("\n\n", maxsplit=1)[0].split())
