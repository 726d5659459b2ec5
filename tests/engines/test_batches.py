"""What is decoded together."""

from __future__ import annotations

import random
from dataclasses import replace

from datafactory.engines import Request, Sampling
from datafactory.engines._batches import batches


def made(count: int, longest: int = 10) -> list[Request]:
    sampling = Sampling(max_tokens=longest)
    return [Request(str(n), f"p{n // 4}", "", n % 4, (), "", "", sampling, n) for n in range(count)]


def test_batches_do_not_depend_on_what_is_owed_nor_on_the_order_of_the_chunk():
    asked = made(200)
    lengths = {request.key: 5 + int(request.problem_id[1:]) * 7 % 40 for request in asked}
    keys = [[one.key for one in batch] for batch in batches(asked, lengths, 1000, 30)]
    assert sorted(key for batch in keys for key in batch) == sorted(lengths)
    assert [lengths[key] for batch in keys for key in batch] == sorted(lengths.values())
    stream = random.Random(0)
    mixed = [replace(request, owed=stream.random() < 0.5) for request in asked]
    stream.shuffle(mixed)
    assert [[one.key for one in batch] for batch in batches(mixed, lengths, 1000, 30)] == keys


def test_batches_are_smaller_where_completions_may_grow_long():
    def sizes(longest: int, context: int, size: int) -> list[int]:
        asked = made(300, longest)
        return [len(batch) for batch in batches(asked, {one.key: 24 for one in asked}, context, size)]

    assert sizes(1000, 10**6, 256) == [128, 128, 44]
    assert sizes(100, 10**6, 256) == [256, 44]
    assert sizes(32_768, 10**6, 256) == [64] * 4 + [44]
    assert sizes(32_768, 1024, 256) == [128, 128, 44]
    assert sizes(32_768, 10**6, 200)[0] == 64 and sizes(10, 10**6, 50) == [50] * 6
