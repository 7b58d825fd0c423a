"""Where a payer is asked: by the bank of a card (3-D Secure), or by a wallet."""

from html import escape
from urllib.parse import urlencode

from tests.stripe_peer import cards, checkout, paying
from tests.stripe_peer.money import worded
from tests.stripe_peer.objects import setup_intents
from tests.stripe_peer.objects.payment_methods import WALLETS
from tests.stripe_peer.pages.layout import button, form, framed
from tests.stripe_peer.pages.words import words_of
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.routing import Asked, Page, page
from tests.stripe_peer.world import Thing, World


@page("GET", "/authorize/{id}")
def show(world: World, asked: Asked) -> Page:
    """Ask the payer; the id is of an intent, or of a session in subscription mode."""
    thing, session = _things(world, asked)
    words = words_of(session["locale"] if session else None, asked.languages)
    method = world.find(thing.get("payment_method") or thing.get("_method") or "") or {}
    if method.get("type") in WALLETS:
        question = words["wallet"]
        buttons = (
            button("outcome", "complete", words["authorise"])
            + button("outcome", "later", words["later"])
            + button("outcome", "fail", words["fail"])
        )
    else:
        question = words["bank"]
        buttons = button("outcome", "complete", words["complete"])
        buttons += button("outcome", "fail", words["fail"])
    due = thing.get("amount") or thing.get("amount_total")
    amount = f"<p>{escape(worded(due, thing['currency']))}</p>" if due else ""
    asking = f"<p>{escape(question)}</p>{amount}"
    return framed(words, form(f"/authorize/{thing['id']}", asking, buttons))


@page("POST", "/authorize/{id}")
def decide(world: World, asked: Asked) -> Page:
    """Go on with `outcome` complete, fail, or, of a wallet, later."""
    thing, session = _things(world, asked)
    outcome = asked.params.get("outcome", "complete")
    if thing["object"] == "checkout.session":
        try:
            location = checkout.answer_challenge(world, thing, is_passed=outcome == "complete")
        except Refused as refusal:
            location = _back(world, thing, refusal.error)
        return Page(location=location)
    if thing["object"] == "setup_intent":
        setup_intents.answer_challenge(world, thing, is_passed=outcome == "complete")
    elif outcome == "later":
        paying.wait(world, thing)
        if session is not None:
            checkout.complete(world, session, "unpaid")
    else:
        paying.answer_challenge(world, thing, is_passed=outcome == "complete")
    return _led_on(world, thing, session, asked)


def _things(world: World, asked: Asked) -> tuple[Thing, Thing | None]:
    """Return what is being paid, and the session that it belongs to, if any."""
    identity = asked.ids["id"]
    if identity.startswith("cs_"):
        session = world.get("checkout.session", identity)
        return session, session
    kind = "setup_intent" if identity.startswith("seti_") else "payment_intent"
    intent = world.get(kind, identity)
    return intent, world.find(intent.get("_session") or "")


def _led_on(world: World, intent: Thing, session: Thing | None, asked: Asked) -> Page:
    is_good = intent["status"] in ("succeeded", "processing")
    if session is not None:
        error = intent["last_payment_error"]
        return Page(
            location=checkout.success_url(session) if is_good else _back(world, session, error)
        )
    back = intent.get("_return_url")
    if back is None:
        words = words_of(None, asked.languages)
        return framed(words, f"<p>{escape(words['done'])}</p>")
    told = {
        intent["object"]: intent["id"],
        f"{intent['object']}_client_secret": intent["client_secret"],
        "redirect_status": "succeeded" if is_good else "failed",
    }
    return Page(location=f"{back}{'&' if '?' in back else '?'}{urlencode(told)}")


def _back(world: World, session: Thing, error: Thing) -> str:
    """Return the checkout's page again, with a word of what went wrong."""
    is_unproven = error["code"] == cards.CHALLENGE_FAILED.code
    said = urlencode({"error": "challenge_failed" if is_unproven else error["message"]})
    return f"{world.address}/c/pay/{session['id']}?{said}"
