"""Batches: which requests of a chunk are decoded together.

They depend on the chunk alone, and not on what of it is owed: a batch is journaled whole, so that a build that was
killed decodes the rest in the same company, and gives the same text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from datafactory.engines import Request

LEAST = 64  # rows of a batch, however long they may grow, unless the setting says fewer: a choice
TOKENS = 131_072  # that a batch of more rows than those may grow to, which bounds its cache: a choice


def batches(
    requests: Sequence[Request], lengths: Mapping[str, int], context: int, size: int
) -> Iterator[list[Request]]:
    """Of those whose tokens are drawn alike, the ones with prompts of like length, the shortest first; each has its
    own longest completion and its own stop texts. `lengths` has the tokens of each key's prompt."""
    alike: dict[tuple[object, ...], list[Request]] = {}
    for request in requests:
        how = request.sampling
        alike.setdefault((how.temperature, how.top_k, how.top_p, how.min_p), []).append(request)
    for group in alike.values():
        longest = min(context, max(lengths[request.key] + request.sampling.max_tokens for request in group))
        rows = min(size, max(LEAST, TOKENS // longest))
        order = sorted(group, key=lambda one: (lengths[one.key], one.problem_id, one.rollout, one.key))
        for start in range(0, len(order), rows):
            yield order[start : start + rows]
