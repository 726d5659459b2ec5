"""What personal data and secrets look like, as patterns of Rust's regex; `_pii_checks` looks at what they find.

CUES   by name: a text without it is not searched for the forms that name it; they are what Rust's regex finds fastest
FORMS  (kind, cue, pattern)
"""

from __future__ import annotations

_SHAPES = {
    "phone": (
        r"(?:(?-u:\b)(?i-u:(?:tele|cell|smart)?phone|tel|mobile|cell|fax|whatsapp|hotline|"
        r"(?:call|text|reach|contact) (?:me|us)|contact|telefono?|telefoon|telefone|celular|portable|handynummer|"
        r"rufnummer|handy|nomor hp)(?-u:\b)|[Tt]el[ée](?:fono|phone)|[Mm]óvil|[Тт]елефон|[Тт]ел[.:]|电话|手机|"
        r"座机|联系方式|電話|携帯|전화|휴대폰|هاتف|تلفن|फ़ोन|फोन|điện thoại|τηλέφωνο|โทร)"
    ),
    "then": (
        r"[\p{Cyrillic}\p{Hangul}\p{Han}\p{M}]{0,4}(?:[\s:：.=(*#]|"
        r"(?i: number| no| nr| num|号码?|番号|번호| is| at| on|は|是|为|為|은|는| es| ist| est)){0,6}"
    ),
    "alone": r"(?:^|[^0-9A-Za-z+*/^=$_.,{\\-])",  # before a number that is no part of a term
    "over": r"(?:[^0-9A-Za-z^*=_\\/+-]|$)",  # behind one
    "secret": (
        r"(?i:api[_ -]?key|access[_ -]?key(?:_id)?|secret[_-]?key|secret[_-]?access[_-]?key|client[_-]?secret|"
        r"auth[_-]?token|access[_-]?token|bearer[_ -]?token|password|passwd)"
    ),
}

CUES = {
    "@": "@",
    "dot": r"(?i-u: at | ?[\[(]at[\])] ?)",
    "owned": "(?i-u:(?:his|her|my|their|our) number is)",
    "token": (
        r"AKIA|ASIA|gh[pousr]_|github_pat|glpat|sk-|hf_|AIza|xox|k_live|k_test|npm_|pypi-|SG\.|gsk_|:AA|ya29|dop_v1|eyJ"
    ),
    "PRIVATE": "PRIVATE KEY",
    "secret": "(?i:api.?key|access.?key|secret|token|passw)",
    "://": "://",
    "+": r"\+[1-9][0-9 .(-][0-9 .()-]{5}",
    "phone": _SHAPES["phone"],
    "number": (
        r"[0-9]{15}|[0-9]{4}[ -][0-9]{4}[ -][0-9]{4}|[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3}[.-][0-9]{3}[.-][0-9]{4}|"
        r"\([2-9][0-9]{2}\) ?[0-9]{3}|[0-9]\.[0-9]+\.[0-9]+\.[0-9]|[A-Z]{2}[0-9]{2}[ A-Z0-9]{11}|"
        r"3[47][0-9]{2}[ -][0-9]{6}"
    ),
}

_KEYS = (
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",  # AWS
    r"gh[pousr]_[A-Za-z0-9]{30,}",
    r"github_pat_[A-Za-z0-9_]{22,}",
    r"glpat-[A-Za-z0-9_-]{20,}",
    r"sk-[A-Za-z0-9_-]{20,}",  # OpenAI, Anthropic, DeepSeek and others
    r"hf_[A-Za-z0-9]{30,}",
    r"gsk_[A-Za-z0-9]{40,}",  # Groq
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"ya29\.[A-Za-z0-9_-]{20,}",
    r"xox[abeprs]-[A-Za-z0-9-]{10,}",  # Slack
    r"[srp]k_(?:live|test)_[A-Za-z0-9]{16,}",  # Stripe
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[A-Za-z0-9_-]{50,}",
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",  # SendGrid
    r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}",  # Telegram
    r"dop_v1_[a-f0-9]{64}",  # DigitalOcean
    r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",  # a JSON web token
)

