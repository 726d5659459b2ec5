r"""Finished: 1 where the model ended its answer by itself, 0 where it was cut off or never came to answer.

Measure  0 where finish_reason is there and is not "stop"; where the response is blank; where thinking is still open
         (<think>, <|begin_of_thought|>); where the response ends within a code block, a formula or a \boxed{, on
         "," or ":" or an operator, on a word that wants another (the, of, because, 因为), or on a letter in the
         middle of a sentence of a text that ends its other sentences; else 1. A cut between two sentences, or within a
         number, cannot be seen
Source   R1's template: thinking in <think></think>, then the answer (arXiv:2501.12948, 2.2). An unknown finish_reason
         and the "stop" that files of others say by default are not believed
Use      catches completions that ran into the token limit. Keeps answers that end on a number, a formula, a code block,
         an item of a list, an emoji, a link, or that are a word or a line without a full stop. `min` 1
"""

from __future__ import annotations

import polars as pl

from filters._text import column

VERSION = 2
SCOPE = "row"
BOUNDS = {"min": 1.0}

_TAIL = 2000  # characters in which the last formula begins
_LAST = 400  # and the last sentences
_LETTER = r"\p{L}\p{M}*"
_NEEDS_MORE = (
    "the|of|to|in|on|at|by|for|with|from|and|or|but|so|that|which|is|are|was|were|be|as|if|then|than|this|these|those"
    "|its|their|we|let|since|because|when|where|while|also|into|between|about|will|can|must|should|would|has|have|been"
    "|being|such|each|any|every|both|either|therefore|thus|hence|however|alternatively|calculating|substituting|gives"
    "|los|las|del|que|para|des|und|est|pour|dans|avec|qui|der|ein|eine|mit|von|ist|и|на|что|для|если|потому"
)
_NEEDS_MORE_HAN = "(?:因为|所以|但是|如果|以及|或者|是|和|与|在)"
_BALANCED = r"\{(?:[^{}\\]|\\.|\{(?:[^{}\\]|\\.|\{(?:[^{}\\]|\\.)*\})*\})*\}"

# how a tail ends that was cut; each is looked for by itself
_CUT = {
    r"\boxed{": rf"(?s)\\(?:boxed|fbox)[ ]*\{{(?:[^{{}}\\]|\\.|{_BALANCED}|\{{)*\\?\z",
    r"\[": r"(?s)(?:\A|[^\\])\\\[(?:[^\\]|\\[^\]])*\\?\z",
    r"\(": r"(?s)(?:\A|[^\\])\\\((?:[^\\]|\\[^)])*\\?\z",
    "$": r"\n(?:[^$\n]*\$[^$\n]*\$)*[^$\n]*[^$\n\\]\$(?:[^0-9$\n][^$\n]*)?\z",
    "**": r"\n(?:[^*\n]*\*\*[^*\n]+\*\*)*[^*\n]*\*\*[^*\n]+\z",
    "(": r"[^\\:;=\n]\([^()\n]{2,}[\p{L}\p{M}0-9]\z",
    "the start of an item": r"\n[ \t]*(?:[0-9]{1,3}[.)]|[-*+]|#{1,6})\z",
    "a comma, a colon or an operator": r"(?:[,:、，：&×÷=<≤≥≈]|[ \n$][-+/*]|\\|[^:;=\n-][(\[{]|[\p{L}0-9 ][(\[{])\z",
    "a command of LaTeX": r"\\(?:boxed|d?frac|sqrt|text|mathrm|left|right|cdot|times|implies|quad|approx|begin|end)\z",
    "a word that wants another": rf"(?i:(?:\A|[\s(])(?:{_NEEDS_MORE})\z)|{_NEEDS_MORE_HAN}\z",
}


_FAR = (r"\boxed{", r"\[", r"\(", "$", "**")
_MARKS_AT_END = r"(?:\s|</?s>|</answer>|<\|[A-Za-z_]*\|?>?|<(?:e(?:n(?:d(?:_[a-z_]*)?)?)?)?>?)*\z"
_CODE = (r"(?m)^[ \t>]*```", r"(?m)^[ \t>]*~~~")
_THINKING = (("<think>", ("</think>",)), ("<|begin_of_thought|>", ("<|end_of_thought|>", "<|begin_of_solution|>")))

