"""Languages: a thinking in each of several, with a place for what is foreign to it, and the questions they belong to."""

from __future__ import annotations

QUESTION = "How many apples do Ann and Ben have together if Ann has two and Ben has four?"
ENGLISH = (
    "First I need to find out how many apples each of them has. Ann has two apples and her friend Ben has four. "
    "{} If I put them together then the total is the sum of both numbers. Let me check this once more before I answer."
)
CHINESE_QUESTION = "小明和小红一共有几个苹果？"
CHINESE = "首先我们需要计算两个人一共有多少个苹果。{}然后再检查一遍答案，确认没有错误。因此最后的答案应该是六个苹果。"
JAPANESE = "まず二人が持っているりんごの数を合わせます。{}それから答えをもう一度確認します。したがって答えは六個です。"
RUSSIAN = "Сначала нужно узнать, сколько яблок у каждого из них. {} Потом надо сложить оба числа и проверить ответ."
SPANISH = (
    "Primero necesito saber cuántas manzanas tiene cada uno. {} Luego hay que sumar los dos números y comprobarlo."
)
