"""Settings as a recipe spells them, read into plugins and files, with messages that name the exact key.

`Nested` carries problems that lie deeper than a field, so that pydantic's report can be followed to the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError, ValidationInfo

from datafactory import plugins
from datafactory.config import Base, folder_of, key_of
from datafactory.errors import UserError, did_you_mean
from datafactory.page import Place
from datafactory.plugins import Use

Problems = list[tuple[Place, str]]
PLAIN = {  # pydantic's words and ours
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid string": "a text",
    "a valid boolean": "true or false",
}


class Nested(ValueError):
    """Problems below a field: the way from the field, and what is wrong there."""

    def __init__(self, problems: Problems):
        self.problems = problems
        super().__init__("; ".join(message for _, message in problems))


def problems_of(
    error: ValidationError, model: type[BaseModel], extra: tuple[str, ...] = ()
) -> Iterator[tuple[Place, str]]:
    """Each thing that pydantic found, as (way to the value, message a person understands).

    extra holds keys that stand beside the model's own and are read elsewhere.
    """
    for found in error.errors():
        place = tuple(part for part in found["loc"] if not _internal(part))
        inner = found.get("ctx", {}).get("error")
        if isinstance(inner, Nested):
            yield from (((*place, *way), message) for way, message in inner.problems)
        elif isinstance(inner, UserError):
            yield from ((place, problem) for problem in inner.problems)
        elif found["type"] == "extra_forbidden":
            known = [*(extra if len(place) == 1 else ()), *_keys(model, place[:-1])]
            yield place, f"no setting named '{place[-1]}'.{did_you_mean(str(place[-1]), known)}"
        elif found["type"] == "missing":
            yield place, "is missing"
        elif found["type"] == "model_type":
            keys = ": ..., ".join(_keys(model, place))
            yield place, f"should be settings, {{{keys}: ...}}, not {shown(found['input'])}"
        elif found["type"] == "value_error" and not place:
            yield place, _plainly(found["msg"])
        else:
            yield place, f"{_plainly(found['msg'])}, not {shown(found['input'])}"


def _keys(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that the settings at that place can have."""
    fields = {key_of(name, field): field for name, field in model.model_fields.items()}
    if not place:
        return [*fields, *(model.further() if issubclass(model, Base) else ())]
    inner = fields[place[0]].annotation if place[0] in fields else None  # type: ignore[index]
    for kind in (inner, *get_args(inner)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return _keys(kind, place[1:])
    return []


def _internal(part: str | int) -> bool:
    return isinstance(part, str) and (
        part.startswith(("function-", "tagged-", "lax-or-", "is-instance")) or "[" in part
    )


def _plainly(message: str) -> str:
    message = message.removeprefix("Value error, ").removeprefix("Input ")
    for theirs, ours in PLAIN.items():
        message = message.replace(theirs, ours)
    message = message.partition(", unable to parse")[0]
    return message[:1].lower() + message[1:]


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def checked(model: type[BaseModel], values: dict[str, Any], info: ValidationInfo | None = None) -> Any:
    """The model of these values; Nested with every problem otherwise."""
    try:
        return model.model_validate(values, context=info.context if info else None)
    except ValidationError as error:
        raise Nested(list(problems_of(error, model))) from error


def _uses(value: Any, info: ValidationInfo, kind: str, needs: tuple[str, ...]) -> tuple[Use, ...]:
    if isinstance(value, str | dict):
        value = [value]
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"should be a list of {kind}s")
    found: list[Use] = []
    problems: Problems = []
    for place, item in enumerate(value):
        if isinstance(item, Use):
            found.append(item)
            continue
        pairs = list(item.items()) if isinstance(item, dict) else [(item, None)]
        for name, settings in pairs:
            try:
                if settings is not None and not isinstance(settings, dict):
                    raise UserError(f"should be settings, as in {{{name}: {{...}}}}, not {shown(settings)}")
                use = plugins.find(kind, str(name), folder_of(info), settings)
                if use.name in {other.name for other in found}:
                    raise UserError(f"'{use.name}' stands twice")
                missing = [name for name in needs if not callable(getattr(use.module, name, None))]
                if missing:
                    raise UserError(f"{use.file or use.name} has no {_word(missing[0])} named '{missing[0]}'")
                checked(getattr(use.module, "Config", plugins.NoSettings), dict(use.settings), info)
                found.append(use)
            except Nested as error:
                problems += [((place, str(name), *way), message) for way, message in error.problems]
            except UserError as error:
                problems += [((place,), problem) for problem in error.problems]
    if problems:
        raise Nested(problems)
    return tuple(found)


def _word(name: str) -> str:
    return "class" if name[0].isupper() else "function"


