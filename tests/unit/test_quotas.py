"""How many requests: what a quota says, and what LIMITS changes."""

import pytest

from billing.http import quotas
from billing.http.quotas import Quota


def test_a_quota_is_so_many_within_a_window() -> None:
    assert Quota.read("20/10s") == Quota(units=20, window_seconds=10)
    assert Quota.read("600/1h") == Quota(units=600, window_seconds=3600)
    assert Quota.read("200/1d") == Quota(units=200, window_seconds=86_400)


@pytest.mark.parametrize(
    "text", ["", "0/10s", "20/0s", "20", "20/10", "20/10w", "-1/1s", "99999999/1s", "1/90d", "٢/1s"]
)
def test_another_word_is_no_quota(text: str) -> None:
    with pytest.raises(ValueError, match=r"quota|large"):
        Quota.read(text)


def test_a_change_replaces_what_it_names_and_nothing_else() -> None:
    usual, changed = quotas.read({}), quotas.read({"money": {"account": ["1/1d"], "ip": []}})

    assert changed["money"]["account"] == (Quota(1, 86_400),)
    assert changed["money"]["ip"] == ()
    assert changed["money"]["key"] == usual["money"]["key"]
    assert changed["reads"] == usual["reads"]


@pytest.mark.parametrize(
    "changes",
    [
        {"gold": {"account": ["1/1s"]}},
        {"money": {"colour": ["1/1s"]}},
        {"money": ["1/1s"]},
        {"money": {"account": "1/1s"}},
        {"money": {"account": [1]}},
        {"money": {"account": ["many"]}},
    ],
)
def test_what_there_is_not_is_refused_at_the_start(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"money|gold|quota"):
        quotas.read(changes)


def test_each_class_that_writes_is_counted_of_accounts_and_of_strangers() -> None:
    for name in ("reads", "writes", "money", "sign_up"):
        assert quotas.DEFAULTS[name].keys() == {"account", "key", "ip"}


def test_whoever_tries_credentials_or_a_login_out_is_counted_where_he_is() -> None:
    for name in ("strangers", "sign_in"):
        assert quotas.read({})[name]["ip"]
