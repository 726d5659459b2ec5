"""GRPO's advantage, KL and losses against ten lines of numpy; and where the gradients of the losses differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM

from datafactory.advantages import advantages, telling
from datafactory.training import grpo
from datafactory.training.grpo_trainer import Grpo
from tests.training.test_grpo import mine, trained  # noqa: F401  a fixture

Array = NDArray[np.float64]
LOSSES = ["grpo", "dr_grpo", "dapo"]
HIGH = {"grpo": 0.2, "dr_grpo": 0.2, "dapo": 0.28}
LONGEST = 8


def loss_of(kind: str, logp: Array, old: Array, ref: Array, advantage: Array, mask: Array, beta: float) -> float:
    """The objective of each paper, its sign turned: arXiv:2402.03300 Eq. 3 and 4, 2503.20783, 2503.14476 Eq. 8."""
    ratio = np.exp(logp - old)
    clipped = np.clip(ratio, 1 - 0.2, 1 + HIGH[kind])
    kl = np.exp(ref - logp) - (ref - logp) - 1
    token = -(np.minimum(ratio * advantage[:, None], clipped * advantage[:, None]) - beta * kl) * mask
    if kind == "grpo":
        return float((token.sum(1) / mask.sum(1)).mean())
    return float(token.sum() / (len(token) * LONGEST if kind == "dr_grpo" else mask.sum()))


def log_probabilities(model: Any, ids: torch.Tensor, attention: torch.Tensor, keep: int) -> Array:
    """Of the last `keep` tokens, from the plain logits."""
    logits = model(input_ids=ids, attention_mask=attention).logits[:, :-1].double().log_softmax(-1)
    return logits.gather(2, ids[:, 1:, None])[:, -keep:, 0].detach().numpy()


def trainer_of(folder: Path, **settings: Any) -> Grpo:
    """The trainer that such a stage would train with, in float64."""
    found: list[Grpo] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grpo, "run", lambda trainer, *_: found.append(trainer) or 0)
        patch.setattr(grpo, "save", lambda *_: (folder / "zero" / "training.json").write_text("{}"))
        trained(folder, ["one?", "two?"], **{"max_completion_length": LONGEST, "dtype": "float32", **settings})
    trainer = found[0]
    trainer.current_gradient_accumulation_steps = 1
    trainer.model.double().train()
    return trainer


@pytest.fixture
def batch(mine: Path) -> dict[str, torch.Tensor]:  # noqa: F811
    """Four rollouts of 2 to 8 tokens, with log probabilities of a policy and a reference that are near the model's."""
    stream = torch.Generator().manual_seed(0)
    lengths = torch.tensor([8, 2, 5, 3])
    noise = torch.randn(2, 4, LONGEST, generator=stream, dtype=torch.float64) * 0.3
    return {
        "prompt_ids": torch.randint(10, 200, (4, 3), generator=stream),
        "prompt_mask": torch.ones(4, 3, dtype=torch.long),
        "completion_ids": torch.randint(10, 200, (4, LONGEST), generator=stream),
        "completion_mask": (torch.arange(LONGEST)[None] < lengths[:, None]).long(),
        "tool_mask": torch.ones(4, LONGEST, dtype=torch.long),
        "advantages": torch.tensor([1.5, -0.5, 0.25, -1.25], dtype=torch.float64),
        "num_items_in_batch": lengths.sum(),
        "decided": torch.tensor(1.0),
        "old_per_token_logps": noise[0],
        "ref_per_token_logps": noise[1],
    }


def near(trainer: Grpo, batch: dict[str, torch.Tensor]) -> Array:
    """The model's log probabilities of a batch, to which its old and reference ones are moved."""
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    attention = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    logp = log_probabilities(trainer.model, ids, attention, LONGEST)
    for name in ("old_per_token_logps", "ref_per_token_logps"):
        batch[name] = batch[name] + torch.from_numpy(logp)
    return logp


@pytest.mark.parametrize("kind", LOSSES)
def test_loss_and_kl_are_the_papers(mine: Path, batch: dict[str, torch.Tensor], kind: str):  # noqa: F811
    trainer = trainer_of(mine, loss=kind, beta=0.04)
    logp = near(trainer, batch)
    old, ref = batch["old_per_token_logps"].numpy(), batch["ref_per_token_logps"].numpy()
    advantage, mask = batch["advantages"].numpy(), batch["completion_mask"].numpy()
    assert (np.exp(logp - old)[mask > 0] > 1.28).any() and (np.exp(logp - old)[mask > 0] < 0.8).any()
    found = trainer._compute_loss(trainer.model, batch).item()
    assert found == pytest.approx(loss_of(kind, logp, old, ref, advantage, mask, 0.04), abs=1e-6)
    kl = ((np.exp(ref - logp) - (ref - logp) - 1) * mask).sum() / mask.sum()
    assert trainer._metrics["train"]["kl"] == pytest.approx([kl], abs=1e-6)


