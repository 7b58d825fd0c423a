"""All spellings of one value are one signal, and what is none is refused without being quoted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.accounts.signals import Signal, normalised

ADA = "ada.lovelace@gmail.com"


@pytest.mark.parametrize(
    "written",
    [
        "adalovelace@gmail.com",
        "A.d.a.Lovelace@GMAIL.com",
        "ada.lovelace+video@googlemail.com",
        " ada.lovelace@gmail.com. ",
        "\uff41da.lovelace@gmail.com",  # a full-width letter
    ],
)
def test_one_mailbox_is_one_signal(written: str) -> None:
    assert normalised(Signal.EMAIL, written) == normalised(Signal.EMAIL, ADA)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.b@example.com", "ab@example.com"),  # dots count elsewhere
        ("ada@example.com", "ada@example.org"),
        ("ada-b@example.com", "ada@example.com"),
    ],
)
def test_other_mailboxes_are_other_signals(one: str, other: str) -> None:
    assert normalised(Signal.EMAIL, one) != normalised(Signal.EMAIL, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada+x@example.com", "ada@example.com"),
        ("ada-shop@yahoo.com", "ada@yahoo.com"),
        ("ada@me.com", "ada@icloud.com"),
        ("ada@Bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@例子.测试", "ada@xn--fsqu00a.xn--0zwm56d"),
    ],
)
def test_tags_names_of_one_office_and_scripts_of_a_domain_do_not_matter(
    one: str, other: str
) -> None:
    assert normalised(Signal.EMAIL, one) == normalised(Signal.EMAIL, other)


def test_a_platform_may_send_the_hash_of_what_the_rule_makes() -> None:
    sealed = normalised(Signal.EMAIL, ADA)

    assert normalised(Signal.EMAIL, sealed.upper()) == sealed
    assert ADA not in sealed


@pytest.mark.parametrize("written", ["+86 138-0013 8000", "0086 (138) 0013.8000", "+8613800138000"])
def test_one_phone_is_one_signal(written: str) -> None:
    assert normalised(Signal.PHONE, written) == normalised(Signal.PHONE, "+8613800138000")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_an_address_of_version_6_counts_by_its_network(written: str, kept: str) -> None:
    assert normalised(Signal.IP, written) == kept


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (Signal.EMAIL, "ada"),
        (Signal.EMAIL, "@example.com"),
        (Signal.EMAIL, "a b@example.com"),
        (Signal.EMAIL, "ada@localhost"),
        (Signal.EMAIL, f"ada@{'x' * 80}.example"),
        (Signal.PHONE, "13800138000"),  # of which country?
        (Signal.PHONE, "+0138"),
        (Signal.IP, "1.2.3"),
        (Signal.IP, "256.1.1.1"),
        (Signal.CARD, "4242 4242 4242 4242"),  # a number, which must never be here
        (Signal.DEVICE, ""),
        (Signal.DEVICE, "   "),
        (Signal.DEVICE, "x" * 321),
        (Signal.DEVICE, "a\x00b"),
    ],
)
def test_what_is_none_of_its_kind_is_refused_and_not_quoted(kind: Signal, written: str) -> None:
    with pytest.raises(ValueError, match="must be") as refused:
        normalised(kind, written)

    assert written not in str(refused.value) or not written.strip()


@given(st.sampled_from(list(Signal)), st.text(max_size=330))
def test_any_text_is_a_signal_or_a_sentence_and_normal_stays_normal(
    kind: Signal, written: str
) -> None:
    try:
        once = normalised(kind, written)
    except ValueError:
        return
    if kind in {Signal.EMAIL, Signal.PHONE, Signal.CARD, Signal.DEVICE}:
        assert normalised(kind, once) == once
