"""How pages say amounts, times, and the codes of the contract: in the visitor's language."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as _

from plans.catalog.allowances import Allowance
from plans.catalog_shapes import period_words
from plans.credits import format_micros
from plans.periods import parse_period
from plans.shapes import money

_SIGNS: Final = {"CNY": "¥", "EUR": "€", "GBP": "£", "HKD": "HK$", "JPY": "JP¥", "USD": "$"}


def amount(micros: int) -> str:
    """Return credits as people read them: "1,234.5"."""
    return f"{Decimal(format_micros(micros)):,f}"


def price(micros: int, currency: str) -> str:
    """Return money as people read it: "¥66", "$6.99", "12.50 CHF"."""
    said = money(micros, currency)["amount"].removesuffix(".00")
    whole = f"{Decimal(said):,f}"
    sign = _SIGNS.get(currency)
    return f"{whole} {currency}" if sign is None else f"{sign}{whole}"


def instant(at: datetime) -> str:
    """Return an instant by the clocks of the page's zone."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"


def day(at: datetime) -> str:
    """Return the day of an instant in the page's zone."""
    return f"{timezone.localtime(at):%Y-%m-%d}"


def away(at: datetime, *, now: datetime) -> str:
    """Return how far an instant to come is away."""
    days = (timezone.localtime(at).date() - timezone.localtime(now).date()).days
    if days <= 0:
        return _("today")
    return _("tomorrow") if days == 1 else _("in %(days)d days") % {"days": days}


def time(iso: str) -> str:
    """Return a period as people say it: "2 years", "7 days"."""
    years, months = divmod(parse_period(iso).months, 12)
    if not years or months or parse_period(iso).days or parse_period(iso).seconds:
        return period_words(iso)
    return _("1 year") if years == 1 else _("%(count)d years") % {"count": years}


def flag(code: str, *, is_on: bool) -> str:
    """Return what a plan has, or has not."""
    known = {
        "watermark": (_("With a watermark"), _("Without a watermark")),
        "commercial": (_("For commercial use"), _("Not for commercial use")),
        "professional_mode": (_("Professional mode"), _("No professional mode")),
        "early_access": (_("Early access to new models"), _("No early access to new models")),
    }
    with_it, without = known.get(code, (_spaced(code), _("Without: %(what)s")))
    return with_it if is_on else without % {"what": _spaced(code)}


def each(interval: str) -> str:
    """Return for how long a price is, as it stands behind it: "a month"."""
    usual = {"P1M": _("a month"), "P3M": _("a quarter"), "P1Y": _("a year")}
    return usual.get(interval) or time(interval)


def by_interval(interval: str) -> str:
    """Return how a plan is paid: "Monthly"."""
    usual = {
        "P1M": _("Monthly"),
        "P3M": _("Quarterly"),
        "P6M": _("Half-yearly"),
        "P1Y": _("Yearly"),
    }
    return usual.get(interval) or time(interval)


def allowance(terms: Allowance, *, unit: str) -> str:
    """Return what an allowance brings, and how often."""
    said = _how_often(terms) % {"what": _what(terms, unit=unit)}
    if terms.per_seat:
        said = _("%(what)s, for each seat") % {"what": said}
    return _("%(what)s, when you check in") % {"what": said} if terms.mode == "claimed" else said


def source(code: str) -> str:
    """Return where credits came from."""
    known = {
        "allowance": _("Plan"),
        "subscription": _("Plan"),
        "pack": _("Pack"),
        "pack_bonus": _("Bonus"),
        "promotion": _("Promotion"),
        "campaign": _("Promotion"),
        "goodwill": _("Goodwill"),
        "compensation": _("Compensation"),
        "referral": _("Invitation"),
    }
    return known.get(code) or _spaced(code)


def task(code: str) -> str:
    """Return what a task makes."""
    known = {
        "text_to_video": _("Text to video"),
        "image_to_video": _("Image to video"),
        "extend": _("Extension"),
        "lip_sync": _("Lip sync"),
    }
    return known.get(code) or _spaced(code)


def status(code: str) -> str:
    """Return how a video stands."""
    return {
        "queued": _("Waiting"),
        "dispatched": _("Starting"),
        "running": _("Being made"),
        "succeeded": _("Ready"),
        "failed": _("Failed"),
        "canceled": _("Canceled"),
        "expired": _("Not made in time"),
        "unknown": _("Being looked into"),
    }[code]


def failure(code: str) -> str:
    """Return why a video did not come, by the class of its error."""
    known = {
        "backend_error": _("The machine that makes videos had a fault."),
        "timeout": _("It took too long."),
        "moderation_input": _("The order was not allowed by the content rules."),
        "moderation_output": _("The result was not allowed by the content rules."),
        "invalid_input": _("Something that the order was made from could not be used."),
        "canceled_queued": _("It was canceled before it began."),
        "canceled_running": _("It was canceled while it was made."),
        "rejected": _("No machine took the order."),
    }
    return known.get(code) or _spaced(code)


def standing(code: str) -> str:
    """Return how the collection of a contract stands at Stripe."""
    known = {
        "trialing": _("On trial"),
        "active": _("Paid"),
        "past_due": _("A payment is due"),
        "unpaid": _("Not paid"),
        "paused": _("Paused"),
        "canceled": _("Ended"),
        "incomplete": _("The first payment is open"),
        "incomplete_expired": _("Never paid"),
    }
    return known.get(code) or _spaced(code)


def invoice(code: str) -> str:
    """Return how an invoice stands."""
    known = {
        "open": _("Open"),
        "paid": _("Paid"),
        "void": _("Void"),
        "uncollectible": _("Given up"),
    }
    return known.get(code) or _spaced(code)


def _what(terms: Allowance, *, unit: str) -> str:
    if terms.is_counted:
        name = terms.name.said() if terms.name is not None else _counted(terms.unit)
        return f"{terms.amount} {name}"
    if terms.credits_min_micros is not None and terms.credits_max_micros is not None:
        low, high = amount(terms.credits_min_micros), amount(terms.credits_max_micros)
        return f"{low}–{high} {unit}"  # noqa: RUF001 (a range is written so)
    return f"{amount(terms.credits_micros or 0)} {unit}"


def _counted(unit: str) -> str:
    return {"order": _("orders"), "output": _("videos"), "second": _("seconds")}[unit]


def _how_often(terms: Allowance) -> str:
    if terms.cadence == "rolling":
        every = time(terms.period or "P1D")
        return _("%(what)s every %(time)s") % {"what": "%(what)s", "time": every}
    return {
        "daily": _("%(what)s a day"),
        "weekly": _("%(what)s a week"),
        "monthly": _("%(what)s a month"),
        "yearly": _("%(what)s a year"),
        "once": _("%(what)s once"),
    }[terms.cadence]


def _spaced(code: str) -> str:
    return code.replace("_", " ").capitalize()