@pytest.mark.parametrize("kind", LOSSES)
def test_a_rollout_without_a_reward_is_as_if_it_had_not_been_sampled(
    mine: Path,  # noqa: F811
    batch: dict[str, torch.Tensor],
    kind: str,
):
    trainer = trainer_of(mine, loss=kind, beta=0.04)
    near(trainer, batch)
    rest = {name: value[[0, 1, 3]] if value.ndim else value for name, value in batch.items()}
    rest["num_items_in_batch"] = torch.tensor(13)
    masked = {**batch, "tool_mask": batch["tool_mask"].clone(), "num_items_in_batch": torch.tensor(13)}
    masked["tool_mask"][2] = 0
    masked["advantages"] = batch["advantages"] * torch.tensor([1.0, 1, 0, 1])
    masked["decided"] = torch.tensor(0.75)
    gradients = []
    for inputs in (rest, masked):
        trainer.model.zero_grad()
        trainer._compute_loss(trainer.model, inputs).backward()
        gradients.append(
            torch.cat([each.grad.flatten() for each in trainer.model.parameters() if each.grad is not None])
        )
    assert gradients[0].abs().max() > 1e-3
    assert gradients[1].numpy() == pytest.approx(gradients[0].numpy(), abs=1e-9)
    assert trainer.beta == 0.04


def test_advantages_are_the_papers():
    stream = np.random.default_rng(0)
    for _ in range(50):
        rewards = stream.integers(0, 3, 16) + stream.integers(0, 2, 16) * 0.1
        assert advantages(list(rewards)) == pytest.approx((rewards - rewards.mean()) / rewards.std(), abs=1e-6)
        assert advantages(list(rewards), divided=False) == pytest.approx(rewards - rewards.mean(), abs=1e-6)
        decided = stream.integers(0, 2, 16).astype(bool)
        some = rewards[decided]
        found = advantages([reward if known else None for reward, known in zip(rewards, decided, strict=True)])
        assert [one is not None for one in found] == list(decided)
        assert [one for one in found if one is not None] == pytest.approx((some - some.mean()) / some.std(), abs=1e-6)


def test_a_group_that_tells_nothing_has_no_advantage():
    assert advantages([1, 1, 1]) == [0, 0, 0]
    assert advantages([0.1 + 0.2, 0.3, None]) == [0, 0, None]  # not 1 and -1 for what rounding left
    assert advantages([1, None]) == [0, None]
    assert advantages([None, None]) == [None, None]
    assert advantages([]) == []
    assert advantages([1.0, 0.0]) == [1, -1]
    assert [telling(group) for group in ([1, 1], [None], [], [1, 0, None])] == [False, False, False, True]


def test_the_trainer_learns_from_these_advantages(mine: Path):  # noqa: F811
    seen: list[tuple[list[float | None], list[float]]] = []
    real = Grpo._finished

    def spy(self: Grpo, kept: Any, of_all: Any) -> Any:
        made = real(self, kept, of_all)
        seen.append((of_all["reward"].to_list(), made["advantages"].tolist()))
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Grpo, "_finished", spy)
        trained(mine, ["one?", "null?"], max_errors=1)
    for rewards, found in seen:
        for start in (0, 4):
            group = rewards[start : start + 4]
            some = np.array([reward for reward in group if reward is not None])
            wanted = iter((some - some.mean()) / (some.std() or 1))
            assert found[start : start + 4] == pytest.approx(
                [0 if reward is None else next(wanted) for reward in group], abs=1e-6
            )
    assert any(None in rewards for rewards, _ in seen)


@pytest.mark.parametrize("kind", LOSSES)
def test_a_step_s_loss_is_that_of_its_decided_rollouts(mine: Path, kind: str):  # noqa: F811
    batches: list[dict[str, Any]] = []
    losses: list[float] = []
    real = Grpo._compute_loss

    def spy(self: Grpo, model: Any, inputs: dict[str, Any]) -> Any:
        ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], 1)
        attention = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], 1)
        logp = log_probabilities(model, ids, attention, inputs["completion_ids"].shape[1])
        batches.append({**inputs, "logp": logp})
        loss = real(self, model, inputs)
        losses.append(loss.item())
        return loss

    settings = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4, "learning_rate": 1e-2}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Grpo, "_compute_loss", spy)
        trained(mine, ["one?", "null?"], max_errors=1, loss=kind, beta=0.04, dtype="float32", seed=5, **settings)
    second = batches[4:]  # the first step's reference is the model itself
    whole = {
        name: np.concatenate([np.asarray(each[name]) for each in second])
        for name in ("logp", "ref_per_token_logps", "completion_mask", "tool_mask", "advantages")
    }
    decided = whole["tool_mask"][:, 0] > 0
    assert 0 < decided.sum() < 8
    logp, ref, mask, advantage = (
        whole[name][decided] for name in ("logp", "ref_per_token_logps", "completion_mask", "advantages")
    )
    wanted = loss_of(kind, logp, logp, ref, advantage, mask, 0.04)
    assert sum(losses[4:]) == pytest.approx(wanted, abs=1e-6)
    assert abs(wanted) > 1e-5


