"""The generated parts of the pages here: every setting, filter, verifier and judge, as the code says it.

    python docs/generate.py            writes them
    python docs/generate.py --check    exit 1, and the name of each page that is not what the code says

In   docstrings, the types and defaults of every Config and filter, the text under each field
Out  what stands between `<!-- generated: NAME -->` and `<!-- end -->` in the pages below docs; all else is by hand
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from pydantic import BaseModel  # noqa: E402
from pydantic.fields import FieldInfo  # noqa: E402
from pydantic_core import PydanticUndefined  # noqa: E402

from datafactory import plugins  # noqa: E402
from datafactory.config import Base, key_of, role  # noqa: E402
from datafactory.measures import Measure, parameters  # noqa: E402
from datafactory.outside import Rows, Weighed  # noqa: E402
from datafactory.plugins import PACKAGES, Use  # noqa: E402
from datafactory.rewritings import Example  # noqa: E402
from datafactory.settings import Text  # noqa: E402

BLOCK = re.compile(r"(<!-- generated: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.S)
LABEL = re.compile(r"(Drop|[A-Z][a-z]+ ) +(?=\S)")  # `In   question, answer`, `Out  reward`, `Drop duplicates`
WIDTH = 118

WORDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Any: "anything",
    Path: "path",
    Text: "text, or path of a .txt file",
    tuple[str, str]: "list of two texts",
    tuple[float, float]: "number, or list of two numbers",
    tuple[tuple[str, str], ...]: "path of a JSONL file",
    tuple[Example, ...]: "path of a JSONL file",
    tuple[Path, ...]: "path, or list of paths",
    tuple[Use, ...]: "name, or list of names with their settings",
    tuple[Measure, ...]: "filters with their bounds",
    tuple[Rows, ...]: "path, name of a benchmark or of a stage above, or list of these",
    Weighed: "folder or hub id of a model",
}
PLURALS = {"text": "texts", "whole number": "whole numbers", "number": "numbers"}
NAMES = {
    "dataset": "name of a stage above",
    "model": "name of a model, or of a trained stage above",
    "weights": "name of a model, or of a trained stage above, whose weights are taken",
}
LIMITS = {
    "ge": "{:g} or more",
    "gt": "above {:g}",
    "le": "at most {:g}",
    "lt": "below {:g}",
    "multiple_of": "a multiple of {:g}",
}
MARKS = {"file": "Its content is the identity.", "runtime": "Runtime: never re-runs anything."}


def stages() -> Iterator[str]:
    for name in plugins.names("stage"):
        yield from described("stage", name)
        yield from table(settings(module("stage", name).Config), ("setting", "type", "default", "meaning"))


def engines() -> Iterator[str]:
    for name in plugins.names("engine"):
        yield from described("engine", name)
        yield from table(settings(module("engine", name).Config), ("setting", "type", "default", "meaning"))


def verifiers() -> Iterator[str]:
    for name in plugins.names("verifier"):
        yield from described("verifier", name)
        if hasattr(module("verifier", name), "Config"):
            yield from table(settings(module("verifier", name).Config), ("setting", "type", "default", "meaning"))
        else:
            yield from ("No settings.", "")


def judges() -> Iterator[str]:
    for name in plugins.names("judge"):
        yield from described("judge", name)
        yield from table(settings(module("judge", name).Config), ("setting", "type", "default", "meaning"))


def rewritings() -> Iterator[str]:
    for name in plugins.names("rewriting"):
        yield from described("rewriting", name)
        yield from table(settings(module("rewriting", name).Config), ("setting", "type", "default", "meaning"))


def filters() -> Iterator[str]:
    for name in plugins.names("filter"):
        yield from described("filter", name)
        fields = parameters(Use("filter", name)).model_fields
        rows = [[f"`{key}`", kind(field.annotation), default(field)] for key, field in fields.items()]
        if rows:
            yield from table(rows, ("setting", "type", "default"))
        else:
            yield from ("No settings beside `min` and `max`.", "")


def contents(kinds: str) -> Callable[[], Iterator[str]]:
    def lines() -> Iterator[str]:
        for name in plugins.names(kinds):
            yield f"- [{name}](#{name}): {escaped(plugins.summary(kinds, name))}"

    return lines


BLOCKS: dict[str, Callable[[], Iterator[str]]] = {
    "stages": stages,
    "engines": engines,
    "verifiers": verifiers,
    "judges": judges,
    "rewritings": rewritings,
    "filters": filters,
    "stage_names": contents("stage"),
    "verifier_names": contents("verifier"),
    "judge_names": contents("judge"),
    "rewriting_names": contents("rewriting"),
    "filter_names": contents("filter"),
}


def module(kinds: str, name: str) -> Any:
    return importlib.import_module(f"{PACKAGES[kinds]}.{name}")


def described(kinds: str, name: str) -> Iterator[str]:
    """The heading and the docstring, its labelled lines as a list."""
    yield from (f"### {name}", "")
    for paragraph in plugins.docstring(kinds, name).split("\n\n"):
        if paragraph.startswith("    "):
            yield from (paragraph, "")
            continue
        parts: list[str] = []
        for line in paragraph.splitlines():
            label = LABEL.match(line)
            if label:
                parts.append(f"- **{label[1].strip()}** {line[label.end() :]}")
            elif parts and line.startswith(" "):
                parts[-1] += f" {line.strip()}"
            elif parts and not parts[-1].startswith("- "):
                parts[-1] += f" {line}"
            else:
                parts.append(line)
        before = ""
        for part in parts:
            if before and part.startswith("- ") != before.startswith("- "):
                yield ""
            indent = "  " if part.startswith("- ") else ""
            yield textwrap.fill(
                escaped(part), WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
            )
            before = part
        yield ""


def settings(model: type[BaseModel], prefix: str = "") -> list[list[str]]:
    """A row per setting: key, type, default, meaning. Names of what is above lead; nested settings follow theirs."""
    rows = []
    for name, field in sorted(model.model_fields.items(), key=lambda pair: role(pair[1]) not in NAMES):
        if name in getattr(model, "PASSED", ()):
            continue
        key = prefix + key_of(name, field)
        nested = field.annotation if _is_model(field.annotation) else None
        meaning = meanings(model).get(name) or (inspect.getdoc(nested) if nested else "") or ""
        said = [sentence(meaning), MARKS.get(role(field), "")]
        also = [] if not field.validation_alias else _others(field, key_of(name, field))
        said += [f"Also spelled {', '.join(f'`{prefix}{other}`' for other in also)}."] if also else []
        shown = "settings, below" if nested else limited(named(field), field)
        rows.append([f"`{key}`", shown, "" if nested else default(field), " ".join(part for part in said if part)])
        if nested:
            rows += settings(nested, f"{key}.")
    if hasattr(model, "PASSED"):
        of, more = (
            f"any other of TRL's {model.TRAINER}",
            "Checked by name and type; docs/training.md tells which are not to be set.",
        )
        rows.append([of, "TRL's", "TRL's", more])
    return rows


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _others(field: FieldInfo, key: str) -> list[str]:
    choices = getattr(field.validation_alias, "choices", [])
    return [choice for choice in choices if isinstance(choice, str) and choice != key]


def named(field: FieldInfo) -> str:
    if role(field) not in NAMES:
        return kind(field.annotation)
    name = NAMES[role(field)]  # type: ignore[index]
    return f"list: {name}" if get_origin(field.annotation) is tuple else name


def kind(annotation: Any) -> str:
    """A type in plain words; None is told by the default."""
    if annotation in WORDS:
        return WORDS[annotation]
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if hasattr(annotation, "__metadata__"):  # Annotated
        return kind(annotation.__origin__)
    if origin in (Union, UnionType):
        return ", or ".join(kind(each) for each in inner if each is not NoneType)
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        word = kind(inner[0])
        return f"list of {PLURALS.get(word, word)}"
    if origin is dict:
        word = kind(inner[1])
        return f"mapping from names to {PLURALS.get(word, word)}"
    if _is_model(annotation):
        return f"{{{', '.join(key_of(name, field) for name, field in annotation.model_fields.items())}: ...}}"
    raise TypeError(f"docs/generate.py has no words for the type {annotation}")


def limited(words: str, field: FieldInfo) -> str:
    limits = [
        text.format(getattr(each, mark))
        for each in field.metadata
        for mark, text in LIMITS.items()
        if hasattr(each, mark)
    ]
    return ", ".join([words, *limits])


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    assert value is not PydanticUndefined
    return "none" if value is None or value in ((), {}) else f"`{spelled(value)}`"


def spelled(value: Any) -> str:
    """A value as a recipe spells it."""
    if isinstance(value, Text):
        return spelled(value.path or value.content)
    if isinstance(value, Use):
        return value.name
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str):
        return value if value and value == value.strip() and "\n" not in value else f'"{value}"'.replace("\n", "\\n")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(spelled, value))}]"
    return str(value)


def meanings(model: type) -> dict[str, str]:
    """The text under each field, an inherited one's from where it is declared."""
    found: dict[str, str] = {}
    for declared in reversed(model.__mro__):
        if issubclass(declared, Base) and declared is not Base:
            found |= _under_fields(declared.__module__).get(declared.__name__, {})
    return found


