"""Whether two answers are the same: pairs of every kind that answers to mathematics come in.

Use  a line is a gold answer and an answer that stands in a box
"""

import pytest

from datafactory.types import Completion, Problem
from datafactory.verifiers import math

SAME = r"""
1/2 | \frac12
0.5 | \dfrac{1}{2}
\frac{1}{2} | \tfrac12
.5 | 1/2
3/4 | \frac34
-\frac{1}{2} | \frac{-1}{2}
-\frac12 | \frac{1}{-2}
1\frac12 | 3/2
1\frac{1}{2} | 1.5
2\frac{3}{4} | \frac{11}{4}
-2\frac13 | -\frac{7}{3}
1 1/2 | 3/2
\sqrt2 | \sqrt{2}
2\sqrt{3} | \sqrt{12}
\frac{\sqrt{2}}{2} | \frac{1}{\sqrt2}
\frac{2}{\sqrt3} | \frac{2\sqrt{3}}{3}
5 | x=5
x=5 | 5
5=x | 5
x = 5 | x=5.
f(x)=x^2+1 | x^2+1
y=2x+1 | 2x+1
y=2x+1 | 2x-y+1=0
y = 2x + 1 | -2x + y = 1
2x-y+1=0 | y=2x+1
x^2+y^2=4 | 4 = x^2+y^2
(1,2) | (1, 2)
(1,2) | \left(1,2\right)
(1,\frac12) | (1,0.5)
[1,2] | \left[1,2\right]
[1,2) | x\in[1,2)
(-\infty,3] | x\le3
(-\infty,3] | x \leq 3
(-\infty, 3] | \left(-\infty,3\right]
(-\infty,1)\cup(2,\infty) | (2,\infty)\cup(-\infty,1)
(-\infty,1)\cup(2,\infty) | x<1 \text{ or } x>2
(1,2) | 1<x<2
(1,2) | 2>x>1
x>2 | 2<x
x\ge 1 | 1\le x
\{1,2\} | \{2,1\}
1,2 | 2,1
1, 2 | \{1,2\}
1 \text{ and } 2 | 1,2
1 \text{ or } 2 | 2, 1
x=1,2 | x=1 \text{ or } x=2
x=1, x=2 | \{1, 2\}
x_1=1,x_2=2 | 1,2
x=1,y=2 | (1,2)
x=1,y=2 | y=2,x=1
(x,y)=(1,2) | (1,2)
(x,y)=(1,2) | x=1,y=2
\pm 3 | 3,-3
\pm3 | \{-3,3\}
x=\pm\sqrt2 | \sqrt2,-\sqrt2
2\pm\sqrt{3} | 2+\sqrt3, 2-\sqrt3
\$1,000 | 1000
\$1{,}000 | 1,000
1,000,000 | 1000000
1\,000\,000 | 10^6
1 000 000 | 1000000
12{,}345 | 12,\!345
\$18.90 | 18.9
\$5 | 5\text{ dollars}
50\% | 50
50\% | 0.5
50\% | \frac{1}{2}
50 | 50\%
12.5\% | 12.5 percent
5\text{ cm} | 5
5\text{ cm} | 5 cm
5\text{ cm} | 5\,\mathrm{cm}
5 cm | 5 centimeters
10 \text{ cm}^2 | 10
10\text{ cm}^2 | 10 square centimeters
12 | 12\text{ square units}
30 | 30 miles per hour
45^\circ | 45
45^{\circ} | 45\text{ degrees}
45° | 45 degrees
10^{3} | 1000
1.5e3 | 1500
1.5\times10^3 | 1500
1.5 \cdot 10^{3} | 1.5e3
6.02\times 10^{23} | 6.02e23
3\times10^{-4} | 0.0003
2^{10} | 1024
2^10 | 1024
\begin{pmatrix}1&2\\3&4\end{pmatrix} | \begin{bmatrix}1&2\\3&4\end{bmatrix}
\begin{pmatrix}1\\2\end{pmatrix} | \begin{pmatrix} 1 \\ 2 \end{pmatrix}
\begin{pmatrix}1/2&0\\0&1\end{pmatrix} | \begin{pmatrix}0.5&0\\0&1\end{pmatrix}
\begin{pmatrix}1&2\\3&4\end{pmatrix} | [[1,2],[3,4]]
\begin{pmatrix}1&2\\3&4\end{pmatrix} | \left[\begin{array}{cc}1&2\\3&4\end{array}\right]
\text{yes} | Yes
\text{Yes} | yes.
True | true
Monday | \text{Monday}
\text{(B)} | B
(B) | B
B | (B)
B | \text{B}
\text{(C)} | \text{C}
C | \textbf{(C)}
\text{east} | East
101_2 | 101_{2}
101_2 | 101
1011_2 | 1011_{\text{two}}
3:30 | 3:30
3:4 | 3 : 4
3:4 | \frac34
1:2:3 | 2:4:6
\infty | +\infty
-\infty | - \infty
3+4i | 4i+3
i | \sqrt{-1}
(1+i)^2 | 2i
5! | 120
\binom{5}{2} | 10
{5 \choose 2} | 10
\log_2 8 | 3
\ln e | 1
\ln 4 | 2\ln 2
\sin\frac{\pi}{6} | \frac12
\cos(\pi) | -1
\mathrm{e} | e
e^{2} | \mathrm{e}^2
\pi | π
2π | 2\pi
\frac{\pi}{2} | π/2
√2 | \sqrt{2}
∞ | \infty
−3 | -3
x² | x^2
½ | 0.5
0.\overline{3} | \frac13
0.333\overline{3} | 1/3
0.1\overline{6} | 1/6
x^2-1 | (x-1)(x+1)
x^2+2x+1 | (x+1)^2
\frac{x+1}{2} | \frac{x}{2}+\frac12
2x | x\cdot 2
ab | ba
a(b+c) | ab+ac
\frac{1}{x} | x^{-1}
\sqrt{x} | x^{1/2}
\sqrt[3]{x} | x^{\frac13}
\sqrt[3]{8} | 2
e^{x+y} | e^x e^y
\sin^2 x+\cos^2 x | 1
2\sin x\cos x | \sin 2x
\tan x | \frac{\sin x}{\cos x}
\ln(x^2) | 2\ln x
|x-1| | |1-x|
\lfloor 3.7\rfloor | 3
n(n+1)/2 | \frac{n^2+n}{2}
2^{n+1} | 2\cdot 2^n
\frac{1}{2}n(n-1) | \binom{n}{2}
\emptyset | \text{no solution}
\emptyset | \varnothing
\{\} | \emptyset
\mathbb{R} | (-\infty,\infty)
\mathbb{R} | \text{all real numbers}
x\ne 0 | (-\infty,0)\cup(0,\infty)
\mathbb{R}\setminus\{0\} | x\neq 0
\text{DNE} | \text{does not exist}
五 | 5
\text{five} | 5
twelve | 12
12 | \text{twelve}
x \in \{1,2\} | 1,2
10\text{ units} | 10
-1 | −1
\frac{3}{5} | 0.6
18.0 | 18
007 | 7
100 | 1e2
x<-1 | (-\infty,-1)
x>1 \text{ and } x<3 | (1,3)
\angle A = 60^\circ | 60
AB = 5 | 5
P(A)=\frac13 | \frac{1}{3}
a_n = 2n+1 | 2n+1
S=\{1,2\} | \{1,2\}
2,3,5 | 2, 3, \text{ and } 5
3x+2y=6 | 6x+4y=12
x-y=0 | y=x
x<1 | -x>-1
\frac{9}{4}\pi | 2.25\pi
\frac{7}{2} | 3\frac{1}{2}
3.5 | 3\frac12
\sqrt{50} | 5\sqrt{2}
\sqrt{\frac{3}{4}} | \frac{\sqrt3}{2}
x^{2} | x^2
1{,}234.5 | 1234.5
\text{June 15} | June 15
2:1 | 2
(3, \frac{\pi}{2}) | \left(3,\frac{\pi}{2}\right)
\langle 1,2,3\rangle | (1,2,3)
\left\langle 1,2\right\rangle | \begin{pmatrix}1\\2\end{pmatrix}
\frac{1}{1+\frac{1}{2}} | 2/3
-x^2 | -(x^2)
(-2)^2 | 4
-2^2 | -4
3\cdot 4 | 12
\boxed{7} | 7
\text{The answer is } 5 | 5
6\text{ and }8 | 8, 6
0 | -0
\frac{0}{5} | 0
16\pi | 16\pi\text{ cm}^3
5x | 5 x
12\text{ hours} | 12 hours
7 | 7 \text{ apples}
\left(-2,1\right) \cup \left(1,3\right) | (-2,1)\cup(1,3)
\cot x | 1/\tan x
\arcsin\frac12 | \frac{\pi}{6}
\sin^{-1}(1) | \frac{\pi}{2}
\log 100 | 2
x=3, y=4, z=5 | (3,4,5)
k\le 4 | k\leq 4
A | \text{A}
(x-3)^2+(y+1)^2=4 | (x - 3)^2 + (y + 1)^2 = 4
(x-3)^2+(y+1)^2=4 | x^2+y^2-6x+2y+6=0
[-1,1] | -1\le x\le 1
[0,\infty) | x\geq0
1,\!234 | 1234
£5 | 5
\text{5} | 5
$5$ | 5
\( 5 \) | 5
\[ x^2 \] | x^2
3\sqrt2 | 3\sqrt{2} \approx 4.24
x=\frac{1}{3} | x = \frac13 \approx 0.333
8/3 | 2.6667
1/3 | 0.3333
1.325e-27 | 1.325 \times 10^{-27} \text{ kg} \cdot \text{m} / \text{s}
\sqrt{-1} | i
\frac{1}{4-\omega^2} | A = \frac{1}{4 - \omega^2}, \quad \text{for } \omega^2 \neq 4
\frac{\pi}{4}+k\pi | \frac{\pi}{4}+k\pi, k\in\mathbb{Z}
10 | 10 (ten)
17 \bmod 5 | 2
W(n)=1 \text{ and } W(n)=-1 | W(x)=1 or W(x)=-1
\frac12 | one half
-37_8 | -37_{8}
\begin{pmatrix}-1/3\\2/3\end{pmatrix} | \begin{pmatrix} -\frac{1}{3} \\ \frac{2}{3} \end{pmatrix}
1{,}008{,}016 | 1008016
\int_0^1 2x\,dx | 1
\sum_{k=1}^{4} k | 10
5000000 | 5 \text{ million}
5000000 | 5 \text{ million dollars}
3600 | 36 \text{ hundred}
60 | 5 dozen
0.005 | 5 \text{ thousandths}
-5 | \text{negative } 5
-5 | minus 5
25 | 5 squared
120 | 5 factorial
205 | \text{two hundred and five}
3000000 | \text{three million}
x \ge 5 | \text{at least } 5
x \le 5 | \text{no more than } 5
\ge 5 | 5 \text{ or more}
7 | \text{there are } 7 \text{ ways}
\frac12 | \text{A wins with probability } \frac12
\text{A wins with probability } \frac12 | \frac12
(0,1) | \text{increasing on } (0,1)
\text{maximum } 5, \text{ minimum } 1 | \text{minimum } 1, \text{ maximum } 5
5 \text{ and } 1 \text{ respectively} | 5, 1
x>0 | \text{for all } x>0
12 | 12 men
12 | 12\text{ more apples}
30 \text{ mph} | 30 \text{ miles per hour}
46.08 | 46.08 g/mol
0.006 | 6 \times 10^{-3} \text{ m/s²}
12 | 12^{\mathrm{th}} \text{ grade}
200 \text{ minutes} | 3 \text{ hours } 20 \text{ minutes}
\text{3 hours and 20 minutes} | 200 minutes
2xy | 2 x y
-x^2 - 4x - 13 | -13 - 4 x - x^{2}
2xy + 10x + 20y + 100 | 100 + 20 y + 10 x + 2 x y
6ab | 6 b a
p - q | -q + p
x - y | -y+x
ab/c | \frac{ab}{c}
xy-yz | y(x-z)
abcd | dcba
D, E | E, D
D, E | D \text{ and } E
D, E | \{D, E\}
①③ | ③、①
8\!:\!34 \text{ p.m.} | 8:34 PM
8:34 \text{ p.m.} | 8:34
20:34 | 8:34 p.m.
05\!:\!00 | 5:00
2:3 | 10:15
8:00 \text{ a.m.} | 8 a.m.
A: 18 | 18
x \equiv 3 \pmod 7 | 3 \pmod 7
x \equiv 3 \pmod 7 | x \equiv 10 \ (\text{mod } 7)
x \equiv 1, 2 \pmod 5 | x \equiv 2, 1 \pmod{5}
3 | x \equiv 3 \pmod{7}
\begin{cases} x = 1 \\ y = 2 \end{cases} | x=1, y=2
\begin{cases} x & x \ge 0 \\ -x & x<0 \end{cases} | \begin{cases} -x & \text{if } x<0 \\ x & \text{if } x \ge 0 \end{cases}
f(x)=\begin{cases} x+1, & x > 2 \\ 3, & x \le 2 \end{cases} | f(x)=\begin{cases} 1+x, & x > 2 \\ 3, & \text{otherwise} \end{cases}
\{(x,y) : x+y=1\} | \{(x,y) \mid x+y=1\}
\{2k : k \in \mathbb{Z}\} | \{2k \mid k \in \mathbb{Z}\}
\{x : x > 3\} | (3,\infty)
A \cup B | B \cup A
y=x^2 \text{ for } x>0 | y=x^2 \text{ for } 0<x
2^n | 2^n, n \ge 1
\sin 30^\circ | \frac12
\frac12 | \sin 30^{\circ}
2\sin 36^\circ | 2\cos 54°
\cos 36^\circ | \frac{1+\sqrt5}{4}
\frac{\pi}{6} | 30^\circ
60^\circ | \arccos\frac12
30^\circ | 30 \text{ degrees Celsius}
\pm i | i, -i
i,-i | \pm i
(-\infty,-1)\cup(1,\infty) | |x|>1
(-1,3) | |x-1|<2
1 \le |z| \le 2 | [-2,-1] \cup [1,2]
(-\infty,2) \cup (2,4) | x<4, x\ne 2
x\neq 1, 2 | x\neq 2, x\neq 1
(2,5) | x > 2 , x < 5
(1,2) | ]1,2[
A(2,3) | (2,3)
(2,3),(4,5) | A(2,3), B(4,5)
\overrightarrow{AB} | \overrightarrow{AB}
\angle ABC | \angle CBA
2/3 | \frac23 \approx 0.67
\frac23 \approx 0.67 | \frac23
\frac23 \approx 0.67 | \frac46 \approx 0.67
\begin{pmatrix} 1 & \phantom{-}1 \end{pmatrix} | \begin{pmatrix} 1 & 1 \end{pmatrix}
11 | \textbf{(C)}\ 11
\frac{2\pir}{\lambdak} | \frac{2\pi r}{\lambda k}
\lim_{x\to 0} \frac{\sin x}{x} | 1
"""

