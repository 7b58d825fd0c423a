"""Where GPU backends report. Verified, written down, answered; a worker applies it."""

from typing import ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from billing.gpu import callbacks, registry
from billing.http import errors, problems
from billing.jobs import services


@method_decorator(csrf_exempt, name="dispatch")
class BackendCallback(View):
    """`POST /webhooks/backends/{backend}/{token}`."""

    authz: ClassVar = {"POST": "gpu.callback"}
    http_method_names = ["post"]

    def http_method_not_allowed(
        self, request: HttpRequest, *_args: object, **_kwargs: object
    ) -> HttpResponse:
        """Answer as every other address for programs does."""
        return problems.no_method(request)

    def post(self, request: HttpRequest, backend: str, token: str) -> HttpResponse:
        """Take a backend's word down. 200 means: it will be applied, whatever crashes now."""
        try:
            attempt_id = callbacks.attempt_of(token)  # before a byte of the body is read
            echo = services.hear(
                backend=backend,
                attempt_id=attempt_id,
                headers=request.headers,
                body=_bounded_body(request, backend),
                now=timezone.now(),
            )
        except Exception as wrong:
            # A database that is away, too: come again. No name here is left with the refusal: it
            # knows this frame, and both would keep the body until the collector comes.
            answer = problems.answer_refusal(wrong, {})
            if answer is None:
                raise
            return answer
        return HttpResponse(echo, content_type="application/json")


def _bounded_body(request: HttpRequest, backend: str) -> bytes:
    most = registry.callback_bytes_max(backend)
    body: bytes = request.read(most + 1)
    if len(body) > most:
        raise errors.TooLarge(_("The body is too large."))
    return body
