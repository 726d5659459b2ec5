"""Form: how a conversation becomes text and tokens for the model that learns, with its chat template checked.

What a student is taught has to be what it is asked for later: the prompt is the template's own generation prompt, and
the answer stands right behind it. A template that drops the thinking, that begins a turn otherwise than it renders one,
or that ends none is told before anything is trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from datafactory.chat import THINK, join_thinking
from datafactory.errors import StageError
from datafactory.merging.templates import SHIPPED
from datafactory.merging.tokens import missing
from datafactory.settings import Text
from datafactory.types import Message

OTHERWISE = (
    f"`chat_template` names one that keeps it ({', '.join(SHIPPED)}, or a .jinja file), and `template: append` keeps "
    "the model's own and puts the answer behind its prompt"
)


@dataclass(frozen=True)
class Form:
    """A tokenizer whose chat template is the one to train with; `end` is the token that ends an answer.

    own    whether the template is the model's own
    drops  what is done where the template drops the thinking
    """

    reference: str
    tokenizer: Any
    end: str
    own: bool
    drops: Literal["fail", "append"]

    def text(self, messages: Sequence[Message], reasoning: str | None, response: str) -> tuple[str, str]:
        """The prompt, and what is learnt behind it; StageError where the template loses a part of the row."""
        answer = join_thinking(reasoning, response)
        turns = [*messages, {"role": "assistant", "content": answer}]
        prompt = self._rendered(messages, add_generation_prompt=True)
        if self.drops == "append":
            learnt = behind(prompt, reasoning, response) + self.end
        else:
            whole = self._rendered(turns)
            if lost := missing(whole, turns, reasoning, response):
                raise StageError(f"{self._template} drops {lost} of a row: a student would not learn it. {OTHERWISE}")
            if not whole.startswith(prompt):
                raise StageError(
                    f"{self._template} ends a prompt in {prompt[-24:]!r}, and renders the answer otherwise: a student "
                    f"would be asked for what it has not learnt. {OTHERWISE}"
                )
            learnt = whole[len(prompt) :]
        if lost := missing(prompt + learnt, turns, reasoning, response):
            raise StageError(f"{self._template} drops {lost} of a row: a student would not learn it")
        return prompt, learnt

    def tokens(self, texts: Sequence[tuple[str, str]]) -> Iterator[tuple[int, list[int]]]:
        """The tokens of each prompt with what is learnt behind it, and how many of them are the prompt's."""
        prompts = self._ids([prompt for prompt, _ in texts])
        wholes = self._ids([prompt + learnt for prompt, learnt in texts])
        for (_, learnt), prompt, whole in zip(texts, prompts, wholes, strict=True):
            if whole[: len(prompt)] != prompt:  # a token across the boundary, which no prompt would end with
                whole = prompt + self._ids([learnt])[0]
            yield len(prompt), whole

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        ids: list[list[int]] = self.tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    def _rendered(self, messages: Sequence[Message], add_generation_prompt: bool = False) -> str:
        return _render(self._template, self.tokenizer, messages, add_generation_prompt)

    @property
    def _template(self) -> str:
        return _told(self.own, self.reference)


def form(reference: str, tokenizer: Any, template: Text | None, drops: Literal["fail", "append"]) -> Form:
    """The form of a tokenizer with its own chat template, or with another, which it keeps from then on.

    A tokenizer without any gets `plain`. Raises StageError for a template whose end of turn is no token.
    """
    own = template is None and bool(tokenizer.chat_template)
    if not own:
        given = template or Text(SHIPPED["plain"].read_text(encoding="utf-8"), "plain")
        # as this tokenizer begins a text by itself, which a template has to write out
        bos = tokenizer.bos_token_id
        begins = given.path in SHIPPED and bos is not None and tokenizer("x")["input_ids"][0] == bos
        tokenizer.chat_template = ("{{ bos_token }}" if begins else "") + given.content
    return Form(reference, tokenizer, _end_of_turn(reference, tokenizer, own), own, drops)


def behind(prompt: str, reasoning: str | None, response: str) -> str:
    """The answer behind a prompt that may have opened its thinking, as R1-distill's templates do.

    An answer without thinking closes what the prompt opened.
    """
    opening, closing = THINK
    ended = prompt.rstrip()
    if not ended.endswith(opening):
        return join_thinking(reasoning, response)
    inside = "\n\n" if reasoning is None else f"\n{reasoning}\n"
    for there in prompt[len(ended) :]:
        inside = inside.removeprefix(there)
    return f"{inside}{closing}\n\n{response}"


def _end_of_turn(reference: str, tokenizer: Any, own: bool) -> str:
    """The token that the chat template puts after an answer.

    A base model's template may end its turns with another token than its eos (Qwen2.5: <|im_end|>, <|endoftext|>). The
    student has to stop at what it was taught to write.
    """
    turns: list[Message] = [{"role": "user", "content": "question"}, {"role": "assistant", "content": "answer"}]
    after = _render(_told(own, reference), tokenizer, turns, False).rpartition("answer")[2]
    marks = [
        token
        for token in tokenizer(after, add_special_tokens=False)["input_ids"]
        if token in {*tokenizer.added_tokens_decoder, tokenizer.eos_token_id}
    ]
    if not marks:
        hint = "" if own else ", or ends them with what is no token of this tokenizer"
        raise StageError(f"{_told(own, reference)} ends no turn{hint}; a student would not learn to stop")
    return str(tokenizer.convert_ids_to_tokens(marks[0]))


def _render(template: str, tokenizer: Any, messages: Sequence[Message], add_generation_prompt: bool) -> str:
    from jinja2 import TemplateError

    try:
        return str(
            tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=add_generation_prompt)
        )
    except (TemplateError, TypeError, ValueError) as error:
        roles = ", ".join(message["role"] for message in messages)
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise StageError(f"{template} refuses these turns ({roles}): {why}") from error


def _told(own: bool, reference: str) -> str:
    return f"the chat template of {reference}" if own else f"`chat_template`, with {reference},"
