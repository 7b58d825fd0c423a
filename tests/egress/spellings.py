"""Every way known to us to write an address that leads inside, as some program reads it."""

from collections.abc import Iterator
from itertools import product
from typing import Final

_LOOPBACK: Final = (127, 0, 0, 1)
_BASES: Final = ("{}", "0x{:x}", "0{:o}")

# Inside by themselves, each in its usual spelling.
CLOSED: Final = (
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1"),  # noqa: S104 (called, not bound)
    *("172.16.0.1", "172.31.255.254", "192.168.0.1", "169.254.169.254", "169.254.170.2"),
    *("100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1"),
    *("198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("168.63.129.16", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "100::1", "2001::1", "2001:db8::1"),
    *("2002:7f00:1::", "2002:a9fe:a9fe::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1"),
    *("ff02::1", "3fff::1", "5f00::1"),
)
_NAMES: Final = (
    *("localhost", "LOCALHOST", "LocalHost", "localhost.", "localhost.localdomain", "loopback"),
    *("ip6-localhost", "ip6-loopback", "broadcasthost", "kubernetes.default.svc", "host.internal"),
    *("metadata.google.internal", "metadata", "instance-data", "router.lan", "printer.local"),
    *("127.0.0.1.nip.io", "7f000001.nip.io", "localtest.me", "inside.example.com", "a.b.c.d.e"),
    *("127.0.0.1.example.com", "0x7f000001.example.com", "xn--lcalhost-54a.example.com"),
)
# As escapes, for some of them look like what they are taken for: that is the attack.
_OTHER_LETTERS: Final = (
    *("\u2460\u2461\u2466.\u24ea.\u24ea.\u2460", "127\u30020\u30020\u30021"),
    *("127\uff0e0\uff0e0\uff0e1", "127\uff610\uff610\uff611", "127.0.0.\U0001d7cf"),
    *(
        "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
        "loca\u00adlhost",
        "local\u200bhost",
    ),
    *(
        "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54",
        "locaL\u212aost",
        "local\u017fhost",
    ),
    *("\u0661\u0662\u0667.\u0660.\u0660.\u0661", "127.0.0.1\u3000", "\u202e1.0.0.721"),
    *("%31%32%37.0.0.1", "127%2e0%2e0%2e1", "%6cocalhost", "localhost%00.example.com"),
    "127.0.0.1%20",
)
_SIX: Final = (
    *("[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::0001]"),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]", "[::FFFF:127.0.0.1]"),
    *("[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[::127.0.0.1]", "[::]"),
    *("[::1%25lo]", "[::1%lo]", "[fe80::1%25eth0]", "[fe80::1%1]", "[::ffff:0:7f00:1]", "[::1.]"),
    *("[0:0:0:0:0:0:127.0.0.1]", "[::ffff:0x7f.0.0.1]", "[::1", "::1]", "[[::1]]", "[127.0.0.1]"),
)
# With `{}` for host and port of what listens.
_WHOLE: Final = (
    *("https://a@{}/", "https://a:b@{}/", "https://example.com@{}/", "https://{}@example.com/"),
    *("https://{}#@example.com/", "https://example.com#@{}/", "https://example.com\\@{}/"),
    *("https://{}\\@example.com/", "https://example.com?@{}/", "https:\\\\{}/", "https:/{}/"),
    *("https:{}/", "https:///{}/", "////{}/", "//{}/", "{}", "https://{}:80/", "https://{}:/"),
    *(" https://{}/", "https://{}/ ", "https:// {}/", "https://\t{}/", "ht\ntps://{}/"),
    *("https://{}/\r\nHost: example.com", "https://example.com\n@{}/", "HTTPS://{}/", "hTTp://{}/"),
    *("ftp://{}/", "file://{}/etc/passwd", "file:///etc/passwd", "gopher://{}/_x", "dict://{}/x"),
    *(
        "ldap://{}/",
        "ws://{}/",
        "data:text/plain,x",
        "javascript:alert(1)",
        "unix:/{}",
        "jar:https://{}!/",
    ),
    *(
        "http+unix://{}/",
        "https://%s@{}/",
        "https://{}%2f@example.com/",
        "https://{}/;@example.com/",
    ),
)


def _numbers() -> Iterator[str]:
    """Yield 127.0.0.1 in every base for every part, and with its last parts drawn together."""
    for bases in product(_BASES, repeat=4):
        parts = [base.format(part) for base, part in zip(bases, _LOOPBACK, strict=True)]
        yield ".".join(parts)
    for drawn in (2, 3, 4):
        kept, last = _LOOPBACK[: 4 - drawn], int.from_bytes(_LOOPBACK[4 - drawn :])
        for base in _BASES:
            yield ".".join(base.format(part) for part in (*kept, last))
    yield from ("127.0.0.1.", "127.0.0.01", "127.000.000.001", "00127.0.0.1", "127.0.0.1.0")
    yield from ("127.0.0", "127", "0", "0x7F000001", "4294967296", "127..0.1", "-127.0.0.1", "1e9")


def hosts() -> list[str]:
    """Return every spelling of a host."""
    closed = [f"[{address}]" if ":" in address else address for address in CLOSED]
    return list(dict.fromkeys([*_numbers(), *closed, *_NAMES, *_OTHER_LETTERS, *_SIX]))


def urls(port: int) -> list[str]:
    """Return every spelling, as the whole address of something that listens on `port`."""
    plain = [f"{scheme}://{host}:{port}/x" for host in hosts() for scheme in ("https", "http")]
    return [*plain, *(whole.format(f"127.0.0.1:{port}") for whole in _WHOLE)]
