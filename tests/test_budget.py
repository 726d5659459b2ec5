"""What a budget lets a stage and a recipe spend, and what it keeps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from datafactory.budget import Account, Budget, Price, Purse
from datafactory.build import Plan
from datafactory.driving import BudgetReached
from datafactory.engines import Output, Request, Sampling
from datafactory.errors import UserError
from datafactory.ledger import NAME, Ledger, Spent

from .conftest import ENGINE, REPOSITORY, built, command

LONGEST = "stages.traces.sampling.max_tokens=40"


def build(recipe: Path, *assignments: str, **options: str) -> Plan:
    return built(recipe, LONGEST, *assignments, **options)


def tokens_in_journal(outputs: Path) -> int:
    """What arrived, read from the journal's lines themselves."""
    total = 0
    for path in outputs.glob("store/journal/*/*.jsonl"):
        for line in path.read_text().splitlines():
            total += sum(record["completion_tokens"] for record in json.loads(line.partition(" ")[2]))
    return total


def asked(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines() if line]


@pytest.mark.parametrize("concurrency", [1, 8, 200])
@pytest.mark.parametrize("budget", ["budget.tokens", "stages.traces.budget.tokens"])
def test_no_more_tokens_are_generated_than_the_budget_has(small: Path, budget: str, concurrency: int):
    with pytest.raises(BudgetReached, match=r"traces: .*budget is reached: spent \d+ of 1,000 tokens"):
        build(small, f"{budget}=1000", f"models.teacher.batch_size={concurrency}")
    spent = tokens_in_journal(small.parent / "outputs")
    # the budget is used as far as a completion that takes the most would still fit
    assert 1000 - 40 < spent <= 1000


def test_a_raised_budget_goes_on_and_pays_for_nothing_twice(small: Path, log: Path):
    for tokens in (300, 600, 1200):
        with pytest.raises(BudgetReached):
            build(small, f"stages.traces.budget.tokens={tokens}")
        assert tokens - 40 < tokens_in_journal(small.parent / "outputs") <= tokens
    planned = build(small, "stages.traces.budget.tokens=100000")
    assert len(asked(log)) == len(set(asked(log))) == 160
    assert planned.steps["traces"].dataset.manifest["spent"]["requests"] == 160
    whole = build(small, outputs="others")
    assert planned.steps["traces"].fingerprint == whole.steps["traces"].fingerprint
    mine, others = (each.steps["dataset"].dataset.scan().collect() for each in (planned, whole))
    assert mine.equals(others)


def test_a_restart_gets_no_fresh_budget_for_shards_that_are_finished(small: Path, log: Path):
    with pytest.raises(BudgetReached):
        build(small, "stages.traces.budget.tokens=1200")
    before = len(asked(log))
    folder = next((small.parent / "outputs/store").glob("generate-*"))
    assert list(folder.glob("shard-*.parquet"))  # their completions are not asked for again, nor looked up
    with pytest.raises(BudgetReached):
        build(small, "stages.traces.budget.tokens=1200")
    assert len(asked(log)) == before


