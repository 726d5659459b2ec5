"""Supervised: the settings of the stages that train on a merge's rows, `sft` and `distill`."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import AliasChoices, Field

from datafactory.architecture import Architecture
from datafactory.chat import slips
from datafactory.check import Check
from datafactory.config import ref, runtime
from datafactory.errors import did_you_mean
from datafactory.merging.templates import Template
from datafactory.settings import Prompt, System, Text
from datafactory.trainable import Trainable

COLUMNS = ("problem", "choices", "domain", "source", "reasoning", "response")
TOLD = ("epochs", "gradient_accumulation_steps", "learning_rate", "max_length")
STATED, PAPER = "stated", "arXiv:2501.12948, B.4"
_NEVER_CUT = "a row is left out where it is longer than `max_length`, and never cut"
_LOSS = "the loss is on the answer alone, its thinking and its end of turn included"


class Supervised(Trainable):
    """What is learnt from each row: the answer to its question, thinking first."""

    TRAINER = "SFTConfig"
    DECIDES: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("packing_strategy", "truncation_mode"), _NEVER_CUT),
        **dict.fromkeys(("completion_only_loss", "assistant_only_loss"), _LOSS),
        "chat_template_path": "use `chat_template`",
        "padding_free": "use `packing`",
        "shuffle_dataset": "rows are drawn in an order of their own in each epoch",
    }

    source: str = ref("dataset", alias="from")
    """The merged dataset."""
    model: str = ref("weights")
    """What to start from: a name under `models`, or a trained stage above."""
    prompt: Prompt = Text("{question}")
    """The user's turn of rows that think, with {question}; the others have their question alone."""
    system: System | None = None
    """The system prompt; the chat template's own without one."""
    epochs: float = Field(2, gt=0, validation_alias=AliasChoices("epochs", "num_train_epochs"))
    max_length: int = Field(32768, ge=8)
    """Longest row in tokens, prompt included; a row that is longer is left out and counted."""
    packing: bool = False
    """Several rows in one context of `max_length`, none of which sees another (TRL's best-fit decreasing). A step then
    learns from so many contexts, full of rows, instead of so many rows."""
    chat_template: Template | None = None
    """A template to train with and to save with the model instead of its own: a .jinja file, its text, or one that is
    here: `chatml`, `llama3`, `plain`. A model without any gets `plain`."""
    template: Literal["fail", "append"] = "fail"
    """What happens where the chat template drops the thinking of an answer: fail ends the stage before it begins;
    append keeps the template and puts the answer behind the prompt it ends with, as the model is asked."""
    max_position_embeddings: int | None = Field(None, ge=8)
    """The positions that the model is trained and saved with, where its own are too few for the rows."""
    rope_theta: float | None = Field(None, gt=0)
    """The base of its rotary positions, likewise."""
    memory: Literal["check", "report"] = runtime("check")
    """What happens where the plan needs more memory or disk than there is: check ends the stage before the weights are
    loaded, report says so and goes on."""

    def filled(self, reference: str, student: Architecture | None) -> tuple[Self, dict[str, str]]:
        """The config with no number left open for that model, and where each of them comes from."""
        return self, {name: STATED if name in self.model_fields_set else PAPER for name in TOLD} | {
            name: STATED for name in ("max_steps", "max_position_embeddings") if name in self.model_fields_set
        }

    def told_preset(self) -> str:
        return "the paper's SFT"

    def check(self, check: Check) -> None:
        self.check_training(check)
        demand_columns(check.of(self.source), check)
        if "{question}" not in self.prompt.content:
            check.wrong(("prompt",), "has no {question}: every row would get the same prompt")
        for key, text in (("prompt", self.prompt), ("system", self.system)):
            for slip in slips(text.content if text else ""):
                check.wrong((key,), slip)


def demand_columns(columns: list[str] | None, check: Check) -> None:
    if columns is not None and (told := lacking(columns)):
        check.wrong(("from",), told)


def lacking(columns: list[str]) -> str | None:
    """What is said of a dataset that has not the columns of a merge; None for one that has."""
    missing = [name for name in COLUMNS if name not in columns]
    if not missing:
        return None
    near = did_you_mean(missing[0], columns) if len(missing) == 1 else ""
    return (
        f"no column{'s' if len(missing) > 1 else ''} named {', '.join(missing)}; what is trained on is a merge.{near}"
    )
