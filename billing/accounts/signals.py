"""What tells two accounts of one person: e-mail, phone, card, device, address; pure.

Each kind has one way in which all spellings of a value become the same text. Whoever sends the
SHA-256 of an e-mail address or of a phone number instead of it hashes that text.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Final

from plans.wording import gettext as _

LENGTH_MAX: Final = 320
_HASH: Final = re.compile(r"[0-9a-fA-F]{64}")
_PHONE: Final = re.compile(r"\+[1-9][0-9]{5,14}")
_BETWEEN_DIGITS: Final = str.maketrans("", "", " -.()/\u00a0")
_GMAIL: Final = frozenset({"gmail.com", "googlemail.com"})
# Several names of one post office.
_SAME: Final = {
    "googlemail.com": "gmail.com",
    "me.com": "icloud.com",
    "mac.com": "icloud.com",
    "pm.me": "proton.me",
    "protonmail.com": "proton.me",
    "ya.ru": "yandex.ru",
    "yandex.com": "yandex.ru",
}
# Where a tag follows a hyphen, not a plus sign.
_HYPHEN_TAGS: Final = frozenset({"yahoo.com", "ymail.com", "rocketmail.com"})
_V6_NETWORK: Final = 64
_PAN_LENGTHS: Final = range(12, 20)


class Signal(StrEnum):
    """A kind of signal; the names are public."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"
    DEVICE = "device"
    IP = "ip"


def normalised(kind: Signal, value: str) -> str:
    """Return the one text of a value of that kind, however it was spelled.

    Raises:
        ValueError: it is no such value; the message is a sentence that does not quote it.
    """
    text = unicodedata.normalize("NFKC", value).strip()
    if not 0 < len(text) <= LENGTH_MAX or not text.isprintable():
        raise ValueError(_("must be a text of 1 to 320 visible characters."))
    return _READ[kind](text)


def _email(text: str) -> str:
    """Return the SHA-256 of an address in its one spelling; a hash is taken at its word.

    Capitals do not matter, nor does what follows a plus sign in the name; dots in names at Gmail
    do not, nor which of a post office's domains is written. A domain is written in ASCII.
    """
    if _HASH.fullmatch(text):
        return text.lower()
    name, _at, domain = text.casefold().rpartition("@")
    try:
        domain = domain.rstrip(".").encode("idna").decode("ascii")
    except UnicodeError:
        domain = ""
    if not name or "." not in domain or any(character.isspace() for character in name):
        raise ValueError(_("must be an e-mail address, or the SHA-256 of one in 64 hex digits."))
    tag = "-" if domain in _HYPHEN_TAGS else "+"
    name = name.partition(tag)[0] or name
    if domain in _GMAIL:
        name = name.replace(".", "")
    return sha256(f"{name}@{_SAME.get(domain, domain)}".encode()).hexdigest()


def _phone(text: str) -> str:
    """Return the SHA-256 of a number with its country's code; a hash is taken at its word."""
    if _HASH.fullmatch(text):
        return text.lower()
    digits = text.translate(_BETWEEN_DIGITS)
    digits = f"+{digits[2:]}" if digits.startswith("00") else digits
    if not _PHONE.fullmatch(digits):
        raise ValueError(_("must be a phone number with its country's code, such as +8613…"))
    return sha256(digits.encode()).hexdigest()


def _ip(text: str) -> str:
    """Return an IPv4 address, or the /64 of an IPv6 one: so much one customer has alone."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(_("must be an IP address.")) from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        bare = ipaddress.IPv6Address(int(address))  # without a zone of this machine
        return str(ipaddress.ip_network((bare, _V6_NETWORK), strict=False))
    return str(address)


def _card(text: str) -> str:
    """Return a card's fingerprint as it is; its number is no business of ours."""
    digits = text.translate(_BETWEEN_DIGITS)
    if digits.isdecimal() and len(digits) in _PAN_LENGTHS and _ends_in_its_check(digits):
        raise ValueError(_("must be the fingerprint of a card, not its number."))
    return text


def _ends_in_its_check(digits: str) -> bool:
    """Say whether the last digit is the Luhn check of those before it."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled // 10 + doubled % 10
    return total % 10 == 0


def _as_given(text: str) -> str:
    return text


_READ: Final[Mapping[Signal, Callable[[str], str]]] = {
    Signal.EMAIL: _email,
    Signal.PHONE: _phone,
    Signal.CARD: _card,
    Signal.DEVICE: _as_given,
    Signal.IP: _ip,
}
