"""What `plan` reckons from a recipe's `expect`, against sums by hand; and what was measured in its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datafactory.build import Plan, plan
from datafactory.errors import UserError
from datafactory.outlook.reckoned import outlook, peak
from datafactory.outlook.rows import BYTES_PER_TOKEN, PACKED, Seen
from datafactory.outlook.told import told
from datafactory.pilot import piloted
from datafactory.progress import Progress
from datafactory.recipe import read_recipe
from datafactory.reckoning import ENVELOPE, INDEXED

from .conftest import TEACHER, built, command, write_rows

RECIPE = """name: stated
models:
  teacher:
    engine: scripted
    function: ./teacher.py
    price: {prompt: 1, completion: 2, gpu_hour: 3, gpus: 8}
    expect: {tokens_per_second: 2000}
stages:
  problems: {do: load, path: problems.jsonl, question: ask, answer: gold, domain: math, expect: {rows: 10000, prompt_tokens: 100}}
  traces:
    do: generate
    from: problems
    model: teacher
    with: [math]
    until: {accepted: 2, where: math = 1, max_rollouts: 16}
    expect: {rollouts: 5, completion_tokens: 4000}
  clean: {do: filter, from: traces, keep: {repetition: {max: 0.5}}, expect: {keep: 0.5}}
  judged: {do: judge, from: clean, model: teacher, with: [clarity, correctness], votes: 3, expect: {prompt_tokens: 500, completion_tokens: 200}}
  accepted: {do: select, from: judged, where: math = 1, expect: {rows: 12000, tokens: 3000}}
  chat: {do: load, path: chat.jsonl, question: ask, response: say, domain: general, expect: {rows: 6000, tokens: 300, prompt_tokens: 50}}
  dataset: {do: merge, from: [accepted, chat], mixture: {math: 9000, general: 3000}}
  student: {do: distill, from: dataset, model: base, epochs: 3, expect: {tokens_per_second: 50000, gpus: 4, disk: 3e9}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "teacher.py").write_text(TEACHER)
    write_rows(tmp_path / "problems.jsonl", [{"ask": f"{n} + {2 * n}?", "gold": 3 * n} for n in range(40)])
    write_rows(tmp_path / "chat.jsonl", [{"ask": f"Say {n}.", "say": f"Here you are: {n}."} for n in range(5)])
    return tmp_path


def planned(folder: Path, text: str = RECIPE, *assignments: str, limit: int | None = None) -> Plan:
    text = text.replace("stages:", "  base: {engine: vllm, model: Qwen/Qwen2.5-1.5B, price: {gpu_hour: 2}}\nstages:", 1)
    (folder / "recipe.yaml").write_text(text)
    return plan(read_recipe(folder / "recipe.yaml", assignments, limit), folder / "outputs")


def seen(folder: Path, text: str = RECIPE, *assignments: str) -> dict[str, Seen]:
    return {each.name: each for each in outlook(planned(folder, text, *assignments))}


def test_every_figure_is_what_it_comes_to_by_hand(folder: Path) -> None:
    found = seen(folder)
    assert {name: each.count.value for name, each in found.items() if each.rows} == {
        "problems": 10_000, "traces": 50_000, "clean": 25_000, "judged": 25_000, "accepted": 12_000, "chat": 6_000,
        "dataset": 12_000,
    }  # fmt: skip
    traces, judged = found["traces"], found["judged"]
    assert traces.completions.value == 50_000 and traces.tokens.value == 50_000 * 4000
    assert traces.prompt_tokens.value == 50_000 * 100
    assert judged.completions.value == 25_000 * 6 and judged.tokens.value == 150_000 * 200
    hours = 200e6 / 2000 / 3600
    assert traces.hours.value == pytest.approx(hours) and traces.gpu_hours.value == pytest.approx(8 * hours)
    assert traces.cost.value == pytest.approx(5 * 1 + 200 * 2 + 8 * hours * 3)
    whole = 9000 * (3000 + 100) + 3000 * (300 + 50)
    student = found["student"]
    assert student.trained.value == pytest.approx(3 * whole)
    assert student.gpu_hours.value == pytest.approx(3 * whole / 50_000 / 3600 * 4)
    assert student.cost.value == pytest.approx(2 * 3 * whole / 50_000 / 3600 * 4) and student.store.value == 3e9


