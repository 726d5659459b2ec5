r"""Indecision: how often the thinking turns round: hesitates, starts over, changes its answer.

Measure  hesitations in 1,000 words + 5 * (restarts + changes of answer). A hesitation opens a sentence: wait, hmm, no,
         hold on, alternatively, 等等, 不对. A restart says so: start over, going in circles, I'm confused, 从头再,
         重新开始. The answer changes where "the answer is", \boxed{ or 答案是 is followed by another number or option
         than the time before. 6 bytes of UTF-8 are taken as a word, so that as much said in Chinese is as many words;
         thinking of less than 500 words counts as 500, and in thinking of less than 1,000 restarts and changes weigh
         more in proportion
Source   thinking that circles on questions that have no answer (MiP-Overthinking, arXiv:2504.06514); the weights are a
         choice. English and Chinese; in other languages only boxes are seen
Use      catches thinking that cannot settle. Long sound reasoning says "wait" often and is kept, since that is taken as
         a rate; it seldom starts over or changes its answer, so that these are counted. `max` 75
"""

from __future__ import annotations

import re

import polars as pl

from filters._text import column

VERSION = 1
SCOPE = "row"
BOUNDS = {"max": 75.0}

_BYTES = 6000  # of a thousand words
_LEAST, _MOST = 0.5, 1.0  # thousands of words
_WEIGHT = 5  # hesitations that a restart or another answer counts as much as
# plain words, since (?i) and Unicode's classes cost several times the time; a capital is how a sentence opens
_HESITATES = (
    r"Wait|Hold on|Hmm|Alternatively|Actually, no|No,|Nope|Scratch that|On second thought|Oops|hmm|wait,|wait no"
    r"|but wait|no wait",
    r"等一下|不对|嗯|或者说|[。！？\n ](?:等等|不[,，])",  # 等等 behind a list is "and so on"
)
_RESTARTS = (
    r"[Ss]tart(?:ing)? (?:over|again|afresh|anew|from scratch|from the beginning)"
    r"|[Gg]oing (?:around |round )?in circles|[Bb]ack to square one|[Ll]et me re-?think|I give up"
    r"|I(?:'|’| a)m (?:really |getting |still |so |very |quite |totally )?(?:stuck|confused|lost)[ ,.;!?]",
    r"重新开始|从头开始|从头再|重来|绕圈|糊涂|换个思路|推倒",
)
_ANSWERS = (
    r"(?:[Aa]nswers? (?:is|should be|must be|has to be)|\\boxed *\{|答案(?:应该)?(?:是|为))"
    r"[ :*$\\(\[{]*[^ .,;:!?\n$\\)\]}*。，；！？]+"
)
_LEAD = re.compile(r"(?:(?:\w+ ){1,3}(?:is|be)|\\boxed *\{|.*?[是为])[ :*$\\(\[{]*")
_ANSWER = re.compile(r"-?[\d/]+.*|[A-J]")


def indecision(rows: pl.DataFrame) -> pl.Series:
    text = column(rows, "reasoning")
    thousands = (text.str.len_bytes() / _BYTES).clip(lower_bound=_LEAST)
    anew = _count(text, _RESTARTS) + _changes(text)
    turns = _count(text, _HESITATES) / thousands + _WEIGHT * anew / thousands.clip(upper_bound=_MOST)
    return turns.alias("indecision")


def evidence(rows: pl.DataFrame) -> pl.Series:
    """What was counted, and the answers in their order."""
    text = column(rows, "reasoning")
    counted = (_count(text, _HESITATES), _count(text, _RESTARTS), _answers(text))
    told = [
        f"{hesitations} hesitations, {restarts} restarts; answers: {' > '.join(answers) or 'none'}"[:300]
        for hesitations, restarts, answers in zip(*counted, strict=True)
    ]
    return pl.Series("evidence", told, dtype=pl.String)


def _count(text: pl.Series, patterns: tuple[str, str]) -> pl.Series:
    english, chinese = patterns
    return text.str.count_matches(english) + text.str.count_matches(chinese)


def _changes(text: pl.Series) -> pl.Series:
    """How often an answer follows another one."""
    return pl.Series([max(len(answers) - 1, 0) for answers in _answers(text)], dtype=pl.Int64)


def _answers(text: pl.Series) -> list[list[str]]:
    """The answers in their order, one that is the same as the one before left out; what is no number or option too."""
    stated = text.str.extract_all(_ANSWERS)
    several = stated.list.len() > 0
    return [_in_turn(found.to_list()) if any_ else [] for found, any_ in zip(stated, several, strict=True)]


def _in_turn(stated: list[str]) -> list[str]:
    said = [
        answer.rstrip("'\"")
        for answer in (_LEAD.sub("", text, count=1) for text in stated)
        if _ANSWER.fullmatch(answer)
    ]
    return [answer for answer, before in zip(said, ["", *said], strict=False) if answer != before]
