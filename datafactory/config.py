"""The base of every Config, and the marks that say how a field counts in the identity of what it makes.

    model: str = ref("model")        names something above; its fingerprint is the identity, its name is not
    path: Source = file()            a file; its content is the identity, its place is not
    workers: int = runtime(0)        how it runs, never what comes out; left out of the identity

A field without a mark counts with its value.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

Role = Literal["value", "dataset", "model", "weights", "tokenizer", "file", "named", "runtime"]


class Mention(NamedTuple):
    """The way to a name in the settings, and what to add where no stage has it."""

    way: tuple[str, ...]
    missing: str = ""


class Base(BaseModel):
    """A checked, frozen set of settings: a key that is not a field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, allow_inf_nan=False)

    def mentions(self) -> dict[str, Mention]:
        """Datasets above that stand deeper in the settings than a field."""
        return {}

    def models_within(self) -> dict[str, tuple[str, ...]]:
        """Models above that stand deeper in the settings than a field, each with the way to it."""
        return {}

    @classmethod
    def further(cls) -> list[str]:
        """Keys that a recipe may write beside the fields."""
        return []


# what `from` takes where several datasets can be read as one
Sources = str | Annotated[tuple[str, ...], Field(min_length=1)]


def _marked(role: Role, default: Any, **settings: Any) -> Any:
    return Field(default, json_schema_extra={"role": role}, **settings)


def ref(
    kind: Literal["dataset", "model", "weights", "tokenizer"] = "dataset",
    default: Any = PydanticUndefined,
    **settings: Any,
) -> Any:
    """A field that names a stage or a model above (a list of names where its type is a list).

    `model` is weights with the engine that runs them; `weights` is the weights alone, for what trains on them;
    `tokenizer` is that of weights, of a model above or of a path or hub id.
    """
    return _marked(kind, default, **settings)


def runtime(default: Any, **settings: Any) -> Any:
    """A field that says how a stage runs, not what it makes."""
    return _marked("runtime", default, **settings)


def file(default: Any = PydanticUndefined, named: bool = False, **settings: Any) -> Any:
    """A field that holds the path of a file whose content decides the rows; `named` where its name does too."""
    return _marked("named" if named else "file", default, **settings)


def role(field: FieldInfo) -> Role:
    extra = field.json_schema_extra
    return extra.get("role", "value") if isinstance(extra, dict) else "value"  # type: ignore[return-value]


def key_of(name: str, field: FieldInfo) -> str:
    """The key of a field as a recipe spells it: `source: str = ref(alias="from")` is `from`."""
    return field.alias or name


def folder_of(info: ValidationInfo) -> Path:
    """The folder that relative paths start from: the recipe's, or the current one outside a recipe."""
    return Path((info.context or {}).get("folder", "."))