def test_the_disk_is_the_sum_of_what_each_stage_writes(folder: Path) -> None:
    found = seen(folder)
    each = BYTES_PER_TOKEN * PACKED
    assert found["problems"].store.value == pytest.approx(10_000 * 100 * each)
    assert found["traces"].store.value == pytest.approx(50_000 * 4100 * each)
    assert found["traces"].journal.value == pytest.approx(200e6 * BYTES_PER_TOKEN + 50_000 * (ENVELOPE + INDEXED))
    # what a filter drops stands beside what it keeps
    assert found["clean"].store.value == pytest.approx(50_000 * 4100 * each)
    assert found["accepted"].store.value == pytest.approx((12_000 * 3100 + 13_000 * 4100) * each)
    merged = 2 * (9000 * 3100 + 3000 * 350) * each
    beyond = (12_000 * 3100 + 6000 * 350) * each / 3  # a third finds no room in the mixture
    assert found["dataset"].store.value == pytest.approx(merged + beyond)
    dropped = (25_000 + 13_000) * 4100 * each
    assert found["dataset"].published.value == pytest.approx(merged + beyond + dropped)
    before = sum(found[name].disk.value or 0 for name in list(found)[:6])
    spill = (12_000 * 3100 + 6000 * 350) * BYTES_PER_TOKEN * 0.5
    merging = before + merged + beyond + spill
    stands = before + 2 * (merged + beyond) + dropped
    assert peak(list(found.values())[:7]).value == pytest.approx(max(merging, stands))
    assert peak(list(found.values())).value == pytest.approx(max(merging, stands + 3e9))


def test_what_nothing_tells_is_not_known_and_neither_is_what_follows(folder: Path) -> None:
    text = RECIPE.replace(", completion_tokens: 4000", "").replace("rows: 12000, tokens: 3000", "rows: 12000")
    found = seen(folder, text)
    assert found["traces"].count.value == 50_000 and found["traces"].tokens.value is None
    assert found["traces"].gpu_hours.value is None and found["student"].trained.value is None
    assert found["judged"].tokens.value == 30e6
    text = "\n".join(told(list(found.values())))
    line = next(line for line in text.splitlines() if line.startswith("generated tokens"))
    assert line.split()[-1] == "?"


def test_a_figure_says_what_it_rests_on(folder: Path) -> None:
    text = RECIPE.replace("expect: {rows: 10000, prompt_tokens: 100}", "limit: 30").replace(
        "until: {accepted: 2, where: math = 1, max_rollouts: 16}\n    expect: {rollouts: 5, completion_tokens: 4000}", "group_size: 4"
    ).replace("    with: [math]\n", "")  # fmt: skip
    text = text.replace("where: math = 1, expect: {rows: 12000, tokens: 3000}", "per_problem: 1, expect: {keep: 0.1}")
    text = text.replace("mixture: {math: 9000, general: 3000}", "mixture: {math: 6, general: 3}")
    found = seen(folder, text)
    assert found["problems"].count.value == 30 and not found["problems"].count.stated  # lines of the file, and `limit`
    assert found["traces"].completions.value == 120 and not found["traces"].completions.stated
    assert found["clean"].count.stated and not found["clean"].count.measured
    lines = {line.split()[0]: line for line in told(list(found.values())) if line.strip()}
    assert " 120 " in lines["traces"] and "~60" in lines["clean"]


def test_a_mixture_that_cannot_be_met_is_told(folder: Path) -> None:
    found = seen(folder, RECIPE.replace("general: 3000", "general: 9000"))
    assert found["dataset"].count.value == 15_000
    assert found["dataset"].notes == ("comes short of general: 6,000 of 9,000",)
    scaled = seen(folder, RECIPE.replace("general: 3000}", "general: 9000}, shortfall: scale"))
    assert scaled["dataset"].count.value == 12_000


def test_a_target_ends_the_asking(folder: Path) -> None:
    text = RECIPE.replace("max_rollouts: 16}", "max_rollouts: 16}\n    target: 10000")
    assert seen(folder, text)["traces"].completions.value == pytest.approx(25_000)  # of 20,000 that could be accepted


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("keep: 0.5}", "keep: 1.5}"), "recipe.yaml:18: stages.clean.expect.keep: should be less than or equal to 1"),
        (("keep: 0.5}", "keep: 0.5, rows: 3}"), "has both `rows` and `keep`"),
        (("keep: 0.5}", "kept: 0.5}"), "no setting named 'kept'. Did you mean 'keep'?"),
        (("keep: 0.5}", "rollouts: 2}"), "stages.clean.expect.rollouts: is for a stage that asks a model"),
        (("keep: 0.5}", "tokens_per_second: 2}"), "is for a stage that trains; `filter` does not"),
        (("rollouts: 5,", "rollouts: 17,"), "should be from 1 to the 16 of max_rollouts, not 17"),
        (("rollouts: 5,", "rows: 5,"), "follow from the problems and their rollouts"),
        (("completion_tokens: 4000", "completion_tokens: 40000"), "sampling.max_tokens is 32,768"),
        (("rows: 12000, ", "rows: 26000, "), "26,000 are more than go in: 25,000"),
        (("general: 3000}", "general: 3000}, expect: {rows: 5}"), "is not what `mixture` comes to: 12,000"),
        (("tokens_per_second: 2000", "tokens_per_second: 0"), "models.teacher.expect.tokens_per_second: should be greater than 0"),
        (("gpus: 4, disk", "rows: 4, disk"), "is for a stage that makes rows; `distill` makes a model"),
        (("votes: 3, expect: {", "votes: 3, expect: {rollouts: 3, "), "is told by `votes`"),
    ],
)  # fmt: skip
def test_numbers_that_cannot_be_are_told_in_a_line(folder: Path, change: tuple[str, str], message: str) -> None:
    assert change[0] in RECIPE
    with pytest.raises(UserError) as caught:
        outlook(planned(folder, RECIPE.replace(*change)))
    assert len(caught.value.problems) == 1 and message in caught.value.problems[0]