def test_what_a_kill_kept_from_the_ledger_is_found_in_the_journal(small: Path, log: Path):
    with pytest.raises(BudgetReached):
        build(small, "stages.traces.budget.tokens=500")
    ledger = next((small.parent / "outputs/store").glob(f"generate-*/{NAME}"))
    content = ledger.read_bytes()
    for shard in ledger.parent.glob("shard-*.parquet"):
        shard.unlink()
    ledger.write_bytes(content[: len(content) // 2 + 3])
    before = len(asked(log))
    with pytest.raises(BudgetReached):
        build(small, "stages.traces.budget.tokens=500")
    assert len(asked(log)) == before
    assert Ledger(ledger.parent).spent.tokens == tokens_in_journal(small.parent / "outputs")


def test_the_manifest_says_what_a_stage_spent(small: Path):
    planned = build(small, "models.teacher.price={prompt: 1000, completion: 10000}")
    spent = planned.steps["traces"].dataset.manifest["spent"]
    rows = planned.steps["traces"].dataset.scan().collect()
    assert spent["tokens"] == rows["completion_tokens"].sum() == tokens_in_journal(small.parent / "outputs")
    assert spent["prompt_tokens"] == rows["prompt_tokens"].sum()
    assert spent["cost"] == pytest.approx((1000 * spent["prompt_tokens"] + 10000 * spent["tokens"]) / 1e6)
    assert not list(planned.steps["traces"].folder.glob(NAME))
    assert build(small).steps["traces"].fingerprint == planned.steps["traces"].fingerprint


def test_the_recipes_budget_is_shared_and_counts_what_finished_stages_spent(small: Path):
    text = small.read_text()
    second = "  more: {do: generate, from: problems, model: teacher, group_size: 2, seed: 9}\n  checked:"
    small.write_text(text.replace("  checked:", second))
    more = "stages.more.sampling.max_tokens=40"
    first = build(small, more, until="traces").steps["traces"].dataset.manifest["spent"]["tokens"]
    with pytest.raises(BudgetReached, match="more: the recipe's budget is reached"):
        build(small, more, f"budget.tokens={first + 300}")
    assert first + 260 < tokens_in_journal(small.parent / "outputs") <= first + 300


def test_a_budget_in_money_is_kept_to(small: Path):
    price = "models.teacher.price={prompt: 100, completion: 1000}"
    with pytest.raises(BudgetReached, match="spent a cost of .* of 2,"):
        build(small, price, "stages.traces.budget.cost=2")
    tokens = tokens_in_journal(small.parent / "outputs")
    assert 1000 * tokens / 1e6 <= 2
    assert Ledger(next((small.parent / "outputs/store").glob("generate-*"))).spent.cost <= 2


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        (
            "budget.tokens=39",
            "--set budget.tokens=39: budget.tokens: 39 tokens are fewer than one completion of traces may take (sampling.max_tokens: 40)",
        ),
        ("stages.traces.budget.tokens=39", "stages.traces.budget.tokens: 39 tokens are fewer"),
        ("stages.traces.budget.cost=5", "the model 'teacher' has no price"),
        ("budget.cost=5", "no model that is asked has a price"),
        ("budget.tokens=0", "budget.tokens"),
        ("budget.token=10", "no setting named 'token'. Did you mean 'tokens'?"),
    ],
)
def test_a_budget_that_cannot_be_is_said_before_anything_runs(small: Path, log: Path, assignment: str, message: str):
    with pytest.raises(UserError) as caught:
        build(small, assignment)
    assert message in str(caught.value) and len(str(caught.value).splitlines()) == 1
    assert not asked(log) and not (small.parent / "outputs").exists()


def test_a_budget_that_cannot_be_is_said_with_its_line(small: Path):
    small.write_text("budget: {tokens: 39}\n" + small.read_text())
    with pytest.raises(UserError) as caught:
        build(small)
    assert str(caught.value).startswith(f"{small}:1: budget.tokens: 39 tokens are fewer")


@pytest.mark.parametrize("budget", ["5000000", "token=5", "budget.tokens=5", "=5"])
def test_a_budget_that_is_misspelled_on_the_command_line_is_told_as_it_was_written(small: Path, budget: str):
    for words in (("build",), ("plan",)):
        ended = command(*words, "recipe.yaml", "--budget", budget, cwd=small.parent)
        assert ended.returncode == 2
        assert ended.stderr.strip() == f"--budget {budget}: write --budget tokens=5000000 or --budget cost=20"


def test_a_budget_on_the_command_line_stops_the_build_with_one_line(small: Path):
    words = ("build", "recipe.yaml", "--set", LONGEST, "--budget", "tokens=400")
    ended = command(*words, cwd=small.parent)
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("traces: the recipe's budget is reached") and "raise it" in last


def test_a_judge_keeps_to_its_budget(small: Path):
    (small.parent / "referee.py").write_text(
        "import re\n\ndef reply(messages, rollout, seed):\n    return 'a word ' * 30\n"
    )
    text = small.read_text().replace("stages:", "  referee: {engine: scripted, function: ./referee.py}\nstages:", 1)
    judge = "  judged: {do: judge, from: checked, model: referee, with: [clarity], max_errors: 1, sampling: {max_tokens: 50}, budget: {tokens: 300}}\n  clean:"
    small.write_text(text.replace("  clean:", judge))
    with pytest.raises(BudgetReached, match="judged: its budget is reached"):
        build(small)
    ledger = Ledger(next((small.parent / "outputs/store").glob("judge-*")))
    assert 250 < ledger.spent.tokens <= 300


