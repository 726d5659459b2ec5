"""The settings that a config class of TRL takes, read from its source: a name, a type and the choices of each.

Nothing is imported: a recipe is checked in a moment, and TRL takes seconds.

    of("SFTConfig")["weight_decay"].read("1e-1")    0.1
    of("SFTConfig")["optim"].read("adam")           ValueError: no optim named 'adam'. Did you mean 'adamw_torch'? ...
"""

from __future__ import annotations

import ast
import importlib.util
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from datafactory.errors import did_you_mean
from datafactory.fingerprint import canonical

WORDS = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "a text", "dict": "settings"}
MUST = re.compile(r"(?:Must be one of|Supported values are) (?P<listed>[`'][^.:]*)")  # TRL lists choices in its help
QUOTED = re.compile(r"[`']+([\w-]+)[`']+")


@dataclass(frozen=True)
class Setting:
    """A setting's name; the kinds of value it takes, as in `int`, `list[str]`, `None`; its choices, none for any."""

    name: str
    kinds: tuple[str, ...]
    choices: tuple[str, ...] = ()

    def read(self, value: Any) -> Any:
        """The value as TRL wants it; ValueError for one of another type or beside the choices."""
        if isinstance(value, str) and "str" not in self.kinds and "float" in self.kinds:
            value = _number(value)  # 1e-4 without a point is a text in YAML
        fitting = [kind for kind in self.kinds if _is(value, kind)]
        if self.kinds and not fitting:
            raise ValueError(f"should be {_either([_words(kind) for kind in self.kinds])}, not {_shown(value)}")
        if self.choices and isinstance(value, str) and value not in self.choices:
            near = [choice for choice in self.choices if choice.startswith(value)]  # adamw: adamw_torch
            meant = f" Did you mean '{near[0]}'?" if near else did_you_mean(value, self.choices)
            raise ValueError(f"no {self.name} named '{value}'.{meant}")
        try:
            canonical(value)
        except TypeError as error:
            raise ValueError(f"should be numbers, texts, lists and settings: {error}") from error
        return float(value) if fitting and fitting[0] == "float" else value


@cache
def of(trainer: str) -> dict[str, Setting]:
    """The settings of the config class of that name, `SFTConfig`, inherited ones among them."""
    name = trainer.removesuffix("Config").lower()
    trl, transformers = _folder("trl") / "trainer", _folder("transformers")
    chain = [(transformers / "training_args.py", "TrainingArguments"), (trl / "base_config.py", "_BaseConfig")]
    enums = _enums(transformers / "training_args.py") | _enums(transformers / "trainer_utils.py")
    found: dict[str, Setting] = {}
    for file, owner in [*chain, (trl / f"{name}_config.py", trainer)]:
        found |= {setting.name: setting for setting in _declared(file, owner, enums)}
    return found


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _enums(file: Path) -> dict[str, tuple[str, ...]]:
    """The values of each enumeration of a file, under its name."""
    return {
        node.name: tuple(
            item.value.value
            for item in node.body
            if isinstance(item, ast.Assign)
            and isinstance(item.value, ast.Constant)
            and isinstance(item.value.value, str)
        )
        for node in _parsed(file).body
        if isinstance(node, ast.ClassDef) and any("Enum" in ast.unparse(base) for base in node.bases)
    }


def _declared(file: Path, owner: str, enums: dict[str, tuple[str, ...]]) -> Iterator[Setting]:
    """The fields that the dataclass of that name declares itself."""
    (node,) = (node for node in _parsed(file).body if isinstance(node, ast.ClassDef) and node.name == owner)
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            kinds = tuple(_kinds(item.annotation))
            named = [kind for kind in kinds if kind in enums]
            choices = enums[named[0]] if named else _choices(item.value)
            kinds = tuple(dict.fromkeys("str" if kind in enums else kind for kind in kinds))
            if "dict" in kinds:  # a text is how TRL's command line spells settings
                kinds = tuple(kind for kind in kinds if kind != "str")
            known = all(kind.removeprefix("list:") in {*WORDS, "None", "list", "False"} for kind in kinds)
            yield Setting(item.target.id, kinds if known else (), choices)


def _kinds(node: ast.expr) -> Iterator[str]:
    """The parts of an annotation: `int | None` is int and None, `list[str]` is list:str."""
    if isinstance(node, ast.BinOp):
        yield from _kinds(node.left)
        yield from _kinds(node.right)
    elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "list":
        yield f"list:{ast.unparse(node.slice)}"
    elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal":
        yield ast.unparse(node.slice)
    else:
        yield ast.unparse(node).partition("[")[0]


def _choices(default: ast.expr | None) -> tuple[str, ...]:
    """What `metadata` names as choices, or lists in its help as all that is supported."""
    for node in ast.walk(default) if default else ():
        if isinstance(node, ast.Dict):
            told = {
                key.value: value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant)
            }
            listed = told.get("choices")
            if isinstance(listed, ast.List | ast.Tuple):
                values = [item.value for item in listed.elts if isinstance(item, ast.Constant)]
                return tuple(value for value in values if isinstance(value, str))
            help_ = told.get("help")
            must = MUST.search(str(help_.value)) if isinstance(help_, ast.Constant) else None
            return tuple(QUOTED.findall(must["listed"])) if must else ()
    return ()


def _is(value: Any, kind: str) -> bool:
    if kind == "None":
        return value is None
    if kind == "False":
        return value is False
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "float":
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if kind == "dict":
        return isinstance(value, dict)
    if kind.startswith("list"):
        inner = kind.partition(":")[2]
        return isinstance(value, list | tuple) and (not inner or all(_is(item, inner) for item in value))
    return isinstance(value, str)


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _words(kind: str) -> str:
    if kind.startswith("list"):
        inner = kind.partition(":")[2]
        return f"a list of {WORDS[inner].removeprefix('a ')}s" if inner else "a list"
    return {**WORDS, "None": "null", "False": "false"}[kind]


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
