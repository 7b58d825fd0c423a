"""Which addresses may be called, in how many spellings they may hide, and which URLs are plain."""

import ipaddress

import pytest

from billing.egress import addresses

PRIVATE = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.1", "0.1.2.3", "10.0.0.1", "10.255.255.255"),
    *("172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254", "100.64.0.1"),
    *("100.100.100.200", "100.127.255.255", "192.0.0.1", "192.0.0.170", "192.0.2.1"),
    *("192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.9"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "100::1"),
    # IPv4 inside IPv6: mapped, compatible, translated (NAT64, both prefixes), 6to4, Teredo.
    *("::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:8.8.8.8", "::127.0.0.1", "::ffff:0:127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::127.0.0.1", "64:ff9b:1::10.0.0.1", "64:ff9b::8.8.8.8"),
    *("2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1", "2001:0:7f00:1::", "2001::1"),
    *("2001:db8::1", "2001:10::1", "2001:20::1", "3fff::1", "5f00::1", "fec0::1", "4000::1"),
    *("2606:4700::1111%eth0",),
]
PUBLIC = [
    *("8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
    *("172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "223.255.255.255"),
    *("2606:4700:4700::1111", "2a00:1450:4001::1", "2400:3200::1"),
]
WRONG_URLS = [
    # IPv4 as resolvers of old read it: decimal, octal, hexadecimal, short, padded, mixed.
    *("https://2130706433/", "https://017700000001/", "https://0x7f000001/", "https://0X7F000001/"),
    *("https://127.1/", "https://127.0.1/", "https://0177.0.0.1/", "https://0x7f.0.0.1/"),
    *("https://127.000.000.001/", "https://127.0.0.01/", "https://0/", "https://0x/", "https://1/"),
    *("https://127.0.0.1./", "https://127.0.0.256/", "https://127.0.0.1.1/", "https://a.0x7f/"),
    *("https://4294967297/", "https://127.0.0.0x1/", "https://1.2.3.08/"),
    # IPv6 with what does not belong there.
    *("https://[::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[::1", "https://::1/"),
    *("https://[:::1]/", "https://[127.0.0.1]/", "https://[::ffff:127.0.0.1.1]/", "https://[]/"),
    # Userinfo, backslashes, fragments, and what two parsers read in two ways.
    *("https://user@127.0.0.1/", "https://a:b@example.com/", "https://example.com@127.0.0.1/"),
    *("https://example.com\\@127.0.0.1/", "https:\\\\x.com/"),
    *("https://exa%6dple.com/", "https://example.com%2f@x.com/"),
    *("https:///example.com", "https:example.com", "//example.com/", "https://", "https://:443/"),
    # Blanks, controls and letters beyond ASCII, among them the dots and digits that IDNA folds.
    *(
        "https://127。0。0。1/",
        "https://①②⑦.0.0.1/",
        "https://exämple.com/",
        "http\u017f://example.com/",
        "https://example.com\uff0fa",
    ),
    *("https://example.com /", " https://example.com/", "https://example.com/\n"),
    *("https://exam\tple.com/", "https://example.com\x00/", "https://example.com/\r\nX: y"),
    # Other protocols and ports.
    *("ftp://example.com/", "file:///etc/passwd", "gopher://x.com/", "javascript:alert(1)", ""),
    *("https://example.com:0/", "https://example.com:22/", "https://example.com:25/"),
    *("https://example.com:65536/", "https://example.com:99999/", "https://example.com:-1/"),
    *("https://example.com:443443/", "https://example.com:8o/", "https://example.com:/"),
    # Names that are none.
    *("https://.example.com/", "https://example..com/", "https://-a.com/", "https://a-.com/"),
    *("https://example.com./", f"https://{'a' * 64}.com/", "https://*.com/"),
    f"https://example.com/{'a' * 8192}",
]
# What a store may call its file, but nobody an address that we are to post to.
LOOSE_URLS = [
    ("https://example.com/a#b", "example.com", "/a"),
    ("https://example.com#@127.0.0.1/", "example.com", "/"),
    ("https://example.com?a#b?c", "example.com", "/?a"),
    ("https://a_b.x.com/v.mp4", "a_b.x.com", "/v.mp4"),
    ("https://x.com/片 1.mp4", "x.com", "/%E7%89%87%201.mp4"),
    ('https://x.com/a|b"c"?sig=%2F|', "x.com", "/a%7Cb%22c%22?sig=%2F%7C"),
    ("https://x.com/\\@127.0.0.1/", "x.com", "/%5C@127.0.0.1/"),
    (f"https://x.com/{'a' * 8000}", "x.com", f"/{'a' * 8000}"),
]


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_that_is_not_public_may_not_be_called(text: str) -> None:
    assert not addresses.may_call(ipaddress.ip_address(text), allowed=())


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_may_be_called(text: str) -> None:
    assert addresses.may_call(ipaddress.ip_address(text), allowed=())


def test_allowing_one_address_allows_no_other() -> None:
    allowed = (ipaddress.ip_network("10.0.0.5/32"), ipaddress.ip_network("fd00::/64"))

    assert addresses.may_call(ipaddress.ip_address("10.0.0.5"), allowed=allowed)
    assert addresses.may_call(ipaddress.ip_address("fd00::9"), allowed=allowed)
    for other in ("10.0.0.6", "127.0.0.1", "::ffff:10.0.0.5", "fd00:0:0:1::9", "169.254.169.254"):
        assert not addresses.may_call(ipaddress.ip_address(other), allowed=allowed)


@pytest.mark.parametrize("url", [*WRONG_URLS, *(url for url, _host, _path in LOOSE_URLS)])
def test_a_url_in_an_unusual_spelling_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        addresses.parse(url)


@pytest.mark.parametrize(("url", "host", "path"), LOOSE_URLS)
def test_a_store_may_spell_what_follows_its_host_as_it_likes(
    url: str, host: str, path: str
) -> None:
    target = addresses.parse_download(url)

    assert (target.host, target.authority, target.path) == (host, host, path)


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "path"),
    [
        ("https://example.com", "example.com", 443, "example.com", "/"),
        (
            "HTTPS://Hooks.Example.COM/A?b=C",
            "hooks.example.com",
            443,
            "hooks.example.com",
            "/A?b=C",
        ),
        ("https://example.com:8443/x", "example.com", 8443, "example.com:8443", "/x"),
        ("https://example.com?x=1", "example.com", 443, "example.com", "/?x=1"),
        ("http://receiver:9000/hooks", "receiver", 9000, "receiver:9000", "/hooks"),
        ("https://8.8.8.8/", "8.8.8.8", 443, "8.8.8.8", "/"),
        ("https://[2606:4700::1]:4443/", "2606:4700::1", 4443, "[2606:4700::1]:4443", "/"),
        ("https://xn--fiqs8s.cn/%E6%8B", "xn--fiqs8s.cn", 443, "xn--fiqs8s.cn", "/%E6%8B"),
    ],
)
def test_a_plain_url_is_taken_apart(
    url: str, host: str, port: int, authority: str, path: str
) -> None:
    target = addresses.parse(url)

    assert (target.host, target.port, target.authority, target.path) == (
        host,
        port,
        authority,
        path,
    )


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://127.0.0.1/a.png",
            "http://169.254.169.254/latest",
            "https://[::1]/",
            "ftp://x.com/",
        ),
        *(
            "http://redis:6379/",
            "https://localhost/",
            "https://a.localhost/",
            "https://db.internal/",
        ),
        *("https://printer.local/", "https://1.0.0.10.in-addr.arpa/", "file:///etc/passwd", ""),
    ],
)
def test_a_url_that_leads_inside_is_not_handed_on(url: str) -> None:
    with pytest.raises(ValueError, match=r"\."):
        addresses.require_public(url)


@pytest.mark.parametrize(
    "url",
    ["https://cdn.example.com/a.png?X-Sig=a%2Fb", "http://8.8.8.8/a.png", "https://x.cn:8443/"],
)
def test_a_url_of_the_public_network_is_handed_on_unresolved(url: str) -> None:
    addresses.require_public(url)
