"""The words of the pages, in English and in Chinese."""

# ruff: noqa: RUF001 (Chinese has commas and brackets of its own)

from typing import Final

_ENGLISH: Final = {
    "emulator": "EMULATOR of Stripe: this is not Stripe, and no money moves.",
    "title": "Checkout (Stripe emulator)",
    "today": "To pay today",
    "quantity": "Quantity",
    "discount": "Discount",
    "email": "Email",
    "name": "Name on card",
    "number": "Card number",
    "exp": "Expiry (MM/YY)",
    "cvc": "CVC",
    "promotion": "Promotion code",
    "card": "Card",
    "alipay": "Alipay",
    "wechat_pay": "WeChat Pay",
    "pay": "Pay",
    "subscribe": "Subscribe",
    "back": "Back without paying",
    "test_cards": "Only Stripe's test cards work here, 4242 4242 4242 4242 for one.",
    "is_complete": "This checkout has been paid.",
    "is_expired": "This checkout has expired.",
    "bank": "Your bank asks: is it you who pays? (3-D Secure, emulated)",
    "wallet": "You are in the wallet now (emulated). Pay?",
    "complete": "Yes, it is me",
    "authorise": "Authorise the payment",
    "later": "Authorise it; the money comes later",
    "fail": "Refuse",
    "challenge_failed": "The payment was not authenticated.",
    "done": "Done. You can close this page.",
    "receipt": "Receipt",
}
_CHINESE: Final = {
    "emulator": "Stripe 模拟器：这不是 Stripe，不会发生真实扣款。",
    "title": "结账（Stripe 模拟器）",
    "today": "今日应付",
    "quantity": "数量",
    "discount": "优惠",
    "email": "邮箱",
    "name": "持卡人姓名",
    "number": "卡号",
    "exp": "有效期（月/年）",
    "cvc": "安全码",
    "promotion": "优惠码",
    "card": "银行卡",
    "alipay": "支付宝",
    "wechat_pay": "微信支付",
    "pay": "支付",
    "subscribe": "订阅",
    "back": "返回，不支付",
    "test_cards": "这里只能使用 Stripe 的测试卡，例如 4242 4242 4242 4242。",
    "is_complete": "此订单已支付。",
    "is_expired": "此结账页面已过期。",
    "bank": "银行询问：是您本人在付款吗？（3-D Secure，模拟）",
    "wallet": "您现在在钱包中（模拟）。确认付款？",
    "complete": "是我本人",
    "authorise": "确认付款",
    "later": "确认付款，款项稍后到账",
    "fail": "拒绝",
    "challenge_failed": "付款未通过验证。",
    "done": "完成，可以关闭此页面。",
    "receipt": "收据",
}


def words_of(locale: str | None, accepted: str = "") -> dict[str, str]:
    """Return the words of a page: of its `locale`, else of what the browser accepts first."""
    wanted = accepted if locale in (None, "", "auto") else locale
    return _CHINESE if (wanted or "").lower().startswith("zh") else _ENGLISH


def language_of(words: dict[str, str]) -> str:
    """Return what a page says of itself in `lang`."""
    return "zh-CN" if words is _CHINESE else "en"