class Leaf:
    """A trainer whose log probabilities are numbers of ours, so that the gradient of each token can be read off."""

    def __init__(self, folder: Path, kind: str, **settings: Any):
        self.trainer = trainer_of(folder, loss=kind, beta=0, **settings)

    def gradients(self, lengths: list[int], advantage: list[float], ratio: float = 1.0) -> Array:
        rows = len(lengths)
        logp = torch.full((rows, LONGEST), np.log(ratio), dtype=torch.float64, requires_grad=True)
        made = (logp, torch.zeros(rows, LONGEST), None)
        self.trainer._get_per_token_logps_and_entropies = lambda *_, **__: made  # type: ignore[method-assign]
        mask = (torch.arange(LONGEST)[None] < torch.tensor(lengths)[:, None]).long()
        inputs = {
            "prompt_ids": torch.zeros(rows, 1, dtype=torch.long),
            "prompt_mask": torch.ones(rows, 1, dtype=torch.long),
            "completion_ids": torch.zeros(rows, LONGEST, dtype=torch.long),
            "completion_mask": mask,
            "tool_mask": torch.ones_like(mask),
            "advantages": torch.tensor(advantage, dtype=torch.float64),
            "num_items_in_batch": mask.sum(),
            "decided": torch.tensor(1.0),
            "old_per_token_logps": torch.zeros(rows, LONGEST, dtype=torch.float64),
        }
        self.trainer._compute_loss(self.trainer.model, inputs).backward()
        assert logp.grad is not None
        return logp.grad.numpy()


def test_only_grpo_makes_a_long_wrong_answer_cost_less_by_token(mine: Path):  # noqa: F811
    wrong = {kind: Leaf(mine, kind).gradients([8, 2], [-1.0, -1.0]) for kind in LOSSES}
    assert wrong["grpo"][0] == pytest.approx(np.full(8, 1 / (2 * 8)))
    assert wrong["grpo"][1, :2] == pytest.approx(np.full(2, 1 / (2 * 2)))  # four times as much for each of 2 as of 8
    assert wrong["dr_grpo"][0, 0] == wrong["dr_grpo"][1, 0] == pytest.approx(1 / (2 * LONGEST))
    assert wrong["dapo"][0, 0] == wrong["dapo"][1, 0] == pytest.approx(1 / 10)
    assert all((found[1, 2:] == 0).all() for found in wrong.values())


def test_at_equal_lengths_the_losses_differ_by_a_constant_alone(mine: Path):  # noqa: F811
    found = {kind: Leaf(mine, kind).gradients([5, 5, 5], [1.0, -2.0, 0.5]) for kind in LOSSES}
    assert found["dapo"] == pytest.approx(found["grpo"])
    assert found["dr_grpo"] == pytest.approx(found["grpo"] * 5 / LONGEST)


def test_division_by_the_deviation_weighs_very_hard_and_very_easy_problems_more():
    hard, even = [1.0] + [0.0] * 7, [1.0, 0.0] * 4
    for divided, more in ((True, True), (False, False)):
        moved = [np.abs([one or 0 for one in advantages(group, divided)]).max() for group in (hard, even)]
        assert (moved[0] / moved[1] > 2.5) == more  # sqrt(7) of std at 1 in 8, and 0.875 to 0.5 without
    assert advantages(hard)[0] == pytest.approx(7**0.5)
    assert advantages(hard, divided=False)[0] == pytest.approx(7 / 8)


def test_dapo_clips_higher_and_r1_hardly_at_all(mine: Path):  # noqa: F811
    moved = {
        kind: [bool(leaf.gradients([4], [1.0], ratio).any()) for ratio in (1.19, 1.25, 1.29)]
        for kind in LOSSES
        for leaf in [Leaf(mine, kind)]
    }
    assert moved == {"grpo": [True, False, False], "dr_grpo": [True, False, False], "dapo": [True, True, False]}
    assert not Leaf(mine, "dapo").gradients([4], [-1.0], 0.79).any()
    assert Leaf(mine, "grpo", epsilon=10).gradients([4], [1.0], 10.9).any()
    assert not Leaf(mine, "grpo", epsilon=10).gradients([4], [1.0], 11.1).any()
    assert Leaf(mine, "grpo", epsilon_high=0.28).gradients([4], [1.0], 1.25).any()


def test_a_fresh_reference_has_no_kl_and_a_synced_one_is_the_model(mine: Path):  # noqa: F811
    states: list[dict[str, torch.Tensor]] = []
    real = Grpo._sampled

    def spy(self: Grpo, at: list[int]) -> Any:
        states.append({name: weight.clone() for name, weight in self.ref_model.state_dict().items()})
        return real(self, at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Grpo, "_sampled", spy)
        about = trained(mine, ["one?", "two?"], max_steps=4, ref_model_sync_steps=2, learning_rate=1e-2)
    kl = [value for _, value in about["kl"]]
    assert kl[0] == kl[2] == 0 < min(kl[1], kl[3])
    base = AutoModelForCausalLM.from_pretrained(mine / "base").state_dict()
    same = [all(weight.equal(state[name]) for name, weight in base.items() if name in state) for state in states]
    assert same == [True, True, False, False]
