"""A judge that is no model: it grades a response by its length and its end alone, so that a recipe runs without one."""

import json
import re

# a text of the prompt stands between two lines that carry its name and a code
CODE = re.compile(r'"code": the text (\S+)')
ENDS = (".", "!", "?", "。", "！", "？", "`", '"', "*", ")", "」")


def reply(messages, rollout, seed):
    prompt = messages[-1]["content"]
    code = CODE.search(prompt)[1]
    response = [part.strip() for part in re.split(rf"^.*{re.escape(code)}.*$", prompt, flags=re.M) if part.strip()][2]
    whole = response.endswith(ENDS) or len(response.split()) < 12
    grades = {"readable": 5, "coherent": 5 if whole else 2, "friendly": 5 if response else 1}
    return json.dumps({"code": code, "analysis": "It stands in for a judge: it saw the length and the end.", **grades})
