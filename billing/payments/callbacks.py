"""Where Stripe tells what happened. Proven, written down, answered; a worker applies it."""

from typing import ClassVar, Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from billing.http import errors, problems
from billing.payments import services

_BODY_BYTES_MAX: Final = 512 * 1024


@method_decorator(csrf_exempt, name="dispatch")
class StripeCallback(View):
    """`POST /webhooks/stripe`."""

    authz: ClassVar = {"POST": "stripe.webhook"}
    http_method_names = ["post"]

    def http_method_not_allowed(
        self, request: HttpRequest, *_args: object, **_kwargs: object
    ) -> HttpResponse:
        """Answer as every other address for programs does."""
        return problems.no_method(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Take Stripe's word down. 200 means: it will be applied, whatever crashes now."""
        try:
            services.hear(
                body=_bounded_body(request),
                signature=request.headers.get("Stripe-Signature", ""),
                now=timezone.now(),
            )
        except Exception as wrong:
            # A database that is away, too: come again. No name here is left with the refusal: it
            # knows this frame, and both would keep the body until the collector comes.
            answer = problems.answer_refusal(wrong, {})
            if answer is None:
                raise
            return answer
        return HttpResponse()


def _bounded_body(request: HttpRequest) -> bytes:
    body: bytes = request.read(_BODY_BYTES_MAX + 1)
    if len(body) > _BODY_BYTES_MAX:
        raise errors.TooLarge(_("The body is too large."))
    return body
