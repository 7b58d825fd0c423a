"""What every answer forbids a browser: scripts of others, frames, devices, guesses."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

_Respond = Callable[[HttpRequest], HttpResponse]


def _policy(**allowed: str) -> str:
    """Return a Content-Security-Policy that allows this and nothing else."""
    words = {"default_src": "'none'", "base_uri": "'none'", "frame_ancestors": "'none'", **allowed}
    return "; ".join(f"{name.replace('_', '-')} {value}" for name, value in words.items())


# An answer for programs is no page: what would show it as one may load, run and send nothing.
_DATA: Final = _policy(form_action="'none'")
# Alpine, which moves unfold's windows, evaluates the texts of attributes, and sets styles. Neither
# a script in the page nor one from elsewhere runs.
_ADMIN: Final = _policy(
    script_src="'self' 'unsafe-eval'",
    style_src="'self' 'unsafe-inline'",
    img_src="'self' data:",
    font_src="'self'",
    connect_src="'self'",
    form_action="'self'",
)
# Swagger UI has a few rules of style in its page, and asks us alone.
_DOCS: Final = _policy(
    script_src="'self'",
    style_src="'self' 'unsafe-inline'",
    img_src="'self' data:",
    font_src="'self'",
    connect_src="'self'",
    form_action="'none'",
)
_PAGES: Final = (("/admin/", _ADMIN), ("/v1/docs", _DOCS))
# A platform's pages show films that lie here; nothing else of ours stands in others' pages.
_SHOWN_ELSEWHERE: Final = ("/v1/outputs/",)
_DEVICES: Final = (
    *("accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "fullscreen"),
    *("geolocation", "gyroscope", "hid", "magnetometer", "microphone", "midi", "payment"),
    *("publickey-credentials-get", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking"),
)
_PERMISSIONS: Final = ", ".join(f"{device}=()" for device in _DEVICES)


class Guards:
    """Puts these headers on each answer whose view has not said its own.

    Beside it stand Django's own: HSTS, nosniff, Referrer-Policy, COOP and X-Frame-Options.
    """

    def __init__(self, get_response: _Respond) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the answer with its guards."""
        response = self._get_response(request)
        for name, value in guards_of(request.path_info).items():
            response.headers.setdefault(name, value)
        return response


def guards_of(path: str) -> dict[str, str]:
    """Return the headers of an answer at `path`; what is not known as a page is data."""
    policy = next((policy for start, policy in _PAGES if path.startswith(start)), _DATA)
    shown = "cross-origin" if path.startswith(_SHOWN_ELSEWHERE) else "same-origin"
    return {
        "Content-Security-Policy": policy,
        "Permissions-Policy": _PERMISSIONS,
        "Cross-Origin-Resource-Policy": shown,
    }
