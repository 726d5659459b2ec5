# /// script
# requires-python = ">=3.11"
# dependencies = ["aiohttp==3.14.5"]
# ///
"""Bare aiohttp: the limit that a Python client on asyncio has here. It keeps nothing on disk until the end."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aiohttp


async def ask(session, room, url, problem):
    body = {"model": "bench", "messages": [{"role": "user", "content": problem["question"]}], "temperature": 0.6}
    async with room, session.post(url, json=body) as response:
        answer = await response.json()
    return {"number": problem["number"], "answer": answer["choices"][0]["message"]["content"]}


async def main(given):
    problems = [json.loads(line) for line in Path(given["problems"]).read_text().splitlines()]
    room = asyncio.Semaphore(given["in_flight"])
    url = given["base_url"] + "/chat/completions"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        answers = await asyncio.gather(*(ask(session, room, url, problem) for problem in problems))
    with Path(given["answers"]).open("w") as out:
        out.writelines(json.dumps(answer) + "\n" for answer in answers)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
