"""Phrases: what the flawed teacher's thinking is put together from, in English and in Chinese.

{numbers} are those of the question, {answer} is what the trace comes to.
"""

from __future__ import annotations

from typing import Literal

Language = Literal["en", "zh"]

# the paragraphs of a sound trace: one of each
OPENING: dict[Language, tuple[str, ...]] = {
    "en": (
        "Okay, let me read this again slowly. {numbers} I want to be clear about what is asked before I begin.",
        "Alright, what do I actually know here? {numbers} And the thing I am looking for is a single result.",
        "Hmm, this looks familiar, but I should not jump to a formula. {numbers} First, in my own words, what happens.",
        "So, let me start from the beginning. {numbers} The wording matters, so I go through it once more.",
        "Right. {numbers} I think the best way in is to write down what is given and see what follows from it.",
    ),
    "zh": (
        "好的,我先把题目再读一遍。{numbers}动手之前,我要弄清楚到底在问什么。",
        "先想一想已知的是什么。{numbers}要求的只有一个结果。",
        "这道题看起来眼熟,不过不能急着套公式。{numbers}我先用自己的话说一遍。",
    ),
}
WORKING: dict[Language, tuple[str, ...]] = {
    "en": (
        "I take it step by step. Each part on its own is easy; what could go wrong is the order, so I keep them apart.",
        "Let me set it up. I put down the quantities one under the other, combine them as the question says, and only "
        "then simplify.",
        "One way is to work forward from what is given. The other is to ask what the result would have to satisfy. I "
        "begin with the first, since it is shorter.",
        "I split this in two: the part that is said outright, and the part that has to be worked out. The first is "
        "done already.",
        "Going through it in order, nothing here needs more than careful bookkeeping, so I do just that.",
    ),
    "zh": (
        "我一步一步来。每一步单独看都不难,容易出错的是顺序,所以分开写。",
        "先列出各个量,再按题意合并,最后才化简。",
        "可以从已知往前推,也可以从结果倒着想。前一种更短,就用它。",
    ),
}
FINDING: dict[Language, tuple[str, ...]] = {
    "en": (
        "Putting these together I get {answer}.",
        "That leaves {answer}, if I have not dropped anything on the way.",
        "So it comes out as {answer}. That is about the size I expected.",
        "Which gives {answer} in the end.",
    ),
    "zh": ("合在一起,得到 {answer}。", "这样一来结果就是 {answer}。", "最后算出来是 {answer},大小也合理。"),
}
CHECKING: dict[Language, tuple[str, ...]] = {
    "en": (
        "Wait, let me check that. If I go back with it into the question, every condition still holds, so I do not see "
        "a mistake.",
        "Before I write it down, a quick test the other way round: starting from the result I arrive where the "
        "question begins. Good.",
        "Let me make sure that I answered what was asked and not something close to it. I read the last sentence "
        "again, and yes, that is it.",
        "Did I use everything that was given? I go over the list once more, and nothing is left over.",
    ),
    "zh": (
        "等一下,我验算一遍。把结果代回题目,每个条件都成立。",
        "写下来之前,反过来再推一次:从结果出发正好回到题目的开头。没问题。",
        "再看一眼最后一句话,问的确实就是这个。",
    ),
}
GIVEN: dict[Language, tuple[str, str]] = {
    "en": ("The numbers in it are {}.", "There are no numbers in it to hold on to."),
    "zh": ("题目里的数是{}。", "题目里没有给出具体的数。"),
}
SUMMARY: dict[Language, tuple[str, ...]] = {
    "en": (
        "Combining what is given as the question says leads to the result.\n\n**Answer:** {boxed}",
        "Taking the given quantities in order and checking the result against the question, the answer is {boxed}.",
        "The steps above reduce to one value, which meets every condition of the question.\n\nThe answer is {boxed}.",
    ),
    "zh": ("按题意逐步计算并验算,答案是 {boxed}。", "把已知的量依次合并,就得到结果。\n\n**答案:**{boxed}"),
}

# sentences of the other language, as they slip into a trace
FOREIGN: dict[Language, tuple[str, ...]] = {
    "en": (
        "让我们一步一步来看这个问题。",
        "这里需要注意单位是否一致。",
        "首先把已知条件整理一下,然后再代入公式进行计算。",
        "等等,这样好像不对,我再检查一遍前面的步骤。",
        "所以根据题意可以得到下面的关系。",
        "换一种方法来验证这个结果是否正确。",
    ),
    "zh": (
        "Let me think about this step by step before I go on with the computation.",
        "Wait, that does not look right to me, so I check the step before it again.",
        "So from the conditions of the problem we can derive the following relation between them.",
        "Another way to verify the result is to substitute it back into the original question.",
    ),
}
# what a decoder falls into
LOOPS: dict[Language, tuple[str, ...]] = {
    "en": (
        "Wait, let me recompute this to be sure.",
        "So the answer is {answer}. But let me double check. So the answer is {answer}.",
        "Hmm, no, that is the same thing again, so I have to start over from the first step.",
    ),
    "zh": ("等一下,我再算一遍 确认一下。 ", "所以答案是 {answer}, 不过再检查一下。 "),
}
# between two computations of a wall of text
LINKS: dict[Language, tuple[str, ...]] = {
    "en": ("and then", "so", "hmm", "no wait", "then again", "which means", "okay so", "but", "also", "right, and"),
    "zh": ("然后", "所以", "嗯", "不对", "再说", "也就是说", "那么", "但是", "还有", "好, 那么"),
}
CODE = "```python\ntotal = 0\nfor number in [{}]:\n    total += number\nprint(total)\n```"