# a sentence that ends on a letter, behind one that was ended
_ENDED = r"(?:[\p{L}\p{M})\]$}*\"”’%]|[^\s0-9][^\n]*[0-9])[.!?…][)\]*\"”’]*"
_OPENS = (
    "(?:The|To|So|We|If|How|This|Thus|Since|Given|There|It|In|Let|For|However|Here|You|They|But|And|Now|Next|First|Then"
    "|Because|When|These|What|With|By|Using|Therefore|Hence|As|From|Each|After|Solving|Adding|Combining|Substituting)"
)
_WORDS = r"(?:[^\s.!?|]+[ ]+)"
_BEHIND = rf"{_ENDED}[ ]+{_WORDS}{{2,}}[^\s.!?]*{_LETTER}\z"
_BEGUN = rf"{_ENDED}[ ]*[ \n]\s*{_OPENS}(?:[ ]+[^\s.!?:]*{_LETTER})?\z"
_BELOW = rf"(?:{_ENDED}|\\\]|\$\$)[ ]*\n\s*{_WORDS}{{3,}}[^\s.!?]*{_LETTER}\z"
_AMONG_ITEMS = (
    rf"\n[ \t]*(?:[-*+•]|[0-9]{{1,3}}[.)])[^\n]*{_ENDED}[ ]*\n\s*(?:[-*+•]|[0-9]{{1,3}}[.)])[^\n]*{_LETTER}\z"
)
_IN_CHINESE = r"[。！？][”」）]*\s*[^\s。！？][^。！？\n]{7,}[\p{Han}\p{Hiragana}\p{Katakana}]\z"
# ... which may end so all the same
_ANSWER = (
    r"(?i:\b(?:answers?|options?|choice|result|solution|conclusion)\b|https?://|www\.)[^\n.!?]*\z"
    r"|(?:答案|结果|选|答)[^\n。]*\z"
)
_ITEM_OR_LABEL = r"\n[ \t]*(?:[-*+•#>|]|[0-9]{1,3}[.)])[^\n]*\z|\n[^\n.!?]*[:：=][^\n.!?]*\z"


def finished(rows: pl.DataFrame) -> pl.Series:
    return pl.Series("finished", [float(why is None) for why in _reasons(rows)], dtype=pl.Float64)


def evidence(rows: pl.DataFrame) -> pl.Series:
    """Why it is not finished, and how it ends."""
    said = column(rows, "response").str.strip_chars().str.tail(100)
    told = [why and f"{why}: ...{end!r}" for why, end in zip(_reasons(rows), said, strict=True)]
    return pl.Series("evidence", told, dtype=pl.String)


def _reasons(rows: pl.DataFrame) -> pl.Series:
    """Why a response is not finished, null where it is."""
    response = column(rows, "response")
    if "finish_reason" not in rows.columns:  # as unknown as a null is
        rows = rows.with_columns(finish_reason=pl.lit(None, dtype=pl.String))
    ended = response.str.strip_chars().str.replace(_MARKS_AT_END, "")
    tail, last = _end(ended, _TAIL), _end(ended, _LAST)
    stopped = rows["finish_reason"].cast(pl.String).fill_null("stop")
    signs = [(stopped != "stop", "the token limit or an error ended it"), (ended == "", "there is no answer")]
    signs += [(_thinks(response), "the thinking is open")]
    signs += [(ended.str.count_matches(fence) % 2 == 1, "it ends in a code block") for fence in _CODE]
    signs += [((tail if what in _FAR else last).str.contains(cut), f"it ends in {what}") for what, cut in _CUT.items()]
    broken = last.str.contains(_BELOW) & ~last.str.contains(_ITEM_OR_LABEL)
    for pattern in (_BEHIND, _AMONG_ITEMS, _IN_CHINESE, _BEGUN):
        broken |= last.str.contains(pattern)
    signs += [(broken & ~last.str.contains(_ANSWER), "it ends in a sentence")]
    return pl.select(why=pl.coalesce(pl.when(sign).then(pl.lit(why)) for sign, why in signs)).to_series()


def _end(text: pl.Series, most: int) -> pl.Series:
    """The last characters; behind the end of a line where they are the whole text."""
    return ("\n" + text).str.tail(most)


def _thinks(response: pl.Series) -> pl.Series:
    """Whether there is a mark that thinking begins, and behind the last one none that it ended."""
    said = response.str.replace_all("`<think>`", "", literal=True)
    open_ = pl.zeros(said.len(), dtype=pl.Boolean, eager=True)
    for begin, ends in _THINKING:
        last = said.str.split(begin).list.last()
        closed = pl.zeros(said.len(), dtype=pl.Boolean, eager=True)
        for end in ends:
            closed |= last.str.contains(end, literal=True)
        open_ |= said.str.contains(begin, literal=True) & ~closed
    return open_