def test_a_limit_counts_and_makes_no_stated_number_wrong(folder: Path) -> None:
    found = {each.name: each for each in outlook(planned(folder, limit=100))}
    assert found["problems"].count.value == 100 and found["traces"].count.value == 500
    assert found["accepted"].count.value == 250 and found["dataset"].count.value == 350


def test_it_is_no_part_of_an_identity(folder: Path) -> None:
    one = planned(folder)
    bare = RECIPE
    while ", expect: {" in bare or "expect: {" in bare:
        start = bare.index("expect: {")
        bare = bare[:start].rstrip(" ,\n") + bare[bare.index("}", start) + 1 :]
    other = planned(folder, bare)
    assert [step.fingerprint for step in one.steps.values()] == [step.fingerprint for step in other.steps.values()]
    assert not any(stage.expect.model_fields_set for stage in other.recipe.stages.values())


def test_a_finished_stage_counts_as_it_is(small: Path) -> None:
    text = small.read_text().replace("batch_size: 8}", "batch_size: 8, expect: {tokens_per_second: 100, gpus: 2}}")
    text = text.replace("group_size: 4", "group_size: 4\n    expect: {completion_tokens: 900}")
    small.write_text(text)
    made = built(small)
    found = {each.name: each for each in outlook(plan(read_recipe(small), small.parent / "outputs"))}
    for name, step in made.steps.items():
        manifest = step.dataset.manifest
        assert found[name].count.value == manifest["rows"] and found[name].count.measured
        assert not found[name].count.stated
    spent = made.steps["traces"].dataset.manifest["spent"]
    assert found["traces"].tokens.value == spent["tokens"] != 160 * 900
    said = command("plan", small, "--outputs", small.parent / "outputs").stdout
    assert f"={spent['tokens']:,}" in said or f"={spent['tokens'] / 1000:.3g} k" in said


def test_a_pilots_rates_take_the_place_of_what_is_stated(small: Path) -> None:
    text = small.read_text().replace("batch_size: 8}", "batch_size: 8, expect: {tokens_per_second: 100, gpus: 2}}")
    text = text.replace("group_size: 4", "group_size: 4\n    expect: {completion_tokens: 900}")
    text = text.replace("where: math = 1 and format = 1,", "where: math = 1 and format = 1, expect: {keep: 0.99},")
    small.write_text(text)
    outputs = small.parent / "outputs"

    def said() -> dict[str, Seen]:
        return {each.name: each for each in outlook(plan(read_recipe(small), outputs))}

    stated = said()
    assert stated["traces"].tokens.value == 160 * 900 and stated["accepted"].count.stated
    with Progress() as progress:
        pilot = piloted(small, outputs, 20, progress)
    found = said()
    manifest = pilot.manifest("traces")
    each = manifest["spent"]["tokens"] / manifest["spent"]["requests"]
    assert found["traces"].tokens.value == pytest.approx(160 * each) and found["traces"].tokens.measured
    kept = pilot.manifest("accepted")
    clean = found["clean"].count.value or 0
    assert found["accepted"].count.value == pytest.approx(clean * kept["rows"] / (kept["rows"] + kept["dropped"]))
    assert not found["accepted"].count.stated
    # another sampling is another stage: what was measured of the old one says nothing of it
    small.write_text(small.read_text().replace("temperature: 0.7", "temperature: 0.9"))
    assert said()["traces"].tokens.value == 160 * 900


def test_a_recipe_that_states_nothing_is_planned_as_ever(small: Path) -> None:
    ended = command("plan", small, "--outputs", small.parent / "outputs")
    assert ended.returncode == 0 and "GPU hours" not in ended.stdout and len(ended.stdout.splitlines()) == 7
    assert json.dumps(ended.stderr) == '""'
