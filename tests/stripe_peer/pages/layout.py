"""What all pages share: the frame that says emulator, and the fields of a card."""

from html import escape
from typing import Final

from tests.stripe_peer.pages.words import language_of
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.routing import Page
from tests.stripe_peer.world import Thing

_STYLE: Final = (
    "body{font:16px/1.5 sans-serif;max-width:32rem;margin:2rem auto;padding:0 1rem}"
    "#emulator{background:#ffe08a;padding:.5rem 1rem;border-radius:4px}"
    "#error{background:#fdd;padding:.5rem 1rem;border-radius:4px}"
    "label{display:block;margin:.75rem 0 .25rem}input{font:inherit;width:100%;padding:.4rem;"
    "box-sizing:border-box}input[type=radio]{width:auto}button{font:inherit;padding:.5rem 1rem;"
    "margin:.75rem .5rem 0 0}table{width:100%}td:last-child{text-align:right}"
)


def framed(words: dict[str, str], body: str, *, error: str = "", status: int = 200) -> Page:
    """Return a page with its banner; `body` is HTML, `error` is text."""
    trouble = f'<p id="error" role="alert">{escape(error)}</p>' if error else ""
    html = (
        f'<!doctype html><html lang="{language_of(words)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(words['title'])}</title><style>{_STYLE}</style></head><body>"
        f'<p id="emulator" role="status">{escape(words["emulator"])}</p>'
        f"{trouble}{body}</body></html>"
    )
    return Page(html, status)


def form(action: str, fields: str, buttons: str) -> str:
    """Return a form; `fields` and `buttons` are HTML."""
    return f'<form method="post" action="{escape(action)}">{fields}<div>{buttons}</div></form>'


def field(name: str, label: str, value: str = "", kind: str = "text") -> str:
    """Return one field with its label; its id is its name."""
    return (
        f'<label for="{name}">{escape(label)}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" value="{escape(value)}">'
    )


def button(name: str, value: str, label: str) -> str:
    """Return a button; its id is its value."""
    return f'<button id="{value}" name="{name}" value="{value}">{escape(label)}</button>'


def card_fields(words: dict[str, str]) -> str:
    """Return the fields of a card: number, exp, cvc."""
    return (
        field("number", words["number"])
        + field("exp", words["exp"], "12/34")
        + field("cvc", words["cvc"], "123")
        + f"<p><small>{escape(words['test_cards'])}</small></p>"
    )


def digits_of(fields: Thing) -> Thing:
    """Return the digits of a card that a form has; what a test leaves out is filled in.

    Raises:
        Refused: the expiry is not written as MM/YY.
    """
    month, slash, year = fields.get("exp", "12/34").replace(" ", "").partition("/")
    if not (slash and month.isdecimal() and year.isdecimal()):
        raise Refused("Your card's expiration date is incomplete.", status=402, kind="card_error")
    return {
        "number": fields.get("number", ""),
        "exp_month": int(month),
        "exp_year": int(year),
        "cvc": fields.get("cvc", "123"),
    }
