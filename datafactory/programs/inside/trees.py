"""Trees: what the tests of LeetCode's list and tree problems call."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from datafactory.programs.inside.values import ListNode, TreeNode


def list_node(values: Sequence[Any]) -> ListNode | None:
    """A linked list of the values."""
    head = None
    for value in reversed(values):
        head = ListNode(value, head)
    return head


def tree_node(values: Sequence[Any]) -> TreeNode | None:
    """A binary tree of the values level by level, None where there is no child."""
    if not values or values[0] is None:
        return None
    root = TreeNode(values[0])
    rest, parents = deque(values[1:]), deque([root])
    while rest:
        parent = parents.popleft()
        for side in ("left", "right"):
            value = rest.popleft() if rest else None
            if value is not None:
                child = TreeNode(value)
                setattr(parent, side, child)
                parents.append(child)
    return root


def is_same_list(one: Any, other: Any) -> bool:
    """Whether two lists hold the same values; a list that bites its tail is the same as none."""
    seen = set()
    while isinstance(one, ListNode) and isinstance(other, ListNode):
        if id(one) in seen or one.val != other.val:
            return False
        seen.add(id(one))
        one, other = one.next, other.next
    return one is None and other is None


def is_same_tree(one: Any, other: Any) -> bool:
    """Whether two trees have the same shape and values; a node with two parents belongs to no tree."""
    todo, seen = [(one, other)], set()
    while todo:
        one, other = todo.pop()
        if one is None and other is None:
            continue
        if not isinstance(one, TreeNode) or not isinstance(other, TreeNode) or one.val != other.val or id(one) in seen:
            return False
        seen.add(id(one))
        todo += [(one.left, other.left), (one.right, other.right)]
    return True