@cache
def _under_fields(module_name: str) -> dict[str, dict[str, str]]:
    tree = ast.parse(inspect.getsource(sys.modules[module_name]))
    found: dict[str, dict[str, str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            found[node.name] = {}
            for field, text in zip(node.body, node.body[1:], strict=False):
                if (
                    isinstance(field, ast.AnnAssign)
                    and isinstance(text, ast.Expr)
                    and isinstance(text.value, ast.Constant)
                ):
                    assert isinstance(field.target, ast.Name)
                    found[node.name][field.target.id] = " ".join(str(text.value.value).split())
    return found


def sentence(text: str) -> str:
    return text if not text or text.endswith(".") else f"{text}."


def table(rows: list[list[str]], heads: tuple[str, ...]) -> Iterator[str]:
    for row in [list(heads), ["---"] * len(heads), *rows]:
        yield "| " + " | ".join(escaped(cell).replace("|", "\\|") for cell in row) + " |"
    yield ""


def escaped(text: str) -> str:
    """Tags as text, not as HTML, outside code."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(piece if piece.startswith("`") else piece.replace("<", "\\<") for piece in pieces)


def written(page: str) -> str:
    """The page with its generated blocks as the code says them."""

    def block(match: re.Match[str]) -> str:
        lines = "\n".join(BLOCKS[match["name"]]()).strip()
        return f"{match[1]}\n{lines}\n\n{match[3]}"

    return BLOCK.sub(block, page)


def stale() -> dict[Path, str]:
    """The pages that are not what the code says, with what they would be."""
    found = {}
    for path in sorted(DOCS.rglob("*.md")):
        page = path.read_text(encoding="utf-8")
        if (wanted := written(page)) != page:
            found[path] = wanted
    return found


def main(arguments: list[str]) -> int:
    found = stale()
    for path, page in found.items():
        if "--check" in arguments:
            print(
                f"docs/{path.relative_to(DOCS)} is not what the code says: run python docs/generate.py", file=sys.stderr
            )
        else:
            path.write_text(page, encoding="utf-8")
            print(f"wrote docs/{path.relative_to(DOCS)}")
    return 1 if found and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
