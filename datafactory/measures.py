"""Measures as a recipe spells them: filters by name, each with its settings and the bounds within which a row is kept.

repetition: {max: 0.2, ngram: 5}                            settings, and bounds
language_mixing:                                            the filter's own bounds
copies: {filter: near_duplicates, of: trace, max: 0}        a column of another name
answer_agrees: {min: 1, undecided: keep}                    a row without a value stays
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError, ValidationInfo, create_model

from datafactory import plugins
from datafactory.config import Mention, folder_of
from datafactory.errors import UserError, did_you_mean
from datafactory.outside import Rows, Weighed, above_in, rows_named
from datafactory.plugins import Use
from datafactory.settings import Nested, Problems, checked, problems_of, shown, spelled
from filters._settings import Tokenizer

Scope = Literal["row", "group", "dataset"]


@dataclass(frozen=True)
class Measure:
    """A filter with its settings, the column of its values, and the inclusive bounds within which a row is kept."""

    use: Use
    column: str
    minimum: float | None = None
    maximum: float | None = None
    undecided: Literal["drop", "keep"] = "drop"

    @property
    def scope(self) -> Scope:
        """What the value of a row depends on: that row, the rows of its problem, or all rows."""
        found: Scope = getattr(self.use.module, "SCOPE", "group")
        return found

    def keeps(self, value: float | None) -> bool:
        """A value that is null was not decided, and is not kept unless the recipe says so."""
        if value is None:
            return self.undecided == "keep"
        return (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)


class Bounds(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    filter: str | None = None
    min: float | None = None
    max: float | None = None
    undecided: Literal["drop", "keep"] | None = None


def parameters(use: Use) -> type[BaseModel]:
    """The settings of a filter, read off its function's keyword-only parameters."""
    function = getattr(use.module, use.name, None)
    if not callable(function):
        raise UserError(f"{use.file or use.name} has no function named '{use.name}'")
    fields: dict[str, Any] = {
        name: (
            _as_spelled(parameter.annotation),
            ... if parameter.default is inspect.Parameter.empty else parameter.default,
        )
        for name, parameter in inspect.signature(function, eval_str=True).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    return create_model(use.name, __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **fields)


def _as_spelled(annotation: Any) -> Any:
    """The type of a setting in a recipe: rows and a tokenizer are named there."""
    if annotation == tuple[Path, ...]:
        return Annotated[tuple[Rows, ...], BeforeValidator(_rows)]
    if Tokenizer in get_args(annotation) or annotation is Tokenizer:
        return Annotated[Weighed | None, BeforeValidator(_tokenizer)]
    return annotation


def _rows(value: Any, info: ValidationInfo) -> Any:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
        raise ValueError("should be a path, the name of a benchmark or of a stage above, or a list of them")
    return tuple(rows_named(name, folder_of(info)) for name in names)


def _tokenizer(value: Any, info: ValidationInfo) -> Any:
    if value is not None and not isinstance(value, str):
        raise ValueError("should be a folder or a hub id")
    return value and Weighed(value, folder_of(info))


def measure_of(column: str, settings: dict[str, Any], info: ValidationInfo) -> Measure:
    """The measure that these settings spell; Nested or UserError with what is wrong."""
    bounds = checked(Bounds, {key: value for key, value in settings.items() if key in Bounds.model_fields})
    rest = {key: value for key, value in settings.items() if key not in Bounds.model_fields}
    use = plugins.find("filter", bounds.filter or column, folder_of(info), rest)
    model = parameters(use)
    known = [*model.model_fields, *Bounds.model_fields]
    unknown: Problems = [
        ((key,), f"no setting named '{key}'.{did_you_mean(key, known)}") for key in rest if key not in known
    ]
    if unknown:
        raise Nested(unknown)
    settled = checked(model, rest, info)
    use = replace(use, settings=tuple((name, getattr(settled, name)) for name in sorted(model.model_fields)))
    own = getattr(use.module, "BOUNDS", {})
    given = (bounds.min, bounds.max)
    least, most = given if given != (None, None) else (own.get("min"), own.get("max"))
    name = use.name if bounds.filter is None else column
    return Measure(use, name, least, most, bounds.undecided or own.get("undecided", "drop"))


def _measures(value: Any, info: ValidationInfo) -> tuple[Measure, ...]:
    found: list[Measure] = []
    problems: Problems = []
    for name, settings in _named(value):
        settings = {} if settings is None else settings
        if not isinstance(settings, dict):
            problems.append(((name,), f"should be settings such as {{max: 0.2}}, not {shown(settings)}"))
            continue
        try:
            found.append(measure_of(str(name), settings, info))
        except Nested as error:
            problems += [((name, *way), message) for way, message in error.problems]
        except UserError as error:
            problems += [((name,), problem) for problem in error.problems]
    if problems:
        raise Nested(problems)
    return tuple(found)


def _named(value: Any) -> list[tuple[Any, Any]]:
    """(name, settings) of a mapping, or of a list of names and mappings."""
    items = value if isinstance(value, list) else [value]
    pairs = [pair for item in items for pair in (item.items() if isinstance(item, dict) else [(item, None)])]
    if not pairs or not all(isinstance(name, str) for name, _ in pairs):
        raise ValueError(
            "should be filters with their bounds, as in {repetition: {max: 0.2}} or [repetition, finished]"
        )
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"'{twice}' stands twice; `another_name: {{filter: {twice}, ...}}` is a column of its own")
    return pairs


Measures = Annotated[tuple[Measure, ...], BeforeValidator(_measures)]


def measures_of(text: str) -> tuple[Measure, ...]:
    """The filters that a command line names, as in `repetition,{length: {unit: tokens}}`; paths from this folder."""
    try:
        found: tuple[Measure, ...] = TypeAdapter(Measures).validate_python(spelled(text))
    except ValidationError as error:
        raise UserError(*(f"--with {text}: {message}" for _, message in problems_of(error, Bounds))) from error
    return found


def stages_in(measures: tuple[Measure, ...]) -> dict[str, Mention]:
    """The stages above that settings name, each with the column and the setting it stands in."""
    return {
        above.name: Mention((measure.column, setting), above.missing)
        for measure in measures
        for setting, value in measure.use.settings
        for above in above_in(value)
    }
