"""Preference pairs: two rollouts of a problem, compared by a judge in both orders; for reward models and DPO.

In   problem_id, question, response; the rollouts of a problem stand together
Out  a row per pair: prompt, chosen and rejected (lists of messages, as TRL reads preferences), the mean and each of the
     judgements (above 0 is for chosen), which rollouts they are, and their lengths in characters
Drop pairs within the margin, pairs of which too few judgements could be read, and with `balance_lengths` those that
     make one side longer than the other

Only the final responses are shown. Half of the judgements show one rollout first, half the other. Four judgements, a
margin of 1 and lengths balanced are R1's (arXiv:2501.12948, 3.1); the labels and their numbers are the judge's choice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl
from pydantic import Field

from datafactory.asking import seed_of
from datafactory.chat import join_thinking
from datafactory.check import Check
from datafactory.config import Sources, ref
from datafactory.driving import Work
from datafactory.job import Job, Split, parted
from datafactory.judges._texts import turns_to
from datafactory.judging import Case, Judging, Referee, silent
from datafactory.pairing import Weighed, candidates, subject, unbalanced, weighed
from datafactory.plugins import Use
from datafactory.settings import Comparison
from datafactory.store import Dataset, Draft
from datafactory.tables import TURNS, clean, write_bytes
from datafactory.types import completion_of, problem_of

VERSION = 1
TOGETHER = 128  # pairs put to the judge at once: what a dead one may cost
COUNTS = "pairs.json"
CARRIED = ("problem_id", "question", "answer", "domain", "source", "license")
OWN = (
    *("prompt", "chosen", "rejected", "mean", "judgements", "chosen_rollout", "rejected_rollout"),
    *("chosen_length", "rejected_length"),
)


class Config(Judging):
    source: Sources = ref("dataset", alias="from")
    """The rollouts to compare; a list is read as one dataset."""
    judges: Comparison = Field((Use("judge", "pairwise"),), alias="with")
    """The judge that compares, with its settings: {pairwise: {prompt: my.txt}} or ./mine.py."""
    judgements: int = Field(4, ge=2, multiple_of=2)
    """Of each pair; an even number, half in each order."""
    margin: float = Field(1.0, ge=0)
    """A pair is kept when its mean is above this, on a scale from -2 to 2."""
    pairs_per_problem: int | None = Field(4, ge=1)
    """At most so many pairs of each problem, drawn by the seed; none takes every two different responses."""
    balance_lengths: bool = True
    """Leave out the pairs that make chosen longer than rejected on the mean, or shorter; as few as it takes."""
    content: Literal["response", "completion"] = "response"
    """What chosen and rejected hold: the final response, as judged, or the thinking too."""


def columns(config: Config, check: Check) -> list[str]:
    config.check(check, config.judgements, "judgements")
    above = check.of(config.source)
    for name in ("problem_id", "question", "rollout", "response"):
        check.column(above, name, "from")
    return [*(name for name in CARRIED if name in (above or [])), *OWN]


def run(config: Config, job: Job) -> None:
    source = job.input(config.source)
    drawn = [_drawn(config, source, k) for k in range(len(source.shards))]
    total = sum(map(len, drawn))
    job.progress.expect(total * config.judgements, "judgements")
    referee = Referee(config, job.models[config.model], job)
    tables = ((k, _works(config, referee, source, k, pairs, total)) for k, pairs in enumerate(drawn))
    heard = {k: [pair for some in parts for pair in some] for k, parts in referee.heard_all(tables)}
    found = [heard[k] for k in range(len(drawn))]
    referee.close()
    lost = [pair.why for pairs in found for pair in pairs if pair.mean is None]
    if len(lost) > config.max_errors * total:
        raise silent(config.judges[0].name, len(lost), total, config.max_errors, lost[0])
    apart = [pair for pairs in found for pair in pairs if _is_apart(config, pair)]
    lengths = [pair.lengths for pair in apart]
    out = unbalanced(lengths, [pair.tie for pair in apart]) if config.balance_lengths else set()
    left_out = {apart[at] for at in out}
    for k, pairs in enumerate(found):
        if not job.draft.has(k):
            split = _split(config, source.read(k), pairs, left_out)
            job.draft.write(k, split.kept, split.dropped)
    counts = {
        "problems": source.scan().select(pl.col("problem_id").n_unique()).collect().item(),
        "problems_compared": len({pair.problem_id for pairs in found for pair in pairs}),
        "pairs": total,
        "length_before": _means(lengths),
        "length_after": _means([pair.lengths for at, pair in enumerate(apart) if at not in out]),
        "position": _position([pair.weighed for pairs in found for pair in pairs]),
    }
    write_bytes(job.draft.folder / COUNTS, json.dumps(counts, indent=1).encode())


def summary(config: Config, draft: Draft) -> dict[str, Any]:
    counts: dict[str, Any] = json.loads((draft.folder / COUNTS).read_text())
    return counts


@dataclass(frozen=True)
class Compared:
    """A pair with the preferred rollout first; rows are places in the shard's table."""

    problem_id: str
    chosen: int
    rejected: int
    weighed: Weighed
    sign: int
    lengths: tuple[int, int]
    tie: int

    @property
    def mean(self) -> float | None:
        return None if self.weighed.mean is None else self.sign * self.weighed.mean

    @property
    def why(self) -> str:
        return self.weighed.why


def _drawn(config: Config, source: Dataset, k: int) -> list[tuple[int, int]]:
    names = [name for name in ("problem_id", "rollout", "response", "finish_reason") if name in source.columns]
    rows = source.read(k).select(names).to_dicts()
    return candidates(rows, config.pairs_per_problem, config.seed or 0)


