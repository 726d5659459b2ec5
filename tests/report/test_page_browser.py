"""The report in a real Chromium: what a person sees, on a desk and on a phone, in light and in dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datafactory.report.page import page
from tests.browser import Browser, Page, needs_chromium
from tests.report.stories import SCRIPT, story

pytestmark = needs_chromium
PHONE, DESK = 375, 1280
OPEN = "document.querySelectorAll('details').forEach(each => each.open = true)"

# what is drawn in each chart, and what of it leaves the chart's box
CHARTS = """
[...document.querySelectorAll('svg')].map(svg => {
  const box = svg.getBoundingClientRect();
  const inside = at => at.left >= box.left - 1 && at.right <= box.right + 1 && at.top >= box.top - 1 && at.bottom <= box.bottom + 1;
  const shapes = [...svg.querySelectorAll('rect:not(.beyond), polyline, circle')].map(each => each.getBoundingClientRect());
  const words = [...svg.querySelectorAll('text')].map(each => [each.textContent, each.getBoundingClientRect()]);
  return {
    title: svg.querySelector('title').textContent,
    said: svg.querySelector('desc').textContent,
    width: box.width,
    drawn: shapes.filter(at => at.width > 0 && at.height > 0).length,
    outside: shapes.filter(at => !inside(at)).length,
    clipped: words.filter(([, at]) => !inside(at)).map(([word]) => word),
  };
})
"""

# each colour of words with the ground it stands on, and how they contrast (WCAG 2.2, 1.4.3)
CONTRASTS = """
(() => {
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const numbers = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
  const ground = node => {
    for (; node; node = node.parentElement) {
      const found = numbers(getComputedStyle(node).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const found = {};
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const owner = node.parentElement;
    if (!node.textContent.trim() || ['TITLE', 'DESC', 'STYLE', 'title', 'desc'].includes(owner.tagName)) continue;
    if (!owner.getClientRects().length) continue;
    const colour = owner.closest('svg') ? getComputedStyle(owner).fill : getComputedStyle(owner).color;
    const pair = [light(numbers(colour)), light(ground(owner))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    const key = `${colour} on ${ground(owner)}: ${owner.tagName}.${owner.getAttribute('class') || ''}`;
    found[key] = Math.min(found[key] || 99, ratio);
  }
  return found;
})()
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as started:
        yield started


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    place = folder / "report.html"
    place.write_text(page(story(folder)), encoding="utf-8")
    return place


def opened(browser: Browser, place: Path, width: int = DESK, dark: bool = False) -> Page:
    shown = browser.page(place.as_uri(), width=width, dark=dark)
    shown.evaluate(OPEN)
    return shown


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("dark", [False, True])
def test_it_opens_without_an_error_and_asks_for_nothing(browser: Browser, report: Path, width: int, dark: bool) -> None:
    shown = opened(browser, report, width, dark)
    assert shown.errors == []
    assert shown.requests == [report.as_uri()]
    shown.close()


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_chart_is_drawn_within_its_box_and_says_what_it_shows(browser: Browser, report: Path, width: int) -> None:
    shown = opened(browser, report, width)
    charts: list[dict[str, Any]] = shown.evaluate(CHARTS)
    assert len(charts) >= 5  # lengths twice, two measures, a loss
    for chart in charts:
        assert chart["drawn"] and chart["width"] > 200, chart
        assert not chart["outside"] and not chart["clipped"], chart
        assert chart["title"] and chart["said"], chart
    shown.close()


def test_every_bar_has_a_width(browser: Browser, report: Path) -> None:
    shown = opened(browser, report)
    flat = "[...document.querySelectorAll('.bar i')].filter(each => each.getBoundingClientRect().width < 1).length"
    assert shown.evaluate("document.querySelectorAll('.bar i').length") > 20
    assert shown.evaluate(flat) == 0
    shown.close()


@pytest.mark.parametrize("width", [320, PHONE, 640, 794, DESK])
def test_nothing_is_wider_than_the_window(browser: Browser, report: Path, width: int) -> None:
    shown = opened(browser, report, width)
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    cells = "[...document.querySelectorAll('th, td')].filter(each => each.scrollWidth > each.clientWidth + 1)"
    assert shown.evaluate(f"{cells}.map(each => each.textContent.slice(0, 60))") == []
    shown.close()


@pytest.mark.parametrize("dark", [False, True])
def test_all_words_stand_out_from_their_ground(browser: Browser, report: Path, dark: bool) -> None:
    shown = opened(browser, report, dark=dark)
    found: dict[str, float] = shown.evaluate(CONTRASTS)
    assert len(found) > 20
    assert {what: round(ratio, 2) for what, ratio in found.items() if ratio < 4.5} == {}
    ground = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]"
    assert (shown.evaluate(ground) < 60) is dark
    shown.close()


def test_mathematics_is_drawn(browser: Browser, report: Path) -> None:
    shown = opened(browser, report)
    boxes = shown.evaluate(
        "[...document.querySelectorAll('math')].map(each => each.getBoundingClientRect()).map(at => [at.width, at.height])"
    )
    assert len(boxes) >= 20
    assert all(width > 3 and height > 3 for width, height in boxes)
    fraction = "(() => { const [above, below] = document.querySelector('mfrac').children; "
    fraction += "return above.getBoundingClientRect().bottom <= below.getBoundingClientRect().top + 2; })()"
    assert shown.evaluate(fraction)
    shown.close()


def test_a_reason_leads_to_an_example_that_unfolds(browser: Browser, report: Path) -> None:
    shown = browser.page(report.as_uri())
    link = "document.querySelector('.causes a[href^=\"#trace\"]')"
    assert not shown.evaluate(f"document.querySelector({link}.getAttribute('href')).closest('details').open")
    shown.evaluate(f"{link}.click()")
    assert shown.until(f"document.querySelector({link}.getAttribute('href')).closest('details').open")
    shown.close()


def test_what_a_trace_says_never_runs(browser: Browser, report: Path, tmp_path: Path) -> None:
    html = report.read_text(encoding="utf-8")
    policy = '<meta http-equiv="Content-Security-Policy"'
    assert policy in html and SCRIPT not in html
    bare = tmp_path / "bare.html"  # the policy would stop it; what is escaped needs no policy
    bare.write_text(html.replace(policy, '<meta name="none"'), encoding="utf-8")
    for place in (report, bare):
        shown = opened(browser, place)
        assert "pwned" not in shown.evaluate("document.title")
        assert shown.evaluate("document.querySelectorAll('script, img, iframe, a[href^=javascript]').length") == 0
        assert shown.evaluate("document.body.textContent.includes('onerror=')")  # it is there, as text
        assert shown.errors == [] and shown.requests == [place.as_uri()]
        shown.close()


def test_it_prints(browser: Browser, report: Path) -> None:
    shown = browser.page(report.as_uri())
    told = shown.send("Page.printToPDF", printBackground=True)
    assert len(told["data"]) > 20_000
    shown.close()


@pytest.mark.parametrize(
    ("what", "forbidden"),
    [
        ("img = document.createElement('img'); img.src = 'http://127.0.0.1:9/x.png'", "img-src"),
        ("script = document.createElement('script'); script.textContent = 'document.title = 1'", "script-src-elem"),
        ("frame = document.createElement('iframe'); frame.src = 'http://127.0.0.1:9/'", "frame-src"),
    ],
)
def test_its_policy_lets_nothing_in(browser: Browser, report: Path, what: str, forbidden: str) -> None:
    shown = browser.page(report.as_uri())
    refused = "document.addEventListener('securitypolicyviolation', event => done(event.effectiveDirective))"
    tried = f"new Promise(done => {{ {refused}; setTimeout(() => done('let in'), 20000); const {what}; "
    assert shown.evaluate(f"{tried} document.body.append({what.partition(' ')[0]}) }})") == forbidden
    shown.close()
