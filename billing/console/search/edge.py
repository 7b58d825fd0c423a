"""The page of the search: what is typed is posted, and stands in no address and no record."""

from typing import Final

from cryptography.fernet import InvalidToken
from django import forms
from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from billing import sealing
from billing.console.search import finding
from billing.console.search.shapes import LENGTH_MAX
from billing.operators.admin.confirming import only_looks

_SALT: Final = "billing.console.search"


class SoughtForm(forms.Form):
    """What is looked for."""

    text = forms.CharField(max_length=LENGTH_MAX)


@only_looks
@permission_required("billing.view_account", raise_exception=True)
def search(request: HttpRequest) -> HttpResponse:
    """Lead to the one thing that is found, or to a list; its address has what was typed sealed."""
    if request.method == "POST":
        return _led(request)
    try:
        sought = sealing.opened(request.GET.get("for", ""), salt=_SALT)
    except InvalidToken:
        sought = ""
    hits = _found(request, sought)
    context = {
        **admin.site.each_context(request),
        "title": _("Search"),
        "sought": sought,
        "hits": hits,
        "is_cut": len(hits) == finding.HITS_MAX,
        "says": _says(),
        "kinds": _kinds(),
    }
    return render(request, "console/search.html", context)


def _led(request: HttpRequest) -> HttpResponse:
    form, page = SoughtForm(request.POST), reverse("console-search")
    if not form.is_valid():
        return HttpResponseRedirect(page)
    sought = form.cleaned_data["text"]
    hits = _found(request, sought)
    if len(hits) == 1:
        return HttpResponseRedirect(hits[0].path)
    sealed = urlencode({"for": sealing.seal(sought, salt=_SALT)})
    return HttpResponseRedirect(f"{page}?{sealed}")


def _found(request: HttpRequest, sought: str) -> list[finding.Hit]:
    assert isinstance(request.user, User), "nobody else comes into the admin"
    return finding.find(sought, operator=request.user) if sought else []


def _says() -> dict[str, str]:
    return {
        "label": _("Look for an account, or for anything that belongs to one"),
        "found": _("Found"),
        "kind": _("kind"),
        "row": _("row"),
        "account": _("account"),
        "sandbox": _("sandbox"),
        "nothing": _("Nothing has this name or id, or you may not see it."),
        "cut": _("Only the first %(count)d are shown.") % {"count": finding.HITS_MAX},
        "what": _("What can be looked for"),
    }


def _kinds() -> list[str]:
    """Return what can be looked for, for whoever has found nothing."""
    return [
        _("the platform's name for an account, or our id of it: acc_…"),
        _("any other id of ours: job_…, en_…, gr_…, ho_…, pu_…, rf_…, whd_…, evt_…, org_…, …"),
        _("an id of Stripe's: pi_…, ch_…, in_…, sub_…, cus_…, cs_…, re_…, dp_…, evt_…"),
        _("an e-mail address or a phone number, or the SHA-256 of one, that the platform has told"),
        _("the fingerprint of a card, or what marks a device, that the platform has told"),
        _("a code to redeem, as somebody typed it"),
        _("the id of a task at its backend"),
        _("the id of a request: what X-Request-Id said, for as long as its rows are kept"),
    ]
