"""Rewritings: a part of a row written anew by a model. One file each, its prompt in a text file beside it.

A rewriting's file has VERSION, Config (a Rewriting) and

    shown(problem, completion, config)      {place in the prompt: text}, or a text: why there is nothing to ask

and where it asks for more than the checks that every rewriting has

    fault(problem, before, text, config)    what is wrong with the new text, or None

Asking, fencing off what is shown, checking what comes back and keeping the original are `datafactory.rewriting`'s.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from datafactory.config import Base
from datafactory.errors import UserError
from datafactory.judges import beside
from datafactory.settings import Prompt, located
from datafactory.sources import rows_of

__all__ = ["Rewriting", "beside"]

Example = tuple[dict[str, str], str]
CheckName = Literal["finished", "form", "mention", "length", "loops", "numbers", "content", "language", "own", "answer"]
ALL: tuple[CheckName, ...] = get_args(CheckName)


def _examples(value: Any, info: ValidationInfo) -> tuple[Example, ...]:
    if isinstance(value, tuple):
        return value
    if not isinstance(value, str):
        raise ValueError("should be the path of a JSONL file with what is shown, and `rewrite`")
    found = []
    for place, row in rows_of(located(value, info)):
        if not all(isinstance(text, str) for text in row.values()) or "rewrite" not in row:
            raise UserError(f"{place}: a worked example has texts and `rewrite`, as in question, reasoning, rewrite")
        found.append(({name: text for name, text in row.items() if name != "rewrite"}, row["rewrite"]))
    return tuple(found)


class Rewriting(Base):
    """What every rewriting can be told.

    places          the texts that its prompt must have room for
    writes          the part of the row that is written
    prose           whether it is to be plain prose in short paragraphs, without the marks of a document
    never_mentions  what it must not speak of: kinds of datafactory/rewriting/mentions.py
    """

    places: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[Literal["reasoning", "response"]] = "reasoning"
    prose: ClassVar[bool] = False
    never_mentions: ClassVar[tuple[str, ...]] = ()

    prompt: Prompt
    """A .txt of your own in its place, with the same places for what is shown."""
    examples: Annotated[tuple[Example, ...], BeforeValidator(_examples)] = ()
    """Worked examples that are shown before: a JSONL file with what the prompt has places for, and `rewrite`."""
    longest: int = Field(60_000, ge=100)
    """Characters of each text that is shown; a row with a longer one is not asked, since nothing may be left out."""
    checks: tuple[CheckName, ...] = ALL
    """The checks that a rewrite has to pass; all of them by default."""
    counting: int = Field(2, ge=0)
    """Whole numbers up to this one may always be said."""
    keeps: float = Field(0.0, ge=0, le=1)
    """The least share of the old thinking's numbers that the new one says too."""
    min_language: float = Field(0.9, ge=0, le=1)
    """The least share of the new text's words that are in the question's language, as `language_consistency` counts."""
    at_least: float | None = Field(None, ge=0)
    """The least share of the old text's words that the new one may have."""
    at_most: float | None = Field(None, gt=0)
    """The most that it may have."""
    paragraph: int = Field(200, ge=1)
    """Words of the longest paragraph, where it is to be prose."""

    @model_validator(mode="after")
    def _has_room(self) -> Rewriting:
        for place in self.places:
            if f"{{{place}}}" not in self.prompt.content:
                wanted = " ".join(f"{{{name}}}" for name in self.places)
                raise ValueError(f"the prompt has no {{{place}}}; it needs {wanted}")
        for example, _ in self.examples:
            missing = [place for place in self.places if place not in example]
            if missing:
                raise ValueError(f"a worked example has no {missing[0]}; it has {', '.join(example)}")
        return self