_EMAIL = (
    r"[A-Za-z0-9][A-Za-z0-9._%+-]*@"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}\(?"
)
_SPELT_EMAIL = (  # "look at amazon dot com" is none: what is before the at holds a dot, or the at brackets
    r"(?i-u:[A-Za-z0-9_]+(?:(?: dot )[A-Za-z0-9_]+)+ at |[A-Za-z0-9._-]+ ?[\[(]at[\])] ?)"
    r"(?i-u:[A-Za-z0-9-]{2,}(?: ?[\[(]dot[\])] ?| dot |\.)(?:[A-Za-z0-9-]+(?: ?[\[(]dot[\])] ?| dot |\.))*)"
    r"(?i-u:com|org|net|edu|gov|io|info|[a-z]{2})(?-u:\b)"
)
_OWNED = r"(?i-u:(?:his|her|my|their|our) number is):? \(?0[0-9](?:[ .()/-]{0,2}[0-9]){7,12}"
_INTERNATIONAL = (
    r"(?:^|[0-9=)]?[\s(:：,，;\[\"'“*|])"
    r"\+[1-9][0-9]{0,2}(?:[ .\x{a0}-]?(?:\([0-9]{1,5}\)|[0-9]{1,5})){2,8}"
    r"(?:[0-9A-Za-z^*=_\\/]| [=+*/<>×·-])?"
)
_AMERICAN = (
    _SHAPES["alone"] + r"(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[ .-][0-9]{4}|"
    r"[2-9][0-9]{2}(?:-[0-9]{3}-|\.[2-9][0-9]{2}\.)[0-9]{4})" + _SHAPES["over"]
)
_SPOKEN = _SHAPES["phone"] + _SHAPES["then"] + r"\+?\(?[0-9](?:[ .()/\x{a0}-]{0,3}[0-9]){6,14}"
_CARD = r"(?-u:\b)(?:[2-6][0-9]{3}(?:[ -][0-9]{4}){3}|3[47][0-9]{2}[ -][0-9]{6}[ -][0-9]{5})(?-u:\b)"
_SPOKEN_CARD = (
    r"(?i:card|visa|amex|cvv|信用卡|银行卡|tarjeta|carte|kreditkarte|карт)[^\n0-9]{0,40}[2-6][0-9]{14,15}(?-u:\b)"
)
_PASSWORD = (
    _SHAPES["secret"] + r"[\"'*]{0,3}(?:\s{0,3}(?:=>|:=|=|:)|\s+is)\s{0,3}[\"'`*]{0,3}[A-Za-z0-9_+/=!@#$%^&*.-]{12,}"
)
_IBAN = r"(?-u:\b)[A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,4})?)(?-u:\b)"
_ADDRESS = r"[0-9A-Za-z._-]*[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}[0-9A-Za-z._/]*"
_CHINESE = r"(?-u:\b)[1-9][0-9]{5}(?:19|20)[0-9]{2}[01][0-9][0-3][0-9][0-9]{3}[0-9Xx](?-u:\b)"

FORMS = (
    ("e-mail", "@", _EMAIL),
    ("key", "token", rf"(?-u:\b)(?:{'|'.join(_KEYS)})"),
    ("private key", "PRIVATE", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----\s*[A-Za-z0-9+/=:\s-]{16,64}"),
    ("password", "secret", _PASSWORD),
    ("URL with a password", "://", r"[a-z][a-z0-9+]{1,15}://[A-Za-z0-9_.-]+:[^\s:@/'\"<>{}]{3,}@[A-Za-z0-9.-]+"),
    ("e-mail", "dot", _SPELT_EMAIL),
    ("phone", "owned", _OWNED),
    ("phone", "+", _INTERNATIONAL),
    ("phone", "number", _AMERICAN),
    ("phone", "phone", _SPOKEN),
    ("card", "number", _CARD),
    ("card", "number", _SPOKEN_CARD),
    ("IBAN", "number", _IBAN),
    ("IP address", "number", _ADDRESS),
    ("social security number", "number", _SHAPES["alone"] + r"[0-9]{3}-[0-9]{2}-[0-9]{4}" + _SHAPES["over"]),
    ("identity number", "number", _CHINESE),
)
