"""Judges: a model's opinion of what another model wrote. One file each, its prompt in a text file beside it.

A judge's file has VERSION, Config (a Judge), FACTS where it finds out more than a score, and

    Answer                                  a Base: the keys and types of the JSON object that the model answers with
    shown(problem, completion, config)      {place in the prompt: text}, or a Verdict where there is nothing to ask
    opinion(answer, config) -> Verdict      what one answer says

A judge that compares two completions has compared(problem, a, b, config) in place of `shown`. Asking, fencing off what
is shown, reading the answer and counting votes are `datafactory.judging`'s: a judge cannot get them wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field, model_validator

from datafactory.config import Base
from datafactory.settings import Prompt, Text


class Judge(Base):
    """What every judge can be told. `places` are the texts that its prompt must have room for."""

    places: ClassVar[tuple[str, ...]] = ()

    prompt: Prompt
    """A .txt of your own in its place; the keys of the JSON object it asks for stay the same."""
    longest: int = Field(20_000, ge=100)
    """Characters of each text that are shown; of a longer one the middle is left out, and the prompt says so."""

    @model_validator(mode="after")
    def _has_room(self) -> Judge:
        for place in (*self.places, "code"):
            if f"{{{place}}}" not in self.prompt.content:
                wanted = " ".join(f"{{{name}}}" for name in (*self.places, "code"))
                raise ValueError(f"the prompt has no {{{place}}}; it needs {wanted}")
        return self


def beside(file: str) -> Text:
    """The prompt of the judge in that file: the .txt of the same name."""
    path = Path(file).with_suffix(".txt")
    return Text(path.read_text(encoding="utf-8"), path.name)
