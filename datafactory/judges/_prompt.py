"""Untrusted text in a judge's prompt: fenced off, so that it can neither leave its place nor pass for anything else.

In   a template, the texts for its places, which others wrote, and a code
Out  the prompt: each text between two lines that carry the code, cut to a length, without what a chat template obeys

The code is a hash of the texts themselves, so that whoever wrote them could not know it; it stands in none of them.
The judge gives it back: a JSON object copied out of a text does not carry it.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from itertools import count

CODE = 8  # hexadecimal digits: 32 bits against a text that was written before the code was

# What chat templates put between turns, also in the look-alikes that a tokenizer may fold into it: <|im_end|>,
# <｜User｜>, </s>, [INST], <<SYS>>, <start_of_turn>, </think>
_OPEN, _SHUT, _BAR = "<＜﹤〈", ">＞﹥〉", "|｜¦∣ǀ│"
_WORDS = (
    r"s|bos|eos|pad|unk|mask|cls|sep|sop|eop|think|thinking|reasoning|(?:start|end)_of_\w{1,20}|(?:begin|end)oftext"
    r"|tool_\w{1,20}|tools|reserved_\w{1,20}|unused\d{1,5}|seed:\w{1,20}|extra_id_\d{1,4}"
)
_SPECIAL = re.compile(
    rf"""[{_OPEN}]\s{{0,8}}[{_BAR}][^{_OPEN}{_SHUT}\n]{{0,80}}[{_BAR}]\s{{0,8}}[{_SHUT}]
    |[{_OPEN}]\s{{0,8}}/?\s{{0,8}}(?:{_WORDS})\s{{0,8}}[{_SHUT}]
    |[{_OPEN}]{{2}}\s{{0,8}}/?\s{{0,8}}SYS\s{{0,8}}[{_SHUT}]{{2}}
    |\[\s{{0,8}}/?\s{{0,8}}(?:INST|THINK|gMASK|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\s{{0,8}}\]""",
    re.X | re.I,
)
_BRACKETS = f"{_OPEN}{_SHUT}[]"
_LINE_ENDS = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# unseen, or changing the direction of what is seen; the joiners of emoji and of Indic scripts stay
_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)


def harmless(text: str, longest: int) -> str:
    """The text as a judge is shown it."""
    text = _UNSEEN.sub("", _LINE_ENDS.sub("\n", _cut(text, longest)))
    return _SPECIAL.sub(lambda match: f"‹{match[0].strip(_BRACKETS)}›", text)


def _cut(text: str, longest: int) -> str:
    """The text, the middle left out where it is longer: how it begins and what it comes to matter most."""
    if len(text) <= longest:
        return text
    head = longest // 2
    left = len(text) - longest
    return f"{text[:head]}\n[... {left:,} characters are left out here ...]\n{text[len(text) - (longest - head) :]}"


def code_for(texts: Mapping[str, str], *decided: int | str) -> str:
    """The code of a request: the same for the same texts, and in none of them."""
    seen = "\n".join(unicodedata.normalize("NFKC", text).lower() for text in texts.values())
    for attempt in count():
        content = json.dumps([attempt, *decided, *texts.items()])
        code = hashlib.sha256(content.encode()).hexdigest()[:CODE]
        if code not in seen:
            break
    return code


def filled(template: str, texts: Mapping[str, str], code: str) -> str:
    """The template with each {place} filled in one pass: braces inside a text stay as they are."""
    places = re.compile(
        r"(?P<before>\n?)\{(?P<name>" + "|".join(map(re.escape, (*texts, "code"))) + r")\}(?P<after>\n?)"
    )

    def fill(match: re.Match[str]) -> str:
        name = match["name"]
        if name == "code":
            return f"{match['before']}{code}{match['after']}"
        # the lines that carry the code are lines of their own, wherever the template has the place
        return f"\n=== {name} {code} ===\n{texts[name]}\n=== end of {name} {code} ===\n"

    return places.sub(fill, template)
