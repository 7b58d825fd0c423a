"""The way in: the password, then the code; at first the setting up of a device."""

import textwrap
from typing import Any
from urllib.parse import urlencode

import segno
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from billing.errors import DomainError
from billing.operators import selectors, services
from billing.operators.addresses import address_of
from billing.operators.admin import sessions
from billing.operators.forms import CodeForm, SignInForm
from billing.operators.models import AccessRecord

_TEMPLATE = "admin/billing/second_factor.html"
_QR_SCALE = 5
_TYPED_AT_ONCE = 4  # as many characters of a secret as one keeps in mind
_SVG = "http://www.w3.org/2000/svg"


def sign_in(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Ask for name and password; then the code, or the setting up of a device, is next."""
    if request.method != "POST" and site.has_permission(request):
        return HttpResponseRedirect(_goal(request))
    form = SignInForm(request.POST or None)
    if form.is_valid():
        now = timezone.now()
        try:
            operator = services.check_password(
                name=form.cleaned_data["username"],
                password=form.cleaned_data["password"],
                address=address_of(request),
                now=now,
            )
        except DomainError as refusal:
            form.add_error(None, refusal.message)
        else:
            sessions.begin(request, operator, now=now)
            return _to("code", request)
    context = {"title": _("Log in"), "app_path": request.get_full_path(), "form": form}
    return render(request, "admin/login.html", {**site.each_context(request), **context})


def code(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Ask who has given his password for a code; who has no device yet sets one up."""
    now = timezone.now()
    operator = sessions.begun(request, now=now)
    if operator is None:
        return _to("login", request)
    if selectors.second_factor_of(operator) is None:
        return _to("enrol", request)
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            authenticator = services.prove(
                operator=operator,
                typed=form.cleaned_data["code"],
                kind=AccessRecord.Kind.SIGNED_IN,
                address=address_of(request),
                now=now,
            )
        except DomainError as refusal:
            form.add_error("code", refusal.message)
        else:
            sessions.come_in(request, operator, authenticator, now=now)
            return HttpResponseRedirect(_goal(request))
    return _shown(
        site,
        request,
        title=_("Your code"),
        form=form,
        button=_("Log in"),
        back=_elsewhere(),
        says=[
            _("Type the six digits that your authenticator app shows for Linggan now."),
            _("No device at hand? Type one of your recovery codes. Each opens once."),
        ],
    )


def enrol(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show a new device's secret, and take its first code; then show the codes for paper, once."""
    now = timezone.now()
    operator = sessions.begun(request, now=now)
    secret = None if operator is None else selectors.offered_secret(operator)
    if operator is None or secret is None:
        return _to("code" if operator else "login", request)
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            sheet = services.enrol(
                operator=operator,
                typed=form.cleaned_data["code"],
                address=address_of(request),
                now=now,
            )
        except DomainError as refusal:
            form.add_error("code", refusal.message)
        else:
            _come_in_first(request, operator)
            return _sheet(site, request, sheet, goal=_goal(request))
    return _shown(
        site,
        request,
        title=_("Set up your second factor"),
        form=form,
        button=_("Set it up"),
        secret=textwrap.wrap(secret, _TYPED_AT_ONCE),
        back=_elsewhere(),
        secret_says=_("Or type this secret into the app:"),
        picture_says=_("A picture for your authenticator app; the secret below says the same."),
        says=[
            _("Whoever works here proves himself by a password and by a device."),
            _("Scan this with an authenticator app, then type the six digits that it shows."),
        ],
    )


def picture(_site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Return the picture that gives a device its secret; it is drawn here.

    Raises:
        Http404: nobody is about to set one up.
    """
    operator = sessions.begun(request, now=timezone.now())
    address = None if operator is None else selectors.offered_address(operator)
    if address is None:
        raise Http404
    drawn = segno.make(address, error="m", micro=False)
    # White below the black, for the dark look too: a camera wants it so.
    svg = drawn.svg_inline(scale=_QR_SCALE, dark="#000", light="#fff")
    picture_of_its_own = svg.replace("<svg ", f'<svg xmlns="{_SVG}" ', 1)
    return HttpResponse(picture_of_its_own, content_type="image/svg+xml")


def second_factor(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show an operator how many codes on paper he has left, and make him new ones."""
    assert isinstance(request.user, User), "nobody else comes into the admin"
    if request.method == "POST":
        sheet = services.renew_recovery_codes(
            operator=request.user, address=address_of(request), now=timezone.now()
        )
        return _sheet(site, request, sheet, goal=reverse("admin:index"))
    present = selectors.second_factor_of(request.user)
    left = 0 if present is None else selectors.recovery_codes_left(present)
    return _shown(
        site,
        request,
        title=_("Second factor"),
        button=_("Make ten new recovery codes"),
        back={"path": reverse("admin:index"), "name": _("To the administration")},
        says=[
            _("Recovery codes that still open: %(left)d.") % {"left": left},
            _("New ones take the place of all of them."),
            _("Another device? Ask a superuser to reset your second factor."),
        ],
    )


def _elsewhere() -> dict[str, str]:
    """Return the way for whoever has given another's name, or has to begin anew."""
    return {"path": reverse("admin:login"), "name": _("Log in as somebody else")}


def _come_in_first(request: HttpRequest, operator: User) -> None:
    authenticator = selectors.second_factor_of(operator)
    assert authenticator is not None, "it has just been confirmed"
    sessions.come_in(request, operator, authenticator, now=timezone.now())


def _sheet(site: AdminSite, request: HttpRequest, sheet: list[str], *, goal: str) -> HttpResponse:
    return _shown(
        site,
        request,
        title=_("Your recovery codes"),
        sheet=sheet,
        goal=goal,
        go_on=_("I have kept them"),
        says=[
            _("Print these codes or write them down: they are shown this once."),
            _("Each opens once, when you have no device at hand."),
        ],
    )


def _shown(site: AdminSite, request: HttpRequest, **context: Any) -> HttpResponse:  # noqa: ANN401 (a page's words)
    return render(request, _TEMPLATE, {**site.each_context(request), **context})


def _to(page: str, request: HttpRequest) -> HttpResponseRedirect:
    """Lead to another page on the way in, that knows where the way leads."""
    goal = urlencode({REDIRECT_FIELD_NAME: _goal(request)})
    return HttpResponseRedirect(f"{reverse(f'admin:{page}')}?{goal}")


def _goal(request: HttpRequest) -> str:
    """Return where somebody wanted to go, if that is a page of ours; else the first page."""
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else reverse("admin:index")
