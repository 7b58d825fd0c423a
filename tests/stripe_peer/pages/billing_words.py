"""The words of the portal and of an invoice's page, in English and in Chinese."""

# ruff: noqa: RUF001 (Chinese has commas and brackets of its own)

from html import escape
from typing import Final

from tests.stripe_peer.pages.layout import framed
from tests.stripe_peer.pages.words import language_of
from tests.stripe_peer.routing import Page

_WORDS: Final = {
    "en": {
        "portal": "Customer portal (Stripe emulator)",
        "invoice": "Invoice (Stripe emulator)",
        "subscriptions": "Your subscriptions",
        "invoices": "Your invoices",
        "cancel_plan": "Cancel the subscription",
        "keep_plan": "Do not cancel it",
        "confirm": "Confirm the change",
        "new_card": "Pay with another card",
        "save_card": "Save this card",
        "card_is": "Card",
        "ends": "It ends on",
        "renews": "It renews on",
        "return": "Return",
        "due": "Due",
        "pay_invoice": "Pay",
        "status": "Status",
        "authenticate": "Authenticate the payment with your bank",
    },
    "zh-CN": {
        "portal": "客户中心（Stripe 模拟器）",
        "invoice": "账单（Stripe 模拟器）",
        "subscriptions": "您的订阅",
        "invoices": "您的账单",
        "cancel_plan": "取消订阅",
        "keep_plan": "保留订阅",
        "confirm": "确认变更",
        "new_card": "更换银行卡",
        "save_card": "保存此卡",
        "card_is": "银行卡",
        "ends": "到期日",
        "renews": "续订日",
        "return": "返回",
        "due": "应付",
        "pay_invoice": "支付",
        "status": "状态",
        "authenticate": "前往银行验证付款",
    },
}


def billing_words(words: dict[str, str]) -> dict[str, str]:
    """Return the words of these pages in the language of the others."""
    return _WORDS[language_of(words)]


def titled(
    words: dict[str, str], title: str, body: str, *, error: str = "", status: int = 200
) -> Page:
    """Return a page under a heading of its own; `body` is HTML."""
    heading = escape(billing_words(words)[title])
    page = framed(words, f"<h1>{heading}</h1>{body}", error=error, status=status)
    page.html = page.html.replace(
        f"<title>{escape(words['title'])}</title>", f"<title>{heading}</title>"
    )
    return page
