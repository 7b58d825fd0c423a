"""Answers that a caller has already: who polls sends `If-None-Match`, and is told `304`."""

import hashlib

from django.http import HttpResponse
from django.utils.cache import get_conditional_response, patch_cache_control
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request


def answer(request: Request, body: object, *, version: object) -> HttpResponse:
    """Return a private answer, or 304 when the caller has what says the same.

    Args:
        body: the answer, as JSON shows it.
        version: all that makes the answer another one; what is signed anew each time is not in it.
    """
    etag = f'W/"{hashlib.sha256(JSONRenderer().render(version)).hexdigest()[:32]}"'
    whole = HttpResponse(
        JSONRenderer().render(body), content_type="application/json", headers={"ETag": etag}
    )
    patch_cache_control(whole, private=True, no_cache=True)
    return get_conditional_response(request._request, etag=etag, response=whole) or whole  # noqa: SLF001 (what DRF wraps)
