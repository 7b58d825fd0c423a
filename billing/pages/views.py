"""The pages: look, or do one thing and say how it went."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.http import HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from billing.errors import DomainError
from billing.http import errors, problems
from billing.pages import balances, claiming, membership, paying, pricing, videos, words
from billing.pages.edge import Visit, linked, public, shown
from billing.pages.links import Page, Right
from billing.pages.paying import Refused

_AGAIN_SECONDS: Final = 3
_LOOKS_MAX: Final = 40  # two minutes; then its visitor looks again himself
_SEE_OTHER: Final = 303


def _prices(visit: Visit) -> HttpResponse:
    if visit.request.method != "POST":
        return _shown_prices(visit)
    _require_right(visit)
    found = paying.checkout_for(visit)
    if isinstance(found, Refused):
        return _shown_prices(visit, alert=found.detail, status=found.status)
    return _lead_to(found)


def _shown_prices(visit: Visit, *, alert: str = "", status: int = 200) -> HttpResponse:
    facts = {**pricing.facts(visit), "alert": alert, "text": words.of_pricing()}
    return _tab(visit, Page.PRICING, facts, status=status)


def _balance(visit: Visit) -> HttpResponse:
    _require_look(visit)
    return _tab(visit, Page.BALANCE, {**balances.facts(visit), "text": words.of_balance()})


def _videos(visit: Visit) -> HttpResponse:
    _require_look(visit)
    return _tab(visit, Page.VIDEOS, {**videos.facts(visit), "text": words.of_videos()})


def _check_in(visit: Visit) -> HttpResponse:
    text = words.of_check_in()
    if visit.request.method != "POST":
        return _tab(visit, Page.CHECK_IN, {**claiming.facts(visit), "text": text})
    _require_right(visit)
    try:
        facts, status = claiming.claimed(visit), 200
    except DomainError as refusal:
        facts = {**claiming.facts(visit), "alert": refusal.message}
        status = problems.status_of(refusal)
    return _tab(visit, Page.CHECK_IN, {**facts, "text": text}, status=status)


def _plan(visit: Visit) -> HttpResponse:
    if visit.request.method != "POST":
        return _shown_plan(visit)
    _require_right(visit)
    acts = {
        "portal": lambda: _lead_to(paying.portal_for(visit)),
        "change": lambda: _changed(visit),
        "end": lambda: _done(visit, paying.end_plan),
        "resume": lambda: _done(visit, paying.resume_plan),
    }
    act = acts.get(str(visit.request.POST.get("do", "")))
    if act is None:
        raise errors.Malformed(_("The form is not one of these pages."))
    try:
        return act()
    except DomainError as refusal:
        return _shown_plan(visit, alert=refusal.message, status=problems.status_of(refusal))


def _changed(visit: Visit) -> HttpResponse:
    refusal = paying.changed_plan(visit)
    if refusal is None:
        return _lead_to(visit.path(Page.PLAN))
    return _shown_plan(visit, alert=refusal.detail, status=refusal.status)


def _shown_plan(visit: Visit, *, alert: str = "", status: int = 200) -> HttpResponse:
    facts = {**membership.facts(visit), "alert": alert, "text": words.of_plan()}
    return _tab(visit, Page.PLAN, facts, status=status)


def _return(visit: Visit) -> HttpResponse:
    """Show how a payment stands; while it is on its way, the browser is asked to look again."""
    _require_look(visit)
    facts = paying.returned(visit)
    looks = _looks_of(visit)
    waits = facts["state"] == "waiting"
    facts |= {"text": words.of_return(), "is_slow": looks >= _LOOKS_MAX, "again": visit.here(n="0")}
    answer = shown(visit, "return", words.of_return()[facts["state"]], facts)
    if waits and looks < _LOOKS_MAX:
        answer["Refresh"] = f"{_AGAIN_SECONDS}; url={visit.here(n=str(looks + 1))}"
    return answer


def _looks_of(visit: Visit) -> int:
    said = str(visit.request.GET.get("n", ""))
    is_number = said.isascii() and said.isdecimal() and len(said) <= len(str(_LOOKS_MAX))
    return int(said) if is_number else 0


def _tab(visit: Visit, page: Page, facts: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    return shown(visit, page.value, words.tabs()[page], facts, page=page, status=status)


def _require_look(visit: Visit) -> None:
    """Refuse to be sent a form where there is none.

    Raises:
        MethodNotAllowed: it is.
    """
    if visit.request.method == "POST":
        raise errors.MethodNotAllowed(_("There is no %(method)s here.") % {"method": "POST"})


def _require_right(visit: Visit) -> None:
    """Refuse to act for who may only look.

    Raises:
        Forbidden: he may.
    """
    if not visit.may_act:
        raise errors.Forbidden(words.everywhere()["looks_only"])


def _done(visit: Visit, act: Callable[[Visit], None]) -> HttpResponse:
    act(visit)
    return _lead_to(visit.path(Page.PLAN))


def _lead_to(address: str) -> HttpResponse:
    return HttpResponseRedirect(address, status=_SEE_OTHER)


public_prices = public(_prices)
prices = linked(_prices, needs=Right.READ)
balance = linked(_balance, needs=Right.READ)
video_list = linked(_videos, needs=Right.READ)
check_in = linked(_check_in, needs=Right.READ)
plan = linked(_plan, needs=Right.READ)
back_from_paying = linked(_return, needs=Right.RETURN)
