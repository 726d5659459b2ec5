"""What no language writes: a table over pairs of characters, each of which counts towards its word.

Surprise of two Latin letters side by side, 0 to 9: how rarely they stand so, from once in 60 to once in 400,000, in the
         best two of 20 languages written in Latin script (Tatoeba, the Declaration of Human Rights)
Broken   U+FFFD, a control character, one for private use or of no meaning, a Han character outside the everyday ones of
         mainland China, Taiwan, Hong Kong and Japan, and UTF-8 that was read as Latin-1: "Ã©", "â€™", "Ð¿"
Switch   from a small to a capital letter or a digit, or back, as in base64
Unjudged a sign of formulas, code and addresses, or a capital, digit or bracket behind a letter: \\frac, ABCD, sqrt(x1)
Odd      two different signs side by side that are not of brackets, arithmetic or LaTeX
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np

from filters._characters import Numbers, of_each, sums_of

# where each count begins in the bits of a sum; a word has 32 characters at most, so that none overflows
SURPRISE, PAIRS, BROKEN, SWITCH, UNJUDGED, CODED, ODD = range(0, 63, 9)
_BITS = (1 << 9) - 1

# a line per first letter, a digit per second letter
_SURPRISES = (
    "01103110010000113000111511 02550996045254199233153905 05240990031293065221099921 04420542033241039122133911 "
    "01000101010000213000112211 14952344245395199142266949 04630421043252159222144905 07330554034232098130123935 "
    "02010102100010023000212311 16530563192431169414245996 04520570051132189212031926 03310322022011142421123915 "
    "01430464044213129432142923 03100300021221044400125702 11001112021100116001010331 06460450146234029031248949 "
    "99999999999999999999099999 02210312021221044211123911 03130341040222014300112920 03340540032222059020022913 "
    "12220222121010126010222202 06930995065362099245349923 06440891096582159424399924 29592997399996439993499999 "
    "02121432232122039322332933 03420934143331239431132912"
)

# classes of characters; 1 to 26 are the small letters
_CAPITAL, _DIGIT, _PLUS, _LATEX, _SIGN, _OPEN, _BRACKET, _OPERATOR, _MARK, _BROKEN, _LEAD, _TRAIL = range(27, 39)
_CLASSES = 39
_MEMBERS = (
    (_PLUS, "+"),
    (_LATEX, r"\_{}^$&"),
    (_SIGN, "/@=<>|#~`"),
    (_OPEN, "("),
    (_BRACKET, ")[]"),
    (_OPERATOR, "*-.,:"),
    (_MARK, "!%?;\"'"),
    (_LEAD, "ÃÂâÐÑØÙïäåæçèã"),
)
_CANTONESE = (
    "嚟咗喎啲俬佢諗喺噉嘅枱搵冇嘢嗰哋唔咩嗌攞揾瞓嘥嚿氹揸攰睇餸嘞啱咁乜嚇嗱囉嚹喇啩㗎嘈嬲掂揀摷攬閂佬埋嗮晒嗽嘔廿孖屙"
)
_MISREAD = 4  # nobody types these pairs: a handful tells of a text in a wrong encoding
_READ = 0x20000


def counted(codes: Numbers) -> Numbers:
    """Sums over the characters: the difference of two holds the counts of what is between them."""
    pairs = of_each(_classes(), codes)
    pairs[1:] += pairs[:-1] * np.uint16(_CLASSES)
    return sums_of(_pairs(), pairs)


def count(words: Numbers, field: int) -> Numbers:
    return (words >> field) & _BITS


@cache
def _classes() -> Numbers:
    table = np.zeros(0x110000, dtype=np.uint16)
    for code in range(_READ):
        if unicodedata.category(chr(code)) in ("Cc", "Co", "Cn") and chr(code) not in "\t\n\v\f\r":
            table[code] = _BROKEN
    table[0xF0000:] = _BROKEN
    table[0xFFFD] = _BROKEN
    table[_rare_han()] = _BROKEN
    table[ord("a") : ord("z") + 1] = np.arange(1, 27)
    table[ord("A") : ord("Z") + 1] = _CAPITAL
    table[ord("0") : ord("9") + 1] = _DIGIT
    for number, members in _MEMBERS:
        table[[ord(member) for member in members]] = number
    # what the bytes 0x80 to 0xBF are in Windows-1252; quotation marks and dashes may follow a real è
    trails = bytes(range(0x80, 0xC0)).decode("cp1252", errors="ignore")
    table[[ord(sign) for sign in trails if not sign.isalpha() and sign not in "‚„…‘’“”•–—‹›«»\u00a0¡¿"]] = _TRAIL
    return table


def _rare_han() -> list[int]:
    """Those that no everyday set holds: GB 2312, the first levels of Big5 and JIS, and Cantonese."""

    def everyday(character: str) -> bool:
        mainland, taiwan, japan = (character.encode(name, errors="ignore") for name in ("gb2312", "big5", "shift_jis"))
        return bool(mainland) or b"" < taiwan < b"\xc9" or b"" < japan < b"\x98\x9f" or character in _CANTONESE

    return [code for code in range(0x4E00, 0xA000) if not everyday(chr(code))]


@cache
def _pairs() -> Numbers:
    """int64, by the class of a character and of the one before it."""
    table = np.zeros((_CLASSES, _CLASSES), dtype=np.int64)
    surprises = np.array([[int(digit) for digit in line] for line in _SURPRISES.split()])
    table[1:27, 1:27] = (surprises << SURPRISE) + (1 << PAIRS)
    table[:, _BROKEN] += 1 << BROKEN
    table[_LEAD, _TRAIL] += _MISREAD << BROKEN
    table[1:27, _CAPITAL : _DIGIT + 1] += 1 << SWITCH
    table[_DIGIT, 1 : _CAPITAL + 1] += 1 << SWITCH
    table[_CAPITAL, _DIGIT] += 1 << SWITCH
    table[:, _LATEX : _SIGN + 1] += 1 << UNJUDGED
    for second in (_CAPITAL, _DIGIT, _OPEN):
        table[1 : _CAPITAL + 1, second] += 1 << UNJUDGED
    table[:, 1 : _PLUS + 1] += 1 << CODED
    signs = [_PLUS, _SIGN, _OPEN, _BRACKET, _OPERATOR, _MARK]
    for first in signs:
        for second in signs:
            if _SIGN in (first, second) or _MARK in (first, second):
                table[first, second] += 1 << ODD
    return table.ravel()