DIFFERENT = r"""
1/2 | 1/3
0.5 | 0.05
5 | -5
5 | 50
1/2 | 2
x=5 | 6
x=5 | y=5
(1,2) | (2,1)
(1,2) | [1,2]
[1,2] | (1,2]
(1,2) | (1,2,3)
\{1,2\} | \{1,2,3\}
1,2 | 1
1 | 1,2
1,2 | 1,3
x>1 | x<1
x>1 | x\ge1
(-\infty,3] | (-\infty,3)
(-\infty,1)\cup(2,\infty) | (-\infty,1)
y=2x+1 | 2x-1
y=2x+1 | y=2x-1
x=1,y=2 | x=2,y=1
x=1,y=2 | (2,1)
x+y=3 | 3
2x=4 | 4
50\% | 5\%
50\% | 0.05
0.5 | 50
1/3 | 0.33
1/3 | 0.333
3.14 | \pi
\pi | 3.14
\pi | 22/7
5\text{ cm} | 5\text{ m}
5\text{ hours} | 5\text{ minutes}
10\text{ cm}^2 | 10\text{ cm}
101_2 | 110_2
3:4 | 4:3
yes | no
\text{True} | False
\text{(B)} | \text{(C)}
B | A
east | west
\text{odd} | \text{even}
3+4i | 3-4i
i | 1
x | y
x | X
x^2 | x^3
x^2 | 2x
2x | x+2
\sqrt2 | \sqrt3
\sqrt{2} | 2
e | \pi
\sin x | \cos x
\infty | -\infty
\infty | 5
\begin{pmatrix}1&2\\3&4\end{pmatrix} | \begin{pmatrix}1&2\\3&5\end{pmatrix}
\begin{pmatrix}1&2\end{pmatrix} | \begin{pmatrix}1&2\\3&4\end{pmatrix}
\begin{pmatrix}1&2\\3&4\end{pmatrix} | \begin{pmatrix}1&3\\2&4\end{pmatrix}
1,234 | 1.234
1000 | 100
10^3 | 10^2
2^{10} | 1000
12 | \text{none}
\text{none} | 0
|x| | x
-|x| | |x|
\pm 3 | 3
3 | \pm 3
\emptyset | 0
\emptyset | \mathbb{R}
5! | 5
\binom52 | \frac52
2\frac12 | 1
100 | 99.9999
163862.1 | 163862.0
123456789012345678 | 123456789012345679
1e-9 | 2e-9
f(x)=x^2 | f(x)=x^3
\frac{x}{y} | \frac{y}{x}
x^2+1 | x^2-1
a+b | a-b
2,3 | 2.3
x\in\{1,2\} | x\in(1,2)
x \ne 2 | x=2
6 | 6, 7
(3,4) | 3
3 | (3,4)
3x+2y=6 | 3x+2y=7
12\text{ dollars} | 12\text{ cents}
\frac{1}{2} | \frac{1}{2}+\frac{1}{72}
1+2i | 2+i
10 | \text{ten thousand}
e^{\pi\sqrt{163}} | 262537412640768744
5 | five hundred
\text{Monday} | \text{Tuesday}
AB | BC
7 | 7\pi
(0,1) | (0,1]
1.325e-27 | 1.323 \times 10^{-27} \text{ kg}
5 | x+5
0 | \frac{1}{x}+\frac{-1}{x}
\frac12 | one third
3\sqrt2 | 3\sqrt{3} \approx 4.24
5 | \text{not } 5
5 | \text{negative } 5
5 | \text{less than } 5
5 | \text{at least } 5
5 | 5 \text{ or more}
5 | 5 \text{ million}
5 | 5 dozen
5 | 5 \text{ hundred}
5 | 5 squared
5 | 5 factorial
5 | 5 less than x
5 | \text{half of } 5
5 | 5 \text{ thousandths}
\text{A wins with probability } \frac12 | \text{B wins with probability } \frac12
\text{increasing on } (0,1) | \text{decreasing on } (0,1)
\text{maximum } 5, \text{ minimum } 1 | \text{maximum } 1, \text{ minimum } 5
5 \text{ and } 1 \text{ respectively} | 1 \text{ and } 5 \text{ respectively}
\forall x > 0 | \exists x > 0
\text{March 5} | 5
2 | 2 x y
2 x y | 2
x^2 + 2 x y | x^2 + 2
4 | 4 x - y
-17 | -13 - 4 x - x^{2}
5 | 5 sin x
p - q | p + q
a + b | a b
a - b | b
ab/c | abc
ab/cd | ab-cd
xy-yz | xy+yz
①③ | ①④
D, E | D, F
140\text{ degrees} | 140 \text{ km}
54\text{ gallons} | 54 \text{ km}
16\text{ dogs} | 16 \text{ km}
30 \text{ mph} | 30 \text{ km/h}
30^\circ\text{C} | 30^\circ\text{F}
10:45 \text{ a.m.} | 10:45 \text{ p.m.}
3:00 | 6:00
2:30 \text{ p.m.} | 1:15 \text{ p.m.}
5:00 | 35:00
0:5 | 0:3
x \equiv 3 \pmod 7 | x \equiv 5 \pmod 7
x \equiv 3 \pmod 7 | x \equiv 3 \pmod{14}
a \equiv 1 \pmod 4 | b \equiv 1 \pmod 4
x≡3 (mod 5) | x≡5 (mod 7)
7 | x \equiv 3 \pmod{7}
5 | \begin{cases} x & x \ge 5 \\ -x & x<5 \end{cases}
\begin{cases} x & x \ge 0 \\ -x & x<0 \end{cases} | \begin{cases} -x & x \ge 0 \\ x & x<0 \end{cases}
\begin{cases} x = 1 \\ y = 2 \end{cases} | \begin{cases} x = 5 \\ y = 2 \end{cases}
\{(x,y) : x+y=1\} | \{(x,y) : x-y=1\}
\{2k : k \in \mathbb{Z}\} | \{2k+1 : k \in \mathbb{Z}\}
\{x \in \mathbb{Z} : x > 3\} | \{x \in \mathbb{R} : x > 3\}
\mathbb{Z} | \mathbb{R}
A \cup B | A \cap B
5 | \ge 5
\ge 5 | 5
5 | < 5
y=x^2 \text{ for } x>0 | y=x^2 \text{ for } x<0
\sin 30^\circ | \sin 30
\cos 60 | \frac12
\frac{\pi}{6} | 60^\circ
\overrightarrow{AB} | \overrightarrow{BA}
\angle ABC | \angle ACB
m\angle A = 30 | m\angle B = 30
\frac23 \approx 0.67 | \frac23 \approx 0.37
\frac23 \approx 0.67 | \frac53 \approx 0.67
\begin{pmatrix} 1 & \phantom -1 \end{pmatrix} | \begin{pmatrix} 6 & \phantom -1 \end{pmatrix}
A(2,3), B(4,5) | A(4,5), B(2,3)
49x^2 - 42xy + 9y^2 - 54y + 603 = 0 | 49x^2 - 42xy + 9y^2 - 54y + 604 = 0
\int_0^1 x^2 dx | \int_0^1 x^3 dx
"""


