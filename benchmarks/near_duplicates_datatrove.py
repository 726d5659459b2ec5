"""datatrove's MinHash over the texts of a JSONL file, with its defaults; benchmarks/near_duplicates.py starts this.

    PYTHON benchmarks/near_duplicates_datatrove.py TEXTS.jsonl FOLDER

Prints a line of JSON: seconds (signatures, buckets, clusters; not the start), peak memory in MB, the rows to drop.
"""

import json
import resource
import sys
import time
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from loguru import logger


def main(texts: Path, folder: Path) -> None:
    logger.remove()
    config = MinhashConfig(n_grams=5)
    signature = MinhashDedupSignature(str(folder / "signatures"), config)
    signature.word_tokenizer.word_tokenize("It starts.")
    with texts.open(encoding="utf-8") as lines:
        documents = [Document(text=json.loads(line), id=str(at)) for at, line in enumerate(lines)]
    start = time.perf_counter()
    signature.run(iter(documents))
    signed = time.perf_counter()
    for bucket in range(config.num_buckets):
        MinhashDedupBuckets(str(folder / "signatures"), str(folder / "pairs"), config=config).run(
            None, bucket, config.num_buckets
        )
    MinhashDedupCluster(str(folder / "pairs"), str(folder / "dropped"), config=config).run()
    done = time.perf_counter()
    dropped = [
        int.from_bytes(content[at : at + 4], "little")
        for path in (folder / "dropped").glob("*.remove")
        for content in [path.read_bytes()]
        for at in range(0, len(content), 4)
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"signatures": signed - start, "total": done - start, "peak": peak, "dropped": dropped}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
