"""The HTML report, opened from a file in a real browser that is allowed no network."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agency_evals.comparison import compare
from agency_evals.excerpts import DIFF, diff_lines, excerpt, fitting
from agency_evals.html_page import duration, facts, share_text, value_text
from agency_evals.html_report import html_report
from agency_evals.materials import Material, Materials
from agency_evals.results import CaseResult, Run
from agency_evals.standing import standings
from agency_evals.transcript import Done, Step, Transcript
from agency_evals.verdict import Limits, judge

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium; without one the test is skipped, and in CI it fails."""
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no chromium here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def report(run: Run, materials: Materials, tmp_path: Path) -> Path:
    """A report with everything in it, compared with a run in which two results stood otherwise."""
    now = standings(run)
    comparison = compare([standings(run)[0], *now[3:]], now)
    text = html_report(run, materials, verdict=judge(now, Limits(), comparison), comparison=comparison)
    path = tmp_path / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def opened(browser: Any, report: Path) -> Iterator[Callable[..., Any]]:
    """Opens the report and keeps what the page asked for and complained of."""
    pages: list[Any] = []

    def open_page(query: str = "", **settings: Any) -> Any:
        page = browser.new_page(**settings)
        page.asked, page.said = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.goto(report.as_uri() + query)
        page.wait_for_selector("html.ready")
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()


def shown(page: Any) -> list[str]:
    """The ids of the cases that are to be seen."""
    found: list[str] = page.eval_on_selector_all(
        ".case", "all => all.filter(e => e.offsetParent !== null).map(e => e.id)"
    )
    return found


def test_it_opens_from_a_file_and_asks_for_nothing_else(opened: Callable[..., Any], report: Path) -> None:
    page = opened()
    page.eval_on_selector_all("details", "all => all.forEach(each => each.open = true)")
    page.wait_for_timeout(100)
    assert page.asked == [report.as_uri()]
    assert page.said == []


def test_hostile_text_is_shown_and_does_nothing(opened: Callable[..., Any]) -> None:
    page = opened()
    page.eval_on_selector_all("details", "all => all.forEach(each => each.open = true)")
    page.wait_for_timeout(100)
    assert page.title() == "Agency evals"
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 1
    said = page.locator("[id='bravo.1'] td.evidence pre").last.inner_text()
    assert said.startswith("</script></pre><script>document.title='owned'</script><img src=x")