def _works(
    config: Config, referee: Referee, source: Dataset, k: int, pairs: Sequence[tuple[int, int]], total: int
) -> list[Work[list[Compared]]]:
    rows = source.read(k).to_dicts()
    slices = [pairs[start : start + TOGETHER] for start in range(0, len(pairs), TOGETHER)] or [pairs]
    return [_judged(config, referee, rows, some, total) for some in slices]


def _judged(
    config: Config, referee: Referee, rows: Sequence[Mapping[str, Any]], pairs: Sequence[tuple[int, int]], total: int
) -> Work[list[Compared]]:
    settings = config.judges[0].config
    cases = [_case(config, settings, rows, *pair) for a, b in pairs for pair in ((a, b), (b, a))]
    votes = yield from referee.hear(cases)
    found = []
    for at, (a, b) in enumerate(pairs):
        result = weighed(votes[2 * at], votes[2 * at + 1])
        referee.count(config.judges[0].name, result.mean is None, result.why, total)
        found.append(_compared(config, rows, a, b, result))
    return found


def _case(config: Config, settings: Any, rows: Sequence[Mapping[str, Any]], a: int, b: int) -> Case:
    use = config.judges[0]
    texts = use.module.compared(problem_of(rows[a]), completion_of(rows[a]), completion_of(rows[b]), settings)
    about = (rows[a]["problem_id"], rows[a]["question"] or "", subject(rows, a, b))
    return Case(use, settings, *about, texts, config.judgements // 2)


def _compared(config: Config, rows: Sequence[Mapping[str, Any]], a: int, b: int, result: Weighed) -> Compared:
    sign = -1 if (result.mean or 0) < 0 else 1
    chosen, rejected = (a, b) if sign > 0 else (b, a)
    lengths = (len(_content(config, rows[chosen])), len(_content(config, rows[rejected])))
    problem = rows[a]["problem_id"]
    return Compared(
        problem, chosen, rejected, result, sign, lengths, seed_of(config.seed or 0, problem, subject(rows, a, b))
    )


def _content(config: Config, row: Mapping[str, Any]) -> str:
    response = row["response"] or ""
    return response if config.content == "response" else join_thinking(row.get("reasoning"), response)


def _is_apart(config: Config, pair: Compared) -> bool:
    return pair.mean is not None and pair.mean > config.margin


def _split(config: Config, table: pl.DataFrame, pairs: Sequence[Compared], left_out: set[Compared]) -> Split:
    """The pairs of one shard as rows, parted into those kept and those dropped with the reason."""
    rows = table.to_dicts()
    reasons: list[str | None] = []
    evidence: list[str | None] = []
    for pair in pairs:
        reason = why = None
        if pair.mean is None:
            reason, why = "too few judgements", pair.why
        elif not _is_apart(config, pair):
            reason = f"within the margin of {config.margin:g}"
            why = f"mean {pair.mean:g} of {len(pair.weighed.judgements)} judgements"
        elif pair in left_out:
            reason, why = "unbalanced lengths", "chosen has {} characters, rejected {}".format(*pair.lengths)
        reasons.append(reason)
        evidence.append(None if why is None else clean(why))
    carried = [name for name in CARRIED if name in table.columns]
    first = table.select(carried)[[pair.chosen for pair in pairs]]
    return parted(first.with_columns(_columns_of(config, rows, pairs)), reasons, evidence)


def _columns_of(config: Config, rows: Sequence[Mapping[str, Any]], pairs: Sequence[Compared]) -> list[pl.Series]:
    sides = {
        "chosen": [rows[pair.chosen] for pair in pairs],
        "rejected": [rows[pair.rejected] for pair in pairs],
    }
    prompts = [turns_to(row) for row in sides["chosen"]]
    contents = {
        name: pl.Series(name, [[{"role": "assistant", "content": _content(config, row)}] for row in side], dtype=TURNS)
        for name, side in sides.items()
    }
    said = [[pair.sign * number for number in pair.weighed.judgements] for pair in pairs]
    return [
        pl.Series("prompt", prompts, dtype=TURNS),
        *contents.values(),
        pl.Series("mean", [pair.mean for pair in pairs], dtype=pl.Float64),
        pl.Series("judgements", said, dtype=pl.List(pl.Float64)),
        *(
            pl.Series(f"{name}_rollout", [row["rollout"] for row in side], dtype=pl.Int32)
            for name, side in sides.items()
        ),
        pl.Series("chosen_length", [pair.lengths[0] for pair in pairs], dtype=pl.Int32),
        pl.Series("rejected_length", [pair.lengths[1] for pair in pairs], dtype=pl.Int32),
    ]


def _means(lengths: Sequence[tuple[int, int]]) -> dict[str, float | int]:
    """How many pairs, and how long each side of them is on the mean."""
    count = max(1, len(lengths))
    chosen, rejected = (sum(side) / count for side in zip(*lengths, strict=True)) if lengths else (0.0, 0.0)
    return {"pairs": len(lengths), "chosen": round(chosen, 1), "rejected": round(rejected, 1)}


def _position(found: Sequence[Weighed]) -> dict[str, int]:
    """How often the response shown first was preferred, the second, neither; and in how many pairs the two orders
    prefer different responses: a judge that goes by the place favours `first` and contradicts itself."""
    said = [number for pair in found for number in (*pair.forward, *pair.backward)]
    return {
        "first": sum(number > 0 for number in said),
        "second": sum(number < 0 for number in said),
        "neither": said.count(0),
        "contradictory": sum(sum(pair.forward) * -sum(pair.backward) < 0 for pair in found),
    }
