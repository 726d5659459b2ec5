r"""An expression as a tree: numbers, symbols, sums, products, powers, roots and the functions of school mathematics.

In   plain LaTeX as spelling writes it: 2\sqrt3 + \frac{x}{2}, 5!, \binom{5}{2}, |x-1|, sin(2x)
Out  a Node; Unreadable where the text is anything else (an integral, a sum over an index, prose)
Use  as people write, not as TeX does: x^10 is the tenth power, \sqrt10 the root of ten, 1\frac12 is 3/2
"""

from __future__ import annotations

from fractions import Fraction

from datafactory.verifiers._math.tokens import FUNCTIONS, GREEK, tokens
from datafactory.verifiers._math.tree import TEN, Node, Unreadable

DEEPEST = 60  # brackets within brackets
LONGEST_NUMBER = 1200  # digits
LONGEST_CHAIN = 100  # signs, factors or powers in a row: each is a level of the tree
_NAMES = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}
_OPENS = {"(": ")", "[": "]", "{": "}", r"\{": r"\}"}
_FLOORS = {r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}


def parse(text: str) -> Node:
    reader = _Reader(tokens(text))
    node = reader.sum()
    if reader.at < len(reader.tokens):
        raise Unreadable(f"{reader.peek()!r} in {text[:80]!r}")
    return node


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at, self.depth, self.bars = tokens, 0, 0, 0
        self.in_angle = 0  # functions of an angle around what is read

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        if not token:
            raise Unreadable("it ends too early")
        self.at += 1
        return token

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise Unreadable(f"no {token!r}")

    def sum(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unreadable("too many brackets within brackets")
        terms = [self.product()]
        while self.peek() in ("+", "-", r"\pm", r"\mp"):
            sign = self.take()
            terms.append(_signed(sign, self.product()))
        self.depth -= 1
        return terms[0] if len(terms) == 1 else Node("+", arguments=tuple(terms))

    def product(self) -> Node:
        node = self.signed()
        for _ in range(LONGEST_CHAIN):
            token = self.peek()
            if token in ("*", "/", r"\bmod"):
                self.take()
                node = _of(token.lstrip("\\"), node, self.signed())
            elif self.starts_factor():
                following = self.power()
                # 1\frac12 is a mixed number, 2\frac{x}{3} a product
                mixed = _is_whole(node) and self.mixed
                node = _of("+" if mixed else "*", node, following)
            else:
                return node
        raise Unreadable("too many factors")

    def signed(self) -> Node:
        signs = []
        while self.peek() in ("+", "-", r"\pm", r"\mp"):
            signs.append(self.take())
        if len(signs) > LONGEST_CHAIN:
            raise Unreadable("too many signs")
        node = self.power()
        if _is_whole(node) and self.peek() == r"\frac":
            following = self.power()
            node = _of("+" if self.mixed else "*", node, following)
        for sign in reversed(signs):
            node = _signed(sign, node)
        return node

    def starts_factor(self) -> bool:
        token = self.peek()
        if token == "|":
            return not self.bars
        return bool(token) and (token[0].isalnum() or token in _OPENS or token[0] in ".\\") and token not in _CLOSES

    mixed = False  # whether the last factor was a fraction of two whole numbers

    def power(self) -> Node:
        self.mixed = False
        node = self.atom()
        fraction = node.kind == "/" and all(_is_whole(part) for part in node.arguments)
        written = self.tokens[self.at - 1] == "}" or self.tokens[self.at - 1].isdigit()
        mixed = fraction and written and node.arguments[0].value < node.arguments[1].value  # type: ignore[operator]
        start = self.at
        while self.peek() in ("!", "^", "'", r"\degree"):
            if self.peek() == r"\degree":
                self.take()
                node = _of("*", node, DEGREE) if self.in_angle else node
                continue
            mixed = False
            if self.at - start > LONGEST_CHAIN:
                raise Unreadable("too many powers")
            if self.take() == "!":
                node = _of("!", node)
            elif self.tokens[self.at - 1] == "'":
                node = _primed(node)
            elif self.peek() == "'" or self.tokens[self.at : self.at + 3] == ["{", "'", "}"]:
                self.at += 1 if self.peek() == "'" else 3
                node = _primed(node)
            else:
                node = _of("^", node, self.exponent())
        self.mixed = mixed
        return node

    def exponent(self) -> Node:
        if self.peek() == "{":
            return self.bracketed()
        if self.peek() in ("-", "+"):
            return _signed(self.take(), self.exponent())
        return self.atom()

    def bracketed(self) -> Node:
        closing, bars, self.bars = _OPENS[self.take()], self.bars, 0
        node = self.sum()
        self.expect(closing)
        self.bars = bars
        return node

    def atom(self) -> Node:
        token = self.take()
        if token[0].isdigit() or token[0] == ".":
            if len(token) > LONGEST_NUMBER:
                raise Unreadable("a number of too many digits")
            if self.peek() == "_":
                raise Unreadable("a number in another base")
            return Node("number", Fraction(token), token)
        if token in _OPENS:
            self.at -= 1
            return self.bracketed()
        if token == "|":
            self.bars += 1
            node = self.sum()
            self.expect("|")
            self.bars -= 1
            return _of("abs", node)
        if token in _FLOORS:
            node = self.sum()
            self.expect(_FLOORS[token])
            return _of(token[2:], node) if token == r"\lceil" else _of("floor", node)
        if token[0] == "\\":
            return self.command(token[1:])
        if token.isalpha():
            return Node("symbol", name=token + self.subscript())
        raise Unreadable(f"{token!r}")

    def command(self, name: str) -> Node:
        if name == "frac":
            return _of("/", self.argument(), self.argument())
        if name == "binom":
            return _of("binom", self.argument(), self.argument())
        if name == "sqrt":
            if self.peek() == "[":
                index = self.bracketed()
                return _of("root", self.argument(whole=True), index)
            return _of("root", self.argument(whole=True), Node("number", Fraction(2), "2"))
        if name == "angle":
            return Node("symbol", name=f"angle({self.angle()})")
        if name in GREEK:
            return Node("symbol", name=f"\\{name}{self.subscript()}")
        if name in ("overline", "bar", "tilde", "arrow"):
            return Node("symbol", name=f"{name}({self.raw()}){self.subscript()}")
        if name == "text":
            inside = self.raw()
            if len(inside) == 1 and inside.isalpha():
                return Node("symbol", name=inside + self.subscript())
            raise Unreadable(f"text {inside!r}")
        if name in FUNCTIONS and name not in ("gcd", "lcm", "max", "min"):
            return self.function(_NAMES.get(name, name))
        for greek in _GREEK_FIRST:  # \pir, where a file has lost its spaces
            if name.startswith(greek):
                self.tokens[self.at : self.at] = list(name.removeprefix(greek))
                return self.command(greek)
        raise Unreadable(f"\\{name}")

    def angle(self) -> str:
        """The letters of an angle, the same from both sides: ABC is CBA."""
        if self.peek() == "{":
            return self.raw()
        letters: list[str] = []
        while self.peek().isalpha() and len(self.peek()) == 1 and len(letters) < 3:
            letters.append(self.take() + self.subscript())
        return min("".join(letters), "".join(reversed(letters)))

    def function(self, name: str) -> Node:
        base: tuple[Node, ...] = ()
        power = None
        while self.peek() in ("_", "^"):
            if self.take() == "_":
                base = (self.exponent(),)
            else:
                power = self.exponent()
        if power is not None and power == _MINUS_ONE:
            name, power = {"sin": "arcsin", "cos": "arccos", "tan": "arctan"}.get(name, ""), None
            if not name:
                raise Unreadable("an inverse function")
        if name == "lg":
            name, base = "log", base or (TEN,)
        self.in_angle += name in _OF_ANGLES
        node = Node(name, arguments=(self.function_argument(), *base))
        self.in_angle -= name in _OF_ANGLES
        return node if power is None else _of("^", node, power)

    def function_argument(self) -> Node:
        if self.peek() in ("(", "[", "{", "|"):
            return self.bracketed() if self.peek() != "|" else self.atom()
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unreadable("too many functions within functions")
        sign = self.take() if self.peek() in ("-", "+") else "+"
        node = self.power()
        while self.starts_factor() and self.peek().lstrip("\\") not in FUNCTIONS and self.peek() != "(":
            node = _of("*", node, self.power())
        if self.peek() == "/" and node.kind in ("symbol", "number", "*"):  # sin pi/6
            self.take()
            node = _of("/", node, self.power())
        self.depth -= 1
        return _signed(sign, node)

    def argument(self, whole: bool = False) -> Node:
        """What a command acts on: a group, or a single digit or sign, since \\frac12 is a half; `whole`: a number."""
        if self.peek() == "{" or (whole and self.peek() in ("(", "[")):
            return self.bracketed()
        token = self.take()
        if token.isdigit() and len(token) > 1 and not whole:
            self.at -= 1
            self.tokens[self.at : self.at + 1] = [token[0], token[1:]]
            token = self.take()
            return Node("number", Fraction(token), token)
        self.at -= 1
        return self.atom()

    def subscript(self) -> str:
        if self.peek() != "_":
            return ""
        self.take()
        return f"_{self.raw()}"

    def raw(self) -> str:
        """The text of a group or of one token, as a part of a name."""
        if self.peek() != "{":
            return self.take()
        self.take()
        depth, found = 1, []
        while depth:
            token = self.take()
            depth += (token == "{") - (token == "}")
            found.append(token)
        return "".join(found[:-1])


_CLOSES = {
    r"\}",
    r"\rfloor",
    r"\rceil",
    r"\rangle",
    r"\pm",
    r"\mp",
    r"\%",
    r"\in",
    r"\le",
    r"\ge",
    r"\ne",
    r"\to",
    r"\bmod",
    r"\degree",
}
_OF_ANGLES = {"sin", "cos", "tan", "cot", "sec", "csc"}
DEGREE = Node("/", arguments=(Node("symbol", name=r"\pi"), Node("number", Fraction(180), "180")))
_GREEK_FIRST = sorted((name for name in GREEK - {"infty", "angle", "triangle"} if len(name) > 1), key=len, reverse=True)
_MINUS_ONE = Node("neg", arguments=(Node("number", Fraction(1), "1"),))


def _of(kind: str, *arguments: Node) -> Node:
    return Node(kind, arguments=arguments)


def _signed(sign: str, node: Node) -> Node:
    return node if sign == "+" else _of("neg", node) if sign == "-" else Node("pm", name=sign[1:], arguments=(node,))


def _primed(node: Node) -> Node:
    if node.kind != "symbol":
        raise Unreadable("a derivative")
    return Node("symbol", name=f"{node.name}'")


def _is_whole(node: Node) -> bool:
    return node.kind == "number" and node.name.isdigit()