def test_a_script_that_got_in_would_not_run(browser: Any, report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    report.write_text(text.replace("</main>", "<script>document.title='owned'</script></main>"), encoding="utf-8")
    page = browser.new_page()
    page.goto(report.as_uri())
    page.wait_for_selector("html.ready")
    assert page.title() == "Agency evals"
    page.close()


def test_what_is_not_as_expected_comes_first_and_the_totals_agree(opened: Callable[..., Any], run: Run) -> None:
    page = opened()
    assert shown(page) == ["alpha.2", "bravo.1", "charlie.1", "delta.1", "echo-failure.1", "alpha.1", "bravo-failure.1"]
    assert page.locator(".figure .value").first.inner_text() == f"{run.totals.as_expected} of {run.totals.cases}"
    assert "FAILED" in page.locator(".verdict").inner_text()
    assert page.locator("#shown").inner_text() == "7 shown"


def test_filters_narrow_what_is_shown(opened: Callable[..., Any]) -> None:
    page = opened()
    page.fill("#search", "BRAVO should")
    assert shown(page) == []
    assert page.locator("#nothing").is_visible()
    page.fill("#search", "bravo")
    assert shown(page) == ["bravo.1", "bravo-failure.1"]
    page.fill("#search", "")
    page.click(".toggle[data-outcome=failed]")
    assert shown(page) == ["charlie.1", "delta.1", "echo-failure.1", "alpha.1"]
    page.click(".toggle[data-outcome=failed]")
    page.click("#unexpected")
    assert "alpha.1" not in shown(page)
    page.click("#unexpected")
    page.select_option("#tag", "safety")
    assert shown(page) == ["bravo.1"]
    page.select_option("#tag", "")
    page.select_option("#change", "new")
    assert shown(page) == ["alpha.2", "bravo.1"]
    assert page.locator("#shown").inner_text() == "2 of 7 shown"


def test_the_keyboard_is_enough(opened: Callable[..., Any]) -> None:
    page = opened()
    focused = "document.activeElement.closest('.case')?.id ?? document.activeElement.id"
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate(focused) == "bravo.1"
    page.keyboard.press("k")
    page.keyboard.press("o")
    assert page.evaluate(focused) == "alpha.2"
    assert page.locator("[id='alpha.2']").get_attribute("open") is not None
    page.keyboard.press("/")
    page.keyboard.type("delta")
    assert shown(page) == ["delta.1"]
    page.keyboard.press("Escape")
    assert len(shown(page)) == 7
    page.keyboard.press("x")
    assert page.locator(".case[open]").count() == 7
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#help").is_visible()


def test_a_link_opens_its_case(opened: Callable[..., Any]) -> None:
    page = opened("#charlie.1")
    assert page.locator("[id='charlie.1']").get_attribute("open") is not None
    page.click(".compare a[href='#bravo.1']")
    page.wait_for_function("document.getElementById('bravo.1').open")
    assert page.locator("[id='bravo.1'] .issue").is_visible()


def test_transcript_calls_and_diffs_are_there(opened: Callable[..., Any]) -> None:
    page = opened("#bravo.1")
    case = page.locator("[id='bravo.1']")
    assert [badge.strip()[2:] for badge in case.locator(".call > summary .badge").all_inner_texts()] == [
        "failed",
        "ok",
        "ok",
        "denied",
        "cut off",
    ]
    assert case.locator("h3").all_inner_texts() == ["Issue", "Scores", "What changed", "Transcript"]
    assert case.locator(".open > .diff .add").all_inner_texts() == ["+new"]
    case.locator(".call > summary").nth(1).click()
    assert case.locator(".call .diff .del").first.inner_text() == "-old"
    assert case.locator(".noticed").inner_text() == "a notice"


def test_bars_are_as_long_as_their_counts(opened: Callable[..., Any]) -> None:
    page = opened()
    widths = page.eval_on_selector_all(
        ".lead rect:not(.rest)", "all => all.map(e => [e.className.baseVal, +e.getAttribute('width')])"
    )
    assert widths == [["passed", 28.571], ["failed", 42.857], ["unscored", 14.286], ["error", 14.286]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_it_fits_and_is_legible(opened: Callable[..., Any], width: int, scheme: str) -> None:
    page = opened(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.keyboard.press("x")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for selector in (
        ".badge.passed",
        ".badge.failed",
        ".badge.unscored",
        ".badge.error",
        ".soft",
        ".facts",
        ".said",
        "h1",
    ):
        assert contrast(page, selector) >= 4.5, selector


def test_the_theme_turns_on_a_key(opened: Callable[..., Any]) -> None:
    page = opened(color_scheme="light")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("t")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


CONTRAST = """
element => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  let ground = element;
  while (ground && /, 0\\)$/.test(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement;
  const [a, b] = [light(rgb(getComputedStyle(element).color)), light(rgb(getComputedStyle(ground ?? document.body).backgroundColor))];
  return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
}
"""


def contrast(page: Any, selector: str) -> float:
    """The contrast of an element's text with what is behind it, as WCAG counts it."""
    found: float = page.locator(selector).first.evaluate(CONTRAST)
    return found


def test_without_scripts_everything_is_there(browser: Any, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator(".case").count() == 7
    page.locator("[id='bravo.1'] > summary").click()
    assert page.locator("[id='bravo.1'] .issue").is_visible()
    context.close()


def test_the_text_itself_refers_to_nothing_outside(run: Run, materials: Materials) -> None:
    text = html_report(run, materials)
    assert set(re.findall(r'<[^>]+?\s(?:src|href)="([^#"]*)', text)) == {"data:,"}
    assert "@import" not in text
    assert "url(" not in text


def test_repeats_are_told_with_what_may_be_expected_of_them(run: Run) -> None:
    text = html_report(run)
    row = re.search(r"<tr><td>alpha</td>(.*?)</tr>", text)
    assert row
    assert re.findall(r">([^<]+)<", row[1]) == ["1 of 2", "0.50", "1.00", "0.00", "0.09 to 0.91"]


def test_what_the_run_was_made_with_stands_at_the_top(run: Run) -> None:
    lock = {
        "created": "2026-11-25T01:00:00Z",
        "choices": {"agent": "replay"},
        "agency": {"version": "0.1.0", "commit": "0123456789abcdef", "dirty": True},
        "sandbox": {"kind": "bwrap"},
        "merged": ["one", "two"],
    }
    assert facts(replace(run, lock=lock)) == [
        ("run", "20261125-010000-abcd"),
        ("made", "2026-11-25T01:00:00Z"),
        ("agent", "replay"),
        ("version", "0.1.0"),
        ("commit", "0123456789ab, with changes"),
        ("sandbox", "bwrap"),
        ("parts", "2"),
    ]
    assert facts(replace(run, lock={})) == [("run", "20261125-010000-abcd")]


def test_a_run_of_nothing_makes_a_page() -> None:
    assert "0 of 0" in html_report(Run(id="r", lock={}, cases=[]))


def test_a_thousand_results_make_a_page_a_browser_bears(
    result: Callable[..., CaseResult], browser: Any, tmp_path: Path
) -> None:
    cases = [result(f"case-{number:04}", "failed" if number % 7 == 0 else "passed") for number in range(1000)]
    path = tmp_path / "big.html"
    path.write_text(html_report(Run(id="r", lock={}, cases=cases)), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("html.ready")
    page.fill("#search", "case-0994")
    assert shown(page) == ["case-0994.1"]
    page.close()


def test_a_page_of_many_results_shows_less_of_each(result: Callable[..., CaseResult]) -> None:
    call = Done(id="1", ref="c1", tool="Bash", input={"command": "c" * 9000}, text="t" * 9000)
    transcript = Transcript(steps=[Step(kind="called", turn=1, call=call)] * 30)
    cases = [result(f"case-{number:02}") for number in range(60)]
    text = html_report(Run(id="r", lock={}, cases=cases), lambda _: Material(transcript=transcript))
    assert len(text) < 60 * 30 * 3500
    assert text.count("8,001 characters left out") == 60 * 30 * 2
    assert [fitting(count) for count in (0, 1, 20, 40, 500)] == [3000, 3000, 3000, 1500, 800]


def test_long_texts_keep_their_ends() -> None:
    assert excerpt("a" * 2000 + "b" * 2000, 300) == "a" * 200 + "\n… 3,700 characters left out …\n" + "b" * 100
    assert excerpt("short") == "short"
    lines = diff_lines("\n".join(["+x"] * (DIFF + 3)))
    assert lines[-1] == ("hunk", "… 3 lines left out …")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.04, "0.0 s"), (89.9, "89.9 s"), (125, "2:05 min"), (3599, "59:59 min"), (3720, "1:02 h")]
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_values() -> None:
    assert [value_text(value) for value in (True, False, 0.5, "label", None, float("nan"))] == [
        "yes",
        "no",
        "0.5",
        "label",
        "",
        "",
    ]
    assert share_text(float("nan")) == "?"