def request(key: str, longest: int = 100) -> Request:
    return Request(key, key, "?", 0, (), "", "a prompt", Sampling(max_tokens=longest), 0)


def test_what_no_usage_is_told_of_counts_at_its_most():
    purse = Purse(Budget(tokens=250))
    assert purse.admit([request("a")]) and purse.admit([request("b")])
    assert not purse.admit([request("c")])
    purse.book([Output("a", "short", "stop")])
    assert purse.account.spent == Spent(1, 100, purse.account.spent.prompt_tokens, 0.0, 1)
    assert not purse.admit([request("c")])
    purse.book([Output("b", "short", "stop", 3, 10)])
    assert purse.admit([request("c")])
    assert "1 completions without a told usage" in purse.account.told()


def test_what_came_to_nothing_gives_back_what_was_set_aside_and_costs_again_when_it_is_asked_again():
    purse = Purse(Budget(tokens=100))
    assert purse.admit([request("a")])
    purse.book([Output("a", "", "error", error="500")])
    assert purse.account.spent == Spent() and not purse.under_way
    assert purse.admit([request("a")])
    purse.book([Output("a", "", "error", completion_tokens=30, error="cut")])
    assert not purse.admit([request("a")])
    assert purse.admit([request("a", 70)])
    purse.book([Output("a", "x", "stop", 1, 60)])
    assert purse.account.spent.tokens == 90


def test_two_models_draw_on_one_account_at_their_own_prices():
    account = Account(Budget(cost=1.0), above=Account(Budget(tokens=150)))
    cheap = Purse(price=Price(completion=100), account=account)
    dear = Purse(price=Price(completion=9000), account=account)
    assert dear.admit([request("a")])
    assert not dear.admit([request("b")]) and dear.refused is account
    assert not cheap.admit([request("c")]) and cheap.refused is account.above
    assert cheap.admit([request("d", 50)])


def test_a_ledger_counts_each_completion_once_however_many(tmp_path: Path):
    ledger = Ledger(tmp_path)
    keys = [f"key {n}" for n in range(5000)]
    for start in range(0, 5000, 100):
        some = keys[max(0, start - 50) : start + 100]
        ledger.add((key, Spent(1, 2, 3, 0.5)) for key in (*some, some[-1]))
    assert ledger.spent == Ledger(tmp_path).spent == Spent(5000, 10000, 15000, 2500.0)
    assert all(key in ledger for key in keys) and "another" not in ledger


def test_an_entry_that_a_full_disk_cuts_ends_the_stage_and_the_next_build_reads_the_others(tmp_path: Path):
    script = f"""
import resource, signal, sys
sys.path.insert(0, {str(REPOSITORY)!r})
from pathlib import Path
from datafactory.errors import StageError
from datafactory.ledger import ENTRY, Ledger, Spent
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
ledger = Ledger(Path({str(tmp_path)!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, (ENTRY.size * 5 // 2, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    ledger.add((f"{{n:064x}}", Spent(1, 2, 3)) for n in range(4))
except StageError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0 and "cannot write" in ran.stdout, ran.stderr
    assert Ledger(tmp_path).spent == Spent(2, 4, 6)


# ten tokens each, four completions decoded together
BATCHED = """
    room, batches = 1, True

    def generate(self, feed):
        while not (feed.closed and not len(feed)):
            chunk = feed.chunk() or []
            if not chunk:
                yield []
            for start in range(0, len(chunk), 4):
                batch = [request for request in chunk[start : start + 4] if request.owed]
                while batch and not feed.admit(batch):
                    yield []
                yield [Output(request.key, "It is 3.", "stop", 3, 10) for request in batch]
"""


def test_a_budget_that_ends_in_the_middle_of_a_chunk_ends_the_stage(small: Path):
    (small.parent / "batched.py").write_text(ENGINE + BATCHED)
    small.write_text(
        small.read_text().replace("engine: scripted, function: ./teacher.py, batch_size: 8", "engine: ./batched.py")
    )
    with pytest.raises(BudgetReached, match="spent 80 of 200 tokens"):  # a batch of four may take 160
        build(small, "budget.tokens=200")
    assert tokens_in_journal(small.parent / "outputs") == 80
    with pytest.raises(BudgetReached, match="spent 120 of 240 tokens"):
        build(small, "budget.tokens=240")
