"""Contests: solutions of our own for problems of code_contests, whose rows come without any."""

from __future__ import annotations

# problem -> language -> program
SOLUTIONS: dict[str, dict[str, str]] = {
    "code_contests/cc-0": {
        "python": """
n, m = map(int, input().split())
titles = [input().strip() for _ in range(n)]
flip = {chr(65 + i): chr(90 - i) for i in range(26)}
keys = ["".join(c if i % 2 == 0 else flip[c] for i, c in enumerate(t)) for t in titles]
print(*[i + 1 for i in sorted(range(n), key=keys.__getitem__)])
""",
    },
    "code_contests/cc-139": {
        "python": """
for _ in range(int(input())):
    s = input().strip()
    h = len(s) // 2
    print("YES" if s[:h] == s[h:] else "NO")
""",
        "cpp": """
#include <bits/stdc++.h>
using namespace std;
int main() {
    int t; cin >> t;
    while (t--) {
        string s; cin >> s;
        size_t h = s.size() / 2;
        puts(s.substr(0, h) == s.substr(h) ? "YES" : "NO");
    }
}
""",
        "javascript": """
const lines = require("fs").readFileSync(0, "utf8").split("\\n");
for (let i = 1; i <= Number(lines[0]); i++) {
    const s = lines[i].trim(), h = s.length >> 1;
    console.log(s.slice(0, h) === s.slice(h) ? "YES" : "NO");
}
""",
    },
    "code_contests/cc-140": {
        "python": """
liked = set()
n = 1
while n ** 2 <= 10 ** 9:
    liked.add(n ** 2)
    if n ** 3 <= 10 ** 9:
        liked.add(n ** 3)
    n += 1
liked = sorted(liked)
import bisect
for _ in range(int(input())):
    print(bisect.bisect_right(liked, int(input())))
""",
    },
    "code_contests/cc-50": {
        "cpp": """
#include <bits/stdc++.h>
using namespace std;
const long long M = 998244353;
int main() {
    int n; scanf("%d", &n);
    vector<long long> a(n + 1), total(n + 1);
    for (int i = 1; i <= n; i++) scanf("%lld", &a[i]);
    // f(i) = a_i f(i-1) - (the ways in which b_i equals b_{i-1}), kept as a stack of minima with alternating signs
    vector<pair<long long, long long>> stack;
    long long sum = 0, last = 1;
    for (int i = 1; i <= n; i++) {
        long long weight = last;
        while (!stack.empty() && stack.back().first >= a[i]) {
            sum = (sum - stack.back().first * stack.back().second) % M;
            weight = (weight + stack.back().second) % M;
            stack.pop_back();
        }
        stack.push_back({a[i], weight});
        sum = (sum + a[i] * weight) % M;
        last = sum;
        for (auto &held : stack) held.second = (M - held.second) % M;
        sum = (M - sum) % M;
        last = (last % M + M) % M;
    }
    printf("%lld\\n", last);
}
""",
    },
    "code_contests/cc-52": {
        "python": """
for _ in range(int(input())):
    n, k = map(int, input().split())
    total, power = 0, 1
    while k:
        total = (total + power * (k & 1)) % (10 ** 9 + 7)
        power = power * n % (10 ** 9 + 7)
        k >>= 1
    print(total)
""",
    },
}
# programs that are wrong on one test at least
WRONG: dict[str, list[str]] = {
    "code_contests/cc-139": [
        "print('NO')",
        "for _ in range(int(input())):\n    s = input()\n    print('NO' if len(s) % 2 else 'YES')",
    ],
    "code_contests/cc-140": [
        f"{SOLUTIONS['code_contests/cc-140']['python']}\nprint(1)",
    ],
    "code_contests/cc-52": [
        SOLUTIONS["code_contests/cc-52"]["python"].replace("k & 1", "1"),
        SOLUTIONS["code_contests/cc-52"]["python"].replace("print(total)", "print(total + 1)"),
    ],
}