Verifiers = Annotated[tuple[Use, ...], BeforeValidator(lambda value, info: _uses(value, info, "verifier", ("verify",)))]


def _judges(value: Any, info: ValidationInfo, asks: str) -> tuple[Use, ...]:
    """Judges whose function of that name says what is shown: of one completion, or of two."""
    found = _uses(value, info, "judge", ("Answer", "opinion"))
    for use in found:
        if not callable(getattr(use.module, asks, None)):
            other = "compares two completions, for `pairs`" if asks == "shown" else "judges one completion, for `judge`"
            raise ValueError(f"'{use.name}' {other}; a judge here has a function named '{asks}'")
        whole = [name for name, kind in getattr(use.module, "FACTS", {}).items() if "Int" in kind]
        if whole:
            raise ValueError(f"'{use.name}' declares {whole[0]} as a whole number; the mean of votes is a Float64")
    return found


Judges = Annotated[tuple[Use, ...], BeforeValidator(lambda value, info: _judges(value, info, "shown"))]
Comparison = Annotated[
    tuple[Use, ...], BeforeValidator(lambda value, info: _judges(value, info, "compared")), Field(max_length=1)
]


OF_PROMPT = Path(__file__).parent / "rewritings" / "_of_prompt.py"  # what a .txt in the place of a name is run by


def _rewriting(value: Any, info: ValidationInfo) -> tuple[Use, ...]:
    """One rewriting, whose name may be the path of a prompt."""
    value = value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
    if isinstance(value, Use):
        return (value,)
    name, settings = next(iter(value.items())) if isinstance(value, dict) and len(value) == 1 else (value, None)
    if not isinstance(name, str):
        raise ValueError("should be one rewriting: a name, or {name: {settings}}")
    if not name.endswith(".txt"):
        return _uses([value], info, "rewriting", ("shown",))
    if settings is not None and not isinstance(settings, dict):
        raise ValueError(f"should be settings, as in {{{name}: {{...}}}}, not {shown(settings)}")
    (use,) = _uses([{str(OF_PROMPT): {"prompt": name, **(settings or {})}}], info, "rewriting", ("shown",))
    return (replace(use, name=Path(name).stem),)


Rewriting = Annotated[tuple[Use, ...], BeforeValidator(_rewriting), Field(max_length=1)]


def spelled(text: str) -> list[Any]:
    """Plugins as a command line spells them: `math,format` or `math,{format: {style: think_answer}}`."""
    try:
        found = yaml.safe_load(f"[{text}]")
    except yaml.YAMLError as error:
        raise UserError(f"--with {text}: names by comma, settings as in {{format: {{style: think}}}}") from error
    assert isinstance(found, list)
    return found


def verifiers_of(text: str) -> tuple[Use, ...]:
    """The verifiers that a command line names, their settings checked; paths start from the current folder."""
    try:
        return TypeAdapter(Verifiers).validate_python(spelled(text))
    except ValidationError as error:
        raise UserError(*(f"--with {text}: {message}" for _, message in problems_of(error, BaseModel))) from error


@dataclass(frozen=True)
class Text:
    """A text that a recipe gives in place, or by the path of a file; only its content counts."""

    content: str
    path: str | None = None


def _text(value: Any, info: ValidationInfo) -> Text:
    if isinstance(value, Text):
        return value
    if not isinstance(value, str) or not value.strip():
        raise ValueError("should be a text, or the path of a .txt file")
    if "\n" in value or not value.endswith(".txt"):
        return Text(value)
    path = located(value, info)
    try:
        return Text(path.read_text(encoding="utf-8"), value)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error


Prompt = Annotated[Text, BeforeValidator(_text)]
# "" is a system turn without a text, where a chat template would put its own
System = Annotated[Prompt, BeforeValidator(lambda value: Text("") if value == "" else value)]


def located(value: str, info: ValidationInfo) -> Path:
    """The file or folder of that name, sought from the recipe's folder; UserError where there is none."""
    folder = folder_of(info)
    path = folder / Path(value).expanduser()
    if path.exists():
        return path
    hint = ""
    if Path(value).exists():
        hint = f" Paths start from the recipe's folder: write '{_relative(Path(value).resolve(), folder.resolve())}'."
    elif path.parent.is_dir():
        hint = did_you_mean(
            path.name, [inner.name for inner in path.parent.iterdir() if not inner.name.startswith(".")]
        )
    raise UserError(f"there is no {path}.{hint}")


def _relative(path: Path, folder: Path) -> str:
    try:
        return path.relative_to(folder, walk_up=True).as_posix()  # type: ignore[call-arg]
    except (TypeError, ValueError):
        return str(path)
