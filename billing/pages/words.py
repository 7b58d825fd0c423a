"""The sentences of the pages; a template has none of its own, so that each is translated."""

from http import HTTPStatus

from django.utils.translation import gettext as _

from billing.pages.links import Page


def everywhere() -> dict[str, str]:
    """Return what every page says."""
    return {
        "skip": _("Skip to the content"),
        "pages": _("Pages"),
        "language": _("Language"),
        "theme": _("Appearance"),
        "times": _("Times in"),
        "looks_only": _(
            "This link only shows. To do something, open the pages from your platform."
        ),
        "new_tab": _("opens in a new tab"),
        "refused": _("That did not work."),
        "try_again": _("Try again"),
        "request_id": _("Request id"),
    }


def tabs() -> dict[Page, str]:
    """Return what the pages are called."""
    return {
        Page.BALANCE: _("Balance"),
        Page.VIDEOS: _("Videos"),
        Page.CHECK_IN: _("Check-in"),
        Page.PRICING: _("Prices"),
        Page.PLAN: _("Plan"),
    }


def themes() -> dict[str, str]:
    """Return how the colours can be."""
    return {"auto": _("Automatic"), "light": _("Light"), "dark": _("Dark")}


def gone() -> str:
    """Return what is said of a link that opens nothing."""
    return _("This link has ended, or is not whole. Open the pages from your platform again.")


def refusals() -> dict[int, str]:
    """Return the headline of a refusal by its status."""
    return {
        HTTPStatus.BAD_REQUEST: _("That did not work."),
        HTTPStatus.FORBIDDEN: _("This is not allowed here."),
        HTTPStatus.NOT_FOUND: _("There is nothing to see here."),
        HTTPStatus.TOO_MANY_REQUESTS: _("Too much at once."),
        HTTPStatus.SERVICE_UNAVAILABLE: _("Not available for the moment."),
    }


def of_balance() -> dict[str, str]:
    """Return what the page of a balance says."""
    return {
        "free": _("Free to use"),
        "held": _("Set aside for videos under way"),
        "locked": _("Locked while a payment is due"),
        "debt": _("Owed: what comes next pays it"),
        "waiting": _("Bought, and not begun yet"),
        "course": _("Over time"),
        "course_says": _("The past 30 days, and what is left in the next 30 if nothing is used."),
        "past": _("Past"),
        "ahead": _("Forecast"),
        "today": _("Today"),
        "as_table": _("The same as a table"),
        "day": _("Day"),
        "credits": _("Credits"),
        "changed": _("Days on which the balance changes"),
        "expiring": _("What expires when"),
        "expiring_says": _("What expires first is used first, where the order allows it."),
        "ends": _("Expires"),
        "from": _("From"),
        "lasting": _("Nothing of it expires."),
        "sources": _("Where it comes from"),
        "next": _("Next credits"),
        "check_in": _("Check in"),
        "counted": _("Included in the plan"),
        "left": _("left"),
        "empty": _("There is nothing free now."),
        "buy": _("Get more credits"),
    }


def of_videos() -> dict[str, str]:
    """Return what the page of videos says."""
    return {
        "none": _("No video was ordered yet."),
        "watch": _("Watch"),
        "deleted": _("The file is deleted."),
        "kept": _("Kept until"),
        "cost": _("Used"),
        "back": _("Given back"),
        "held": _("Set aside"),
        "older": _("Older videos"),
        "newest": _("Newest videos"),
        "no_prompt": _("Without words"),
        "late": _("It came late, and is free."),
    }


def of_check_in() -> dict[str, str]:
    """Return what the page of the check-in says."""
    return {
        "invites": _("Collect today's free credits."),
        "button": _("Check in"),
        "done": _("Today's credits are yours."),
        "again": _("You have checked in today already; these are the credits of it."),
        "days": _("Days in a row"),
        "last_until": _("They last until"),
        "next": _("The next ones can be collected from"),
        "nothing": _("Your plan has no credits to collect."),
        "to_balance": _("See the balance"),
    }


def of_pricing() -> dict[str, str]:
    """Return what the page of prices says."""
    return {
        "plans": _("Plans"),
        "paid": _("How it is paid"),
        "currency": _("Currency"),
        "free": _("Free"),
        "instead_of": _("List price"),
        "first": _("the first time"),
        "then": _("then"),
        "trial": _("free trial"),
        "on_request": _("On request"),
        "at_once": _("videos at once"),
        "kept": _("Videos are kept for"),
        "for_teams": _("For organizations, by seats"),
        "yours": _("Your plan"),
        "buy_plan": _("Choose"),
        "change": _("See the change"),
        "packs": _("Packs"),
        "packs_say": _("Bought once, beside any plan."),
        "bonus": _("bonus"),
        "lasts": _("Lasts"),
        "for_ever": _("Does not expire"),
        "buy_pack": _("Buy"),
        "examples": _("What a video costs"),
        "examples_say": _("Examples with the usual settings; an order tells its price beforehand."),
        "model": _("Model"),
        "task": _("Task"),
        "settings": _("Settings"),
        "price": _("Price"),
        "other_interval": _("Not sold this way"),
    }


def of_plan() -> dict[str, str]:
    """Return what the page of the plan and its payments says."""
    return {
        "plan": _("Your plan"),
        "none": _("No plan"),
        "since": _("Since"),
        "price": _("Price"),
        "paid_until": _("Paid until"),
        "ends": _("Ends"),
        "trial": _("Trial until"),
        "renews": _("Renews"),
        "changes": _("Changes"),
        "status": _("Payment"),
        "due": _("The last invoice is not paid."),
        "pay": _("Pay it"),
        "prices": _("See plans and packs"),
        "portal": _("Cards and invoices"),
        "cancel": _("End the plan"),
        "cancel_says": _("It stays until what is paid for ends, and can be resumed until then."),
        "cancel_yes": _("End it then"),
        "resume": _("Resume the plan"),
        "change_to": _("Change to"),
        "no_change": _("This change is not possible"),
        "due_now": _("Due now"),
        "later": _("Then each time"),
        "counts_from": _("Counts from"),
        "change_yes": _("Change the plan"),
        "bank": _("Your bank wants you to confirm a payment."),
        "confirm_bank": _("Confirm it"),
        "payments": _("Payments"),
        "no_payments": _("Nothing was paid yet."),
        "invoices": _("Invoices"),
        "date": _("Date"),
        "what": _("What"),
        "amount": _("Amount"),
        "credits": _("Credits"),
        "went_back": _("Went back"),
        "bill": _("Invoice"),
    }


def of_return() -> dict[str, str]:
    """Return what is said to who comes back from Stripe."""
    return {
        "waiting": _("Waiting for the payment"),
        "waiting_says": _("Stripe tells us in a moment. This page looks again by itself."),
        "slow_says": _("This takes longer than usual. Nothing is lost; look again later."),
        "look_again": _("Look again"),
        "paid": _("It is paid. Thank you!"),
        "paid_says": _("What you bought is in your account."),
        "over": _("This was not paid"),
        "over_says": _("Nothing was taken. You can begin anew."),
        "back": _("You are back"),
        "back_says": _("What you did there stands in your pages, once you load them again."),
        "close": _("You can close this tab now; your pages are open in the other one."),
        "amount": _("Amount"),
        "credits": _("Credits"),
        "what": _("What"),
    }
