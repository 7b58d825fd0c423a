"""Where a request comes from, whatever it says of itself."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from billing.http.addresses import Proxies, client_address, household_of


def asked(remote: str, told: str = "") -> str:
    """Return where a request comes from that reached us from `remote` with this header."""
    headers = {"X-Forwarded-For": told} if told else {}
    return client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote))


def test_without_proxies_nobody_is_believed(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = Proxies()

    seen = {asked("192.0.2.7", f"10.{one // 250}.{one % 250}.1, 127.0.0.1") for one in range(1000)}

    assert seen == {"192.0.2.7"}


@pytest.mark.parametrize(
    ("hops", "told", "found"),
    [
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6,, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 198.51.100.1", "203.0.113.9"),
        (2, "203.0.113.9", "203.0.113.9"),
        (1, "", "192.0.2.7"),
        (1, "6.6.6.6, unknown", "192.0.2.7"),
        (2, "6.6.6.6, <script>, 198.51.100.1", "198.51.100.1"),
        (1, "203.0.113.9:4711", "203.0.113.9"),
        (1, "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_of_so_many_proxies_each_tells_of_the_one_before(
    settings: Settings, hops: int, told: str, found: str
) -> None:
    settings.TRUSTED_PROXIES = Proxies.read(str(hops))

    assert asked("192.0.2.7", told) == found


@pytest.mark.parametrize(
    ("remote", "told", "found"),
    [
        ("10.1.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("10.1.0.1", "6.6.6.6, 203.0.113.9, 10.1.0.2, fd00::3", "203.0.113.9"),
        ("192.0.2.7", "203.0.113.9", "192.0.2.7"),
        ("10.1.0.1", "10.1.0.9", "10.1.0.9"),
    ],
)
def test_in_the_networks_of_proxies_each_tells_and_nobody_else(
    settings: Settings, remote: str, told: str, found: str
) -> None:
    settings.TRUSTED_PROXIES = Proxies.read("10.1.0.0/16, fd00::/8")

    assert asked(remote, told) == found


def test_who_rotates_what_he_says_stays_where_he_is(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = Proxies.read("1")

    seen = {asked("10.0.0.1", f"2001:db8:{one:x}::1, 203.0.113.9") for one in range(1000)}

    assert seen == {"203.0.113.9"}


def test_a_household_is_an_address_or_what_a_line_of_ipv6_has() -> None:
    assert household_of("203.0.113.9") == "203.0.113.9"
    assert household_of("2001:db8:1:2:aaaa::1") == "2001:db8:1:2::/64"
    assert household_of("2001:db8:1:2:bbbb::9") == "2001:db8:1:2::/64"
    assert household_of("2001:db8:1:3::1") != household_of("2001:db8:1:2::1")
    assert household_of("") == ""


def test_a_socket_without_an_address_has_none(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = Proxies()

    assert asked("") == ""


@pytest.mark.parametrize("text", ["-1", "one", "10.1.0.0/33", "10.1.0.1/16", "1,2"])
def test_what_is_neither_a_number_nor_networks_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Proxies.read(text)
