"""Checks of what looks like personal data: sums, lengths, dates, reserved and made-up ones.

In   a kind, and a text that has its form
Out  what of the text is the finding, or None
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date


def sound(kind: str, text: str) -> str | None:
    return _CHECKS[kind](text)


def _email(text: str) -> str | None:
    if text.endswith("("):  # a method of what stands behind the @ of Python
        return None
    spelt = re.sub(r"\s*[\[(]?\bdot\b[\])]?\s*", ".", re.sub(r"\s*[\[(]?\bat\b[\])]?\s*", "@", text.lower()))
    local, _, domain = (text.lower() if "@" in text else spelt).partition("@")
    *_, name, top = domain.split(".")
    if top not in _TOPS and len(top) != 2:
        return None
    if top in ("example", "test", "invalid", "localhost") or name in _PLACES or domain in _PLACES:
        return None
    return None if local in ("git", "user", "username", "your", "youremail", "your.email", "noreply") else text


_TOPS = frozenset((
    "com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "name", "pro", "io", "ai", "dev", "app",
    "tech", "online", "site", "xyz", "cloud", "store", "shop", "club", "blog", "email", "live", "news", "world",
    "today", "agency", "solutions", "company", "group", "systems", "network", "digital", "museum", "travel",
    "jobs", "mobi", "asia",
))  # fmt: skip
_PLACES = frozenset((
    "example", "domain", "yourdomain", "mydomain", "company.com", "yourcompany", "test", "mail.com", "email.com",
))  # fmt: skip


def _key(text: str) -> str | None:
    body = text[4:]
    plain = re.sub(r"[^A-Za-z0-9]", "", body)
    placeholder = re.search(r"(?i:example|your|xxxx|placeholder|0000000|1234567890abcdef1)|abcdefghij|ABCDEFGHIJ", text)
    mixed = any(one.isdigit() for one in plain) and any(one.isalpha() for one in plain)
    if text.startswith("hf_"):  # one in fifty has no digit
        mixed |= any(one.islower() for one in plain) and any(one.isupper() for one in plain)
    return None if placeholder or not mixed or len(set(plain)) < 8 else text


def _password(text: str) -> str | None:
    """A literal that looks made by chance: letters, digits and no word of a placeholder."""
    said = re.split(r"[=:>]\s*[\"'`]?", text, maxsplit=1)[1].strip("\"'` >=")
    mixed = re.search(r"[0-9]", said) and re.search(r"[a-z]", said) and re.search(r"[A-Z!@#$%^&*]", said)
    spoken = re.search(r"(?i)example|your|xxx|placeholder|env|config|request|self|args|get|\*\*\*|\.\w+\.", said)
    return said if mixed and not spoken and len(set(said)) >= 8 else None


def _url(text: str) -> str | None:
    _, _, password = text.partition("://")[2].rpartition("@")[0].partition(":")
    known = ("password", "pass", "passwd", "pwd", "secret", "user", "username", "yourpassword", "postgres", "port")
    return None if password.lower() in known or set(password) <= {"*", "x", "."} else text


def _phone(text: str) -> str | None:
    number = re.search(r"\+?\(?[0-9][0-9 .()/\xa0-]*[0-9]", text)
    if number is None or re.search(r"[A-Za-z^*=_\\/]$| [+<>×·-]$|^[0-9=)]\s", text):  # a term
        return None
    said = number[0]
    groups, digits = re.findall(r"\d+", said), re.sub(r"\D", "", said)
    if not 7 <= len(digits) <= 15 or len(set(digits)) < 3 or said.count("(") != said.count(")"):
        return None
    if re.search(r"[.] | [-/]|^[^0+(].*/", said.replace(" / ", "/") if said.startswith("0") else said):
        return None
    if len(groups) == 1 and not said.startswith("+") and digits.endswith("00"):
        return None  # a price
    if said.count(".") == 1 or (said[0] != "0" and len(groups) > 1 and all(group.endswith("0") for group in groups)):
        return None  # a decimal; 900-300-1500 is a difference
    if said.startswith("+") and len(groups) == 1 and len(digits) < 10:
        return None
    if re.fullmatch(r"\+?1?8(?:00|33|44|55|66|77|88)[0-9]{7}", digits):
        return None  # toll-free: a firm's or a hotline's
    return None if re.fullmatch(r"(?:19|20)\d\d[-./ ]\d\d?[-./ ]\d\d?", said) else said


def _card(text: str) -> str | None:
    digits = [int(one) for one in re.sub(r"[^0-9]", "", text)]
    first = int("".join(map(str, digits[:4])))
    lengths = {15: first // 100 in (34, 37), 16: _of_a_network(first)}
    doubled = sum(one if at % 2 == 0 else sum(divmod(2 * one, 10)) for at, one in enumerate(reversed(digits)))
    return text if lengths.get(len(digits)) and doubled % 10 == 0 and len(set(digits)) > 1 else None


def _of_a_network(first: int) -> bool:
    """Whether a card's first four digits are Visa's, Mastercard's, Discover's, JCB's or UnionPay's."""
    return (
        first // 1000 == 4
        or 51 <= first // 100 <= 55
        or 2221 <= first <= 2720
        or first == 6011
        or first // 100 in (62, 65)
        or 3528 <= first <= 3589
    )


# characters of an IBAN, by country (ISO 13616)
_IBAN = {
    code: length
    for length, codes in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for code in codes.split()
}  # fmt: skip


def _iban(text: str) -> str | None:
    plain = text.replace(" ", "")
    length = _IBAN.get(plain[:2], 0)
    plain = plain[:length]
    if not length or len(plain) != length:
        return None
    return text if int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1 else None


def _address(text: str) -> str | None:
    text = text.strip(".")
    if not re.fullmatch(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}", text) or not re.search(r"[0-9]{3}", text):
        return None  # a version, a section, a network in CIDR notation
    try:
        known = ipaddress.IPv4Address(text)
    except ValueError:
        return None
    return text if known.is_global and not known.is_multicast and text not in _RESOLVERS else None


_RESOLVERS = (
    "8.8.8.8",
    "8.8.4.4",
    "1.1.1.1",
    "1.0.0.1",
    "9.9.9.9",
    "208.67.222.222",
    "208.67.220.220",
    "114.114.114.114",
)


def _social(text: str) -> str | None:
    number = re.search(r"([0-9]{3})-([0-9]{2})-([0-9]{4})", text)
    assert number is not None
    area, group, serial = number.groups()
    issued = area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"
    return number[0] if issued and number[0] not in ("123-45-6789", "078-05-1120", "219-09-9999") else None


def _identity(text: str) -> str | None:
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return None
    weighed = sum(int(one) * 2 ** (17 - at) for at, one in enumerate(text[:17])) % 11
    return text if "10X98765432"[weighed] == text[17].upper() else None


_CHECKS: dict[str, Callable[[str], str | None]] = {
    "e-mail": _email,
    "key": _key,
    "private key": lambda text: text,
    "password": _password,
    "URL with a password": _url,
    "phone": _phone,
    "card": _card,
    "IBAN": _iban,
    "IP address": _address,
    "social security number": _social,
    "identity number": _identity,
}
