"""The picture that browsers ask every host for by themselves, whatever a page says of another."""

from functools import cache
from pathlib import Path
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

_PLACE: Final = Path(__file__).resolve().parents[1] / "static" / "pages" / "icon.ico"
# It has one address for ever, so a new one is seen after a day.
_FRESH: Final = "public, max-age=86400"


@require_safe
def icon(_request: HttpRequest) -> HttpResponse:
    """Show it; it is read from beside the code, so it needs no collected files."""
    return HttpResponse(_drawn(), content_type="image/x-icon", headers={"Cache-Control": _FRESH})


@cache
def _drawn() -> bytes:
    return _PLACE.read_bytes()
