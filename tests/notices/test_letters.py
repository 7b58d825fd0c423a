"""What letters say, in both languages, and what they are made of."""

from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from billing.notices import letters, services
from billing.notices.kinds import KNOWN, NEEDED, Kind, Money
from billing.notices.models import Notice
from tests.notices.conftest import NOW, Post
from tests.notices.mailbox import Mailbox

TEXTS: Final = Path(django_settings.BASE_DIR) / "billing" / "templates" / "notices"
NAME: Final = {"en": "Standard", "zh": "标准版"}
XSS: Final = '<script>alert("灵感")</script>'


def facts_of(kind: Kind) -> dict[str, object]:
    """Return all facts of a kind, as somebody might post them."""
    said: dict[str, object] = {
        "amount": Money(66_000_000, "CNY"),
        "what": NAME,
        "plan": NAME,
        "reason": "fraudulent" if kind is Kind.DISPUTE_OPENED else "declined",
        "account": "ada",
        "dispute": "dp_1",
        "card": "visa •••• 4242",
        "expires": "2027-01",
        "pay_url": "https://pay.example.com/1?a=b&c=d",
        "text": NAME,
        "receipt_url": "https://pay.example.com/r/1",
    }
    names = NEEDED[kind] | KNOWN.get(kind, frozenset())
    return {name: said.get(name, NOW + timedelta(days=3)) for name in names}


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("kind", Kind)
def test_each_kind_has_a_text_in_each_language_that_says_all_its_facts(
    kind: Kind, language: str, post: Post
) -> None:
    notice = post(kind, facts_of(kind), language=language)
    notice.language = language

    letter = letters.write(notice)

    said = letter.subject + letter.text
    for name in NEEDED[kind] | KNOWN.get(kind, frozenset()):
        if name == "reason" and kind is Kind.TOP_UP_STOPPED:
            continue  # it is said in words
        shown = {
            "amount": "66.00 CNY",
            "what": NAME["zh" if language == "zh-hans" else "en"],
            "plan": NAME["zh" if language == "zh-hans" else "en"],
            "text": NAME["zh" if language == "zh-hans" else "en"],
        }.get(name, str(facts_of(kind)[name]))
        if name.endswith(("_at", "_until")):
            shown = "2026-11-30 12:00 (Asia/Shanghai)"
        assert shown in said, name
    assert "{" not in said
    assert "\n\n\n" not in letter.text
    assert (Path(TEXTS / language / f"{kind}.txt")).is_file()


@pytest.mark.parametrize("kind", Kind)
def test_each_text_holds_together_with_the_least_that_is_known(kind: Kind, post: Post) -> None:
    least = {name: fact for name, fact in facts_of(kind).items() if name in NEEDED[kind]}

    letter = letters.write(post(kind, least))

    assert "None" not in letter.text
    assert letter.subject
    assert letter.text.strip()


def test_no_text_is_of_a_kind_that_nobody_posts() -> None:
    for language in ("en", "zh-hans"):
        assert {one.stem for one in (TEXTS / language).iterdir()} == set(Kind)


@pytest.mark.parametrize("told", ["zh-CN", "zh-hans", "zh", "ZH-TW"])
def test_who_reads_chinese_is_written_to_in_chinese(
    told: str, post: Post, mailbox: Mailbox
) -> None:
    notice = post(language=told)

    services.send(notice.pk, now=NOW)

    assert mailbox.only["Subject"] == "付款 66.00 CNY 未成功"
    plain = mailbox.only.get_body(("plain",))
    assert plain is not None
    assert plain.get_content() == (
        "你为「标准版」支付的 66.00 CNY 未能成功。\n\n"
        "我们将于 2026-11-30 12:00 (Asia/Shanghai) 再次尝试。在此之前，你也可以换一张卡付款。\n\n"  # noqa: RUF001 (Chinese has its own comma)
        "立即付款：\nhttps://pay.example.com/i/1?a=b&c=d\n"  # noqa: RUF001 (as above)
    )


@pytest.mark.parametrize("told", ["en-GB", "fr", ""])
def test_everybody_else_is_written_to_in_english(told: str, post: Post, mailbox: Mailbox) -> None:
    notice = post(language=told)

    services.send(notice.pk, now=NOW)

    assert mailbox.only["Subject"] == "Payment of 66.00 CNY failed"
    plain = mailbox.only.get_body(("plain",))
    assert plain is not None
    assert plain.get_content() == (
        "Your payment of 66.00 CNY for Standard did not succeed.\n\n"
        "We try again at 2026-11-30 12:00 (Asia/Shanghai). "
        "Until then you can pay with another card.\n\n"
        "Pay now:\nhttps://pay.example.com/i/1?a=b&c=d\n"
    )


def test_html_says_the_same_words_and_its_addresses_can_be_followed(
    post: Post, mailbox: Mailbox
) -> None:
    services.send(post().pk, now=NOW)

    html = mailbox.only.get_body(("html",))
    assert html is not None
    said = html.get_content()
    assert '<html lang="en">' in said
    assert "Your payment of 66.00 CNY for Standard did not succeed." in said
    assert 'href="https://pay.example.com/i/1?a=b&amp;c=d"' in said


def test_what_others_wrote_does_nothing_in_a_letter(post: Post, mailbox: Mailbox) -> None:
    evil = {"en": f"{XSS}\r\nBcc: eve@example.com", "zh": XSS}
    notice = post(Kind.SUBSCRIPTION_RENEWED, {"plan": evil, "paid_until": NOW})

    services.send(notice.pk, now=NOW)

    letter = mailbox.only
    assert letter["Bcc"] is None
    assert mailbox.recipients == ["ada@example.com"]
    html = letter.get_body(("html",))
    assert html is not None
    assert "<script" not in html.get_content()
    assert "&lt;script&gt;" in html.get_content()


def test_letters_for_operators_go_to_operators_alone(
    post: Post, mailbox: Mailbox, settings: Settings
) -> None:
    settings.OPERATORS_EMAIL = "desk@linggan.example"
    notice = post(Kind.DISPUTE_OPENED, facts_of(Kind.DISPUTE_OPENED), language="zh")

    services.send(notice.pk, now=NOW)

    assert mailbox.recipients == ["desk@linggan.example"]
    assert mailbox.only["Subject"] == "Dispute of 66.00 CNY by ada"


@pytest.mark.parametrize(
    "facts", [{"amount": Money(1, "CNY")}, {**facts_of(Kind.PAYMENT_FAILED), "password": "x"}]
)
def test_a_letter_without_its_facts_or_with_strange_ones_is_a_defect(
    facts: dict[str, object], post: Post
) -> None:
    with pytest.raises(ValueError, match="payment_failed"):
        post(facts=facts)

    assert not Notice.objects.exists()