def status(gold: str, response: str) -> str:
    return math.verify(Problem("q", gold), Completion(response), math.Config(timeout=30)).status


def pairs(table: str) -> list[tuple[str, str]]:
    return [(gold, answer) for gold, _, answer in (line.partition(" | ") for line in table.strip().splitlines())]


@pytest.mark.parametrize(("gold", "answer"), pairs(SAME))
def test_the_same_answer_in_another_spelling_is_correct(gold, answer):
    assert status(gold, rf"So \boxed{{{answer}}}.") == "correct"


@pytest.mark.parametrize(("gold", "answer"), pairs(DIFFERENT))
def test_another_answer_is_incorrect(gold, answer):
    assert status(gold, rf"So \boxed{{{answer}}}.") == "incorrect"


@pytest.mark.parametrize("gold", [gold for gold, _ in pairs(SAME) + pairs(DIFFERENT)])
def test_a_gold_answer_is_its_own_equal(gold):
    assert status(gold, gold) == "correct"
    assert status(gold, rf"So \boxed{{{gold}}}.") == "correct"


UNKNOWN = r"""
\text{Re}(z) | \text{Im}(z)
p \wedge q | p \vee q
p \to q | q \to p
AB \parallel CD | AB \perp CD
"""


@pytest.mark.parametrize(("gold", "answer"), pairs(UNKNOWN))
def test_of_what_is_not_known_no_part_is_compared(gold, answer):
    """Math-verify would compare the pieces that it reads."""
    assert status(gold, rf"So \boxed{{{answer}}}.") == "undecidable_gold"
    assert status(gold, gold) == "correct"
    assert status("5", rf"So \boxed{{{answer}}}.") == "incorrect"


def test_an_equation_of_polynomials_is_decided_without_algebra():
    """Math-verify takes a second for it."""
    gold = "49x^2 - 42xy + 9y^2 - 222x - 54y + 603 = 0"
    assert math.equal_without_algebra(gold, gold.replace("603", "604")) is False
    assert math.equal_without_algebra(gold, "98x^2 - 84xy + 18y^2 - 444x - 108y + 1206 = 0") is True
