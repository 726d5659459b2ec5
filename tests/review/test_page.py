"""The page in a real Chromium: keys are pressed, and what is then in the file is read."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..browser import Browser, Page, needs_chromium
from .conftest import Serving, lines_of, trace, written

pytestmark = needs_chromium

STATUS = "document.getElementById('status').textContent"
HOSTILE = trace(
    0,
    question="<script>window.pwned=1</script><img src=x onerror=window.pwned=1> **bold** [a](javascript:window.pwned=1)",
    answer="$\\text{<img src=x onerror=window.pwned=1>}$ $\\href{javascript:window.pwned=1}{x}$",
    reasoning="\u202eesrever\u202c \u200b \x07 \U000e0041 x$^{\\unicode{60}}$\n"
    + "w" * 300_000
    + "\n```\n</script><script>pwned=1",
    response="</div></textarea><svg onload=window.pwned=1> $<math><mtext><img src=x onerror=pwned=1></mtext></math>_1$",
    math_detail="<b onclick=window.pwned=1>",
    math_status='"><img src=x onerror=window.pwned=1>',
    domain="<i>d</i>",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as opened:
        yield opened


@pytest.fixture
def server(serve, dataset: Path, tmp_path: Path) -> Serving:
    return serve(dataset, "--reviewer", "anna", "--decisions", tmp_path / "d.jsonl")


@pytest.fixture
def page(browser: Browser, server: Serving) -> Iterator[Page]:
    page = opened(browser, server)
    yield page
    assert page.errors == []
    assert all(url.startswith(("http://127.0.0.1:", "data:")) for url in page.requests)
    page.close()


def opened(browser: Browser, server: Serving, **size: int) -> Page:
    page = browser.page(server.url, **size)
    page.until("!!shown")
    return page


def saved(page: Page, words: str) -> None:
    page.until(f"{STATUS}.startsWith('Saved') && {STATUS}.includes({json.dumps(words)})")


def shown(page: Page) -> int:
    return int(page.evaluate("shown.at"))


def test_keys_decide_and_the_file_has_each_decision_when_the_page_says_saved(page: Page, rows, tmp_path: Path):
    assert page.evaluate("document.getElementById('question').innerText") == rows[0]["question"]
    page.press("a")
    saved(page, "accepted")
    page.press("r", "3")
    page.type("on and on")
    page.press("Enter")
    saved(page, "rejected, rambling")
    page.press("e")
    page.evaluate("document.getElementById('new-response').select()")
    page.press("Tab", "shift+Tab")
    page.evaluate("document.getElementById('new-response').value = 'Shorter.'")
    page.press("ctrl+Enter")
    saved(page, "edited")
    assert shown(page) == 3
    page.press("k")
    page.until("document.querySelector('#words details')?.textContent.includes('Shorter.')")
    said = [
        {
            name: line.get(name)
            for name in ("reviewer", "trace_id", "decision", "reason", "note", "reasoning", "response")
        }
        for line in lines_of(tmp_path / "d.jsonl")
    ]
    nothing = dict.fromkeys(("reason", "note", "reasoning", "response"))
    assert said == [
        {**nothing, "reviewer": "anna", "trace_id": rows[0]["trace_id"], "decision": "accept"},
        {
            **nothing,
            "reviewer": "anna",
            "trace_id": rows[1]["trace_id"],
            "decision": "reject",
            "reason": "rambling",
            "note": "on and on",
        },
        {
            **nothing,
            "reviewer": "anna",
            "trace_id": rows[2]["trace_id"],
            "decision": "edit",
            "reasoning": rows[2]["reasoning"],
            "response": "Shorter.",
        },
    ]
    assert page.evaluate("document.getElementById('progress').textContent") == "3 of 12 decided (anna 3)"


def test_undo_takes_the_last_decision_back_and_returns_to_it(page: Page, rows, tmp_path: Path):
    page.press("a")
    saved(page, rows[0]["trace_id"])
    page.press("a")
    saved(page, rows[1]["trace_id"])
    page.press("u")
    saved(page, f"{rows[1]['trace_id']} taken back")
    assert shown(page) == 1
    page.press("u")
    saved(page, f"{rows[0]['trace_id']} taken back")
    assert [line["decision"] for line in lines_of(tmp_path / "d.jsonl")] == ["accept", "accept", "withdraw", "withdraw"]
    assert page.evaluate("document.getElementById('progress').textContent") == "0 of 12 decided"


def test_moving_jumping_filtering_and_help(page: Page, rows):
    page.press("j", "ArrowRight", "j")
    page.until("shown.at === 3")
    page.press("k", "ArrowLeft")
    page.until("shown.at === 1")
    page.press("/")
    page.type(rows[7]["trace_id"][:10])
    page.press("Enter")
    page.until("shown.at === 7")
    page.press("/")
    page.type("no such id")
    page.press("Enter")
    page.until(f"{STATUS}.includes('There is no trace')")
    page.press("a")
    saved(page, rows[7]["trace_id"])
    page.press("f")
    page.until("shown.at === 8")
    page.press("k")
    page.until("shown.at === 6")
    page.press("j")
    page.until("shown.at === 8")  # 7 is decided, and passed over
    page.press("?")
    assert page.evaluate("document.getElementById('help').open")
    page.press("a", "Escape")
    assert not page.evaluate("document.getElementById('help').open") and shown(page) == 8
    page.press("/")
    page.type("a")  # a letter in a field is a letter
    assert page.evaluate("document.getElementById('id').value") == "a"


def test_an_edit_is_discarded_by_esc_after_asking_where_it_was_changed(page: Page, tmp_path: Path):
    page.press("e", "Escape")
    assert page.evaluate("document.getElementById('editor').hidden")
    page.press("e")
    page.type("XYZ")
    page.press("Escape")
    assert page.evaluate("document.getElementById('losing').open")
    page.press("Enter")  # goes on editing
    assert page.evaluate("!document.getElementById('editor').hidden && changed()")
    page.press("Escape", "shift+Tab", "Enter")
    page.until("document.getElementById('editor').hidden")
    assert "XYZ" not in page.evaluate("document.body.innerText")
    assert not (tmp_path / "d.jsonl").exists()


def test_a_rejection_needs_a_reason_and_other_needs_a_note(page: Page, rows, tmp_path: Path):
    page.press("r", "Enter")
    page.until(f"{STATUS}.includes('A rejection has a reason')")
    page.press("6", "Enter")
    page.until(f"{STATUS}.includes('Say in the note')")
    page.type("a poem")
    page.press("Enter")
    saved(page, "other")
    page.press("r", "1", "Escape")
    (line,) = lines_of(tmp_path / "d.jsonl")
    assert (line["reason"], line["note"]) == ("other", "a poem")


def test_what_others_said_is_shown_after_ones_own_word(
    browser: Browser, page: Page, serve, dataset, rows, tmp_path: Path
):
    ben = serve(dataset, "--reviewer", "ben", "--decisions", tmp_path / "d.jsonl")
    row = rows[0]
    assert (
        ben.decide({"trace_id": row["trace_id"], "seen": row["seen"], "decision": "reject", "reason": "unsafe"})[0]
        == 200
    )
    page.press("j")
    page.until("shown.at === 1")
    page.press("k")
    page.until("document.getElementById('words').textContent === '1 other reviewer decided; shown when you have.'")
    page.press("a")
    saved(page, "accepted")
    page.press("k")
    page.until("shown.at === 0")
    words = page.evaluate("document.getElementById('words').textContent")
    assert "accepted by anna" in words and "rejected by ben" in words and "unsafe" in words


def test_saved_is_said_after_the_answer_and_never_before(page: Page, server: Serving, tmp_path: Path):
    server.process.send_signal(signal.SIGSTOP)
    page.press("a")
    page.until(f"{STATUS} !== '' && waiting.length === 1")
    assert page.evaluate(STATUS) == "Saving …" and not (tmp_path / "d.jsonl").exists()
    assert page.evaluate("localStorage.length") == 1
    server.process.send_signal(signal.SIGCONT)
    saved(page, "accepted")
    assert len(lines_of(tmp_path / "d.jsonl")) == 1 and page.evaluate("localStorage.length") == 0


def test_when_the_server_is_gone_the_decision_is_kept_and_sent_again(
    browser: Browser, serve, dataset, rows, tmp_path: Path
):
    words = ("--reviewer", "anna", "--decisions", tmp_path / "d.jsonl")
    server = serve(dataset, *words)
    page = opened(browser, server)
    server.stop(signal.SIGKILL)
    page.press("a")
    page.until("!document.getElementById('trouble').hidden")
    assert "A decision is not saved" in page.evaluate("document.getElementById('trouble').textContent")
    assert "Saved" not in page.evaluate(STATUS) and shown(page) == 0
    assert not (tmp_path / "d.jsonl").exists()
    again = serve(dataset, *words)
    assert again.port == server.port
    page.until("document.getElementById('trouble').textContent.includes('of an earlier start')")
    new = browser.page(again.url)  # the address that was printed last
    new.until("!!shown")
    new.until(f"{STATUS}.includes('saved now')")
    (line,) = lines_of(tmp_path / "d.jsonl")
    assert (line["trace_id"], line["decision"]) == (rows[0]["trace_id"], "accept")
    assert new.evaluate("Object.keys(localStorage).length") == 0
    page.close()
    new.close()


def test_nothing_that_a_trace_holds_runs_and_what_is_unseen_is_shown(browser: Browser, serve, tmp_path: Path):
    server = serve(written(tmp_path / "t.parquet", [HOSTILE, trace(1)]), "--decisions", tmp_path / "d.jsonl")
    page = opened(browser, server)
    page.press("m", "m", "e", "Escape", "j")
    page.until("shown.at === 1")
    page.press("k")
    page.until("shown.at === 0")
    assert page.evaluate("typeof window.pwned") == "undefined"
    assert page.evaluate("document.querySelectorAll('main :is(script, img, svg, a, b, i, iframe)').length") == 0
    assert page.evaluate("document.getElementById('question').textContent") == HOSTILE["question"]
    marks = page.evaluate("[...document.querySelectorAll('#reasoning .hidden-mark')].map((mark) => mark.textContent)")
    assert marks == ["U+202E", "U+202C", "U+200B", "U+0007", "U+E0041"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.errors == [] and len([url for url in page.requests if "127.0.0.1" not in url]) == 0
    page.close()


def test_mathematics_is_drawn_and_shown_as_written_by_m(browser: Browser, serve, tmp_path: Path):
    row = trace(1, reasoning="So \\(\\frac{1}{2}\\) and\n\\[x^2\\]\nand $5 for two.", answer="\\frac{1}{2}")
    server = serve(written(tmp_path / "t.parquet", [row]), "--decisions", tmp_path / "d.jsonl")
    page = opened(browser, server)
    assert page.evaluate("document.querySelectorAll('#reasoning math').length") == 2
    assert page.evaluate("document.querySelectorAll('#answer math mfrac').length") == 1
    assert page.evaluate("document.querySelector('#reasoning math').getBoundingClientRect().height") > 10
    page.press("m")
    assert page.evaluate("document.getElementById('reasoning').textContent") == row["reasoning"]
    page.close()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 900)])
def test_the_page_fits_a_phone_and_a_desk_in_both_colours(browser: Browser, server: Serving, width, height, dark):
    page = opened(browser, server, width=width, height=height, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    inside = (
        "[...document.querySelectorAll('footer button')].every((each) => { const box = each.getBoundingClientRect();"
        " return box.left >= 0 && box.right <= innerWidth && box.bottom <= innerHeight && box.height >= 36; })"
    )
    assert page.evaluate(inside)
    for selector in ("body", "main section", "#accept", "#reject", ".note", "h2"):
        assert contrast(page, selector) >= 4.5, selector
    page.click("#accept")
    saved(page, "accepted")
    page.close()


def contrast(page: Page, selector: str) -> float:
    """WCAG's ratio of an element's colour and the ground that it stands on."""
    ink, ground = page.evaluate(
        f"(() => {{ let each = document.querySelector({selector!r}); const ink = getComputedStyle(each).color;"
        " while (getComputedStyle(each).backgroundColor === 'rgba(0, 0, 0, 0)') each = each.parentElement;"
        " return [ink, getComputedStyle(each).backgroundColor]; })()"
    )
    one, other = sorted((_luminance(ink), _luminance(ground)), reverse=True)
    return (one + 0.05) / (other + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").rstrip(")").split(",")]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_control_has_a_name_and_focus_is_seen(page: Page):
    nameless = (
        "[...document.querySelectorAll('button, input, select, textarea')]"
        ".filter((each) => !(each.textContent.trim() || each.ariaLabel || each.labels?.length)).map((each) => each.id)"
    )
    assert page.evaluate(nameless) == []
    page.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
