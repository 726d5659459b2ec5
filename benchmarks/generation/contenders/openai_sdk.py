# /// script
# requires-python = ">=3.11"
# dependencies = ["openai==3.52.0"]
# ///
"""The openai SDK alone: AsyncOpenAI behind a semaphore. It keeps nothing on disk until the end."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from openai import AsyncOpenAI


async def ask(client, room, problem):
    async with room:
        answer = await client.chat.completions.create(
            model="bench", messages=[{"role": "user", "content": problem["question"]}], temperature=0.6
        )
    return {"number": problem["number"], "answer": answer.choices[0].message.content}


async def main(given):
    problems = [json.loads(line) for line in Path(given["problems"]).read_text().splitlines()]
    room = asyncio.Semaphore(given["in_flight"])
    async with AsyncOpenAI(base_url=given["base_url"], api_key="none", timeout=600) as client:
        answers = await asyncio.gather(*(ask(client, room, problem) for problem in problems))
    with Path(given["answers"]).open("w") as out:
        out.writelines(json.dumps(answer) + "\n" for answer in answers)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
