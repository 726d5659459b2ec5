"""Prelude: the names that LeetCode's Python has without an import, for the problems that are written for it."""

# mypy: ignore-errors
# ruff: noqa: F403, F401, I001
from bisect import *
from collections import *
from functools import *
from heapq import *
from itertools import *
from math import *
from operator import *
from random import *
from string import *
from typing import *

import bisect
import collections
import copy
import datetime
import functools
import heapq
import itertools
import math
import operator
import random
import re
import string
import sys

from datafactory.programs.inside.values import ListNode, TreeNode

inf = float("inf")
# operator and math have an abs and a pow of their own, which take other arguments
del abs, pow
