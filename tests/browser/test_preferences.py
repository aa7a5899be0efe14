"""Help for everyone in a real browser: the panel, themes, zoom, right to left, the keyboard alone, reading aloud."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select

from prom_server.store.assessments import Assessment, Response
from prom_server.store.database import Database
from prom_server.store.patients import Patient
from tests.support import axe, clinic
from tests.support.clinic import TYPED_DATE
from tests.support.databases import only_sqlite
from tests.support.live_server import LiveServer

pytestmark = [pytest.mark.browser, only_sqlite]

# 1280 by 1024 at 200 and at 400 %; small and large phones; a tablet.
SIZES = {"200 %": (640, 512), "400 %": (320, 256), "small phone": (360, 640), "tablet": (768, 1024)}
DEAF_MS = 500
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def link(database: Database) -> str:
    return clinic.invitations_for(database, 1)[0]


@pytest.fixture
def server(live_server: LiveServer) -> str:
    return live_server.url


def identify(page: Page, server: str, link: str) -> None:
    page.goto(f"{server}/a/{link}")
    for name, value in TYPED_DATE.items():
        page.locator(f"input[name={name}]").fill(value)
    page.locator("main form button").first.click()
    page.wait_for_url("**/answer")


def begin(page: Page, server: str, link: str) -> None:
    identify(page, server, link)
    page.locator("main form button").first.click()
    page.wait_for_url("**/answer/1/1")


def choose(page: Page, name: str) -> None:
    if page.locator(".tools details[open]").count() == 0:
        page.locator(".tools summary").click()
    page.get_by_role("button", name=name, exact=True).click()


def looks(page: Page) -> tuple[str | None, ...]:
    html = page.locator("html")
    return tuple(html.get_attribute(name) for name in ("lang", "data-theme", "data-text"))


# ---- The panel


def test_colors_and_size_change_at_once_and_are_kept(link: str, server: str, page: Page, database: Database) -> None:
    begin(page, server, link)
    page.locator("label.option").nth(2).click()
    size = "getComputedStyle(document.documentElement).fontSize"
    ground = "getComputedStyle(document.body).backgroundColor"
    assert (page.evaluate(size), page.evaluate(ground)) == ("22px", "rgb(250, 247, 241)")
    with page.expect_response("**/preferences") as first:
        choose(page, "Largest")
    assert first.value.status == 200
    with page.expect_response("**/preferences"):
        choose(page, "Dark")
    assert (page.evaluate(size), page.evaluate(ground)) == ("32px", "rgb(23, 22, 20)")
    expect(page.get_by_role("button", name="Dark", pressed=True)).to_be_visible()
    assert page.locator("input[type=radio]").nth(2).is_checked()  # the page did not change
    page.reload()
    assert looks(page) == ("en", "dark", "largest")
    with database.reading() as session:
        row = session.scalars(select(Patient)).one()
        assert (row.contrast, row.text_size) == ("dark", "largest")


def test_it_follows_to_another_browser(link: str, server: str, page: Page, chromium: Browser) -> None:
    begin(page, server, link)
    with page.expect_response("**/preferences"):
        choose(page, "High contrast")
    choose(page, "Español")
    expect(page.get_by_role("button", name="Siguiente")).to_be_visible()
    tablet = chromium.new_context(viewport={"width": 768, "height": 1024})
    other = tablet.new_page()
    identify(other, server, link)
    assert looks(other) == ("es", "contrast", "normal")
    tablet.close()


def test_another_language_comes_back_to_the_question_that_is_shown(link: str, server: str, page: Page) -> None:
    """The questions change without a new page; the form's address has to follow."""
    begin(page, server, link)
    page.wait_for_timeout(DEAF_MS + 200)
    page.locator("label.option").first.click()
    page.get_by_role("button", name="Next").click()
    page.wait_for_url("**/answer/1/2")
    page.wait_for_load_state("networkidle")
    choose(page, "Español")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    assert page.url.endswith("/answer/1/2")


@pytest.mark.parametrize(
    ("device", "ground"),
    [
        ({"color_scheme": "light"}, "rgb(250, 247, 241)"),
        ({"color_scheme": "dark"}, "rgb(23, 22, 20)"),
        ({"contrast": "more"}, "rgb(255, 255, 255)"),
    ],
)
def test_without_a_choice_the_page_looks_as_the_device_says(
    link: str, server: str, page: Page, device: dict[str, str], ground: str
) -> None:
    page.emulate_media(**device)
    page.goto(f"{server}/a/{link}")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ground


def test_forced_colors_show_what_is_chosen_without_shadows(link: str, server: str, page: Page) -> None:
    page.emulate_media(forced_colors="active")
    begin(page, server, link)
    page.locator("label.option").nth(1).click()
    widths = page.eval_on_selector_all(".option", "all => all.map((each) => getComputedStyle(each).borderTopWidth)")
    assert widths == ["2px", "5px", "2px", "2px"]


def test_reduced_motion_moves_nothing(link: str, server: str, page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    begin(page, server, link)
    moving = "all => all.filter((each) => parseFloat(getComputedStyle(each).transitionDuration) > 0).length"
    assert page.eval_on_selector_all("*", moving) == 0
    page.emulate_media(reduced_motion="no-preference")
    assert page.eval_on_selector_all("*", moving) > 0


# ---- Every page at every size


PAGES = ("", "/1/1", "/1/1/skip", "/1/review", "/1/9/help")


@pytest.mark.parametrize("turned", ["ltr", "rtl"])
@pytest.mark.parametrize("text", ["Normal", "Largest"])
def test_nothing_scrolls_sideways(link: str, server: str, page: Page, text: str, turned: str) -> None:
    begin(page, server, link)
    with page.expect_response("**/preferences"):
        choose(page, "Largest" if text == "Largest" else "Light")
    choose(page, "Español")
    wide = []
    for path in PAGES:
        page.goto(f"{server}/answer{path}")
        page.evaluate(f"document.documentElement.dir = '{turned}'")
        page.locator(".tools summary").click()
        for name, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            if (over := page.evaluate(SIDEWAYS)) > 0:
                wide.append((path, name, over))
    assert wide == []


def test_right_to_left_mirrors_the_page(link: str, server: str, page: Page) -> None:
    begin(page, server, link)
    page.evaluate("document.documentElement.dir = 'rtl'")
    radio, label = (page.locator(f".option >> nth=0 >> {each}").bounding_box() for each in ("input", "span"))
    assert radio is not None
    assert label is not None
    assert radio["x"] > label["x"]


def test_what_has_the_focus_is_in_sight(link: str, server: str, page: Page) -> None:
    """On a small phone, through the whole page by Tab: nothing that stays on the screen covers it."""
    begin(page, server, link)
    page.set_viewport_size({"width": 360, "height": 640})
    for path in ("/answer/1/1", "/answer/1/9/help", "/answer/1/review"):
        page.goto(server + path)
        hidden = []
        for _ in range(40):
            page.keyboard.press("Tab")
            found = page.evaluate(COVERED)
            if found is None:
                break
            if found:
                hidden.append(found)
        assert hidden == [], path


COVERED = """() => {
  const mine = document.activeElement;
  if (mine === document.body) return null;
  const box = (mine.closest("label") ?? mine).getBoundingClientRect();
  const [x, y] = [box.left + box.width / 2, box.top + Math.min(box.height / 2, 20)];
  const top = document.elementFromPoint(x, y);
  const inside = box.top >= 0 && box.top < innerHeight;
  return inside && top && (mine.contains(top) || top.contains(mine)) ? "" : mine.outerHTML.slice(0, 120);
}"""


def test_targets_are_large_enough(link: str, server: str, page: Page) -> None:
    begin(page, server, link)
    page.locator(".tools summary").click()
    heights = page.eval_on_selector_all(
        "a, button:not([hidden]), label.option, summary",
        "all => all.map((each) => each.getBoundingClientRect().height)",
    )
    assert len(heights) > 10
    assert min(heights) >= 44
    assert (
        min(page.eval_on_selector_all("label.option", "all => all.map((e) => e.getBoundingClientRect().height)")) >= 56
    )


# ---- Without a mouse, without eyes


@pytest.fixture
def quick(chromium: Browser) -> Iterator[Page]:
    """A page whose deaf moment after each turn can be passed over."""
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    context.clock.install()
    yield context.new_page()
    context.close()


PHQ, GAD = [*(f"phq{number}" for number in range(1, 10)), "difficulty"], [f"gad{number}" for number in range(1, 8)]


def press_until(page: Page, selector: str) -> None:
    """Tab until this has the focus."""
    for _ in range(30):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{page.url}: the keyboard does not reach {selector}")


def test_the_whole_battery_by_the_keyboard_alone(link: str, server: str, quick: Page, database: Database) -> None:
    page = quick
    page.goto(f"{server}/a/{link}")
    press_until(page, "input[name=month]")
    for value in TYPED_DATE.values():
        page.keyboard.type(value)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/answer")
    for _ in range(60):
        before, path = page.url, page.url.removeprefix(server)
        if path == "/answer/thanks":
            break
        page.clock.fast_forward(DEAF_MS + 1)
        if path.endswith("/9/help"):
            press_until(page, "a.button")
        elif path == "/answer" or path.endswith(("/review", "/break")):
            press_until(page, "main .button")
        elif path == "/answer/1/2":  # by the arrows; everywhere else by the number
            press_until(page, "input[type=radio]")
            page.keyboard.press("ArrowDown")
            press_until(page, "button.next")
        else:
            page.keyboard.press("2")
            press_until(page, "button.next")
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url, left=before: url != left)
    assert page.url.endswith("/answer/thanks")
    with database.reading() as session:
        given = session.execute(select(Response.item_id, Response.value).order_by(Response.id)).all()
        assert [tuple(each) for each in given] == [(each, 1) for each in (*PHQ, *GAD)]
        assert session.scalars(select(Assessment.completed_at).where(Assessment.started_at.is_not(None))).one()


STEM = "Over the last 2 weeks, how often have you been bothered by any of the following problems?"
TRANSCRIPT = f"""\
- main:
  - paragraph:
    - strong: Feelings 1 of 9
    - text: about 3 min left
  - group "{STEM} Little interest or pleasure in doing things":
    - text: {STEM}
    - heading "Little interest or pleasure in doing things" [level=1]
    - radio "Not at all"
    - text: Not at all
    - radio "Several days"
    - text: Several days
    - radio "More than half the days"
    - text: More than half the days
    - radio "Nearly every day"
    - text: Nearly every day
  - button "Next"
  - button "Skip this question"
"""


def test_what_a_screen_reader_says_of_an_item(link: str, server: str, page: Page) -> None:
    begin(page, server, link)
    heard = page.locator("main").aria_snapshot()
    assert heard.startswith(TRANSCRIPT.strip()), heard


def test_an_error_takes_the_focus_and_says_what_to_do(link: str, server: str, page: Page) -> None:
    begin(page, server, link)
    page.get_by_role("button", name="Next").click()
    problem = page.get_by_role("alert")
    expect(problem).to_be_focused()
    expect(problem).to_have_text("Please choose an answer, or press “Skip this question”.")


# ---- Reading aloud

VOICES = """voices => {
  window.said = [];
  const speech = {
    getVoices: () => voices.map((lang) => ({ lang, localService: true })),
    speak: (words) => window.said.push([words.lang, words.text]),
    cancel: () => window.said.push("cancelled"),
    addEventListener: () => {},
  };
  Object.defineProperty(window, "speechSynthesis", { value: speech });
  window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
}"""


def with_voices(context: BrowserContext, *voices: str) -> Page:
    context.add_init_script(f"({VOICES})({list(voices)!r})")
    return context.new_page()


def test_an_item_is_read_aloud_when_it_is_asked_for(link: str, server: str, browser_context: BrowserContext) -> None:
    page = with_voices(browser_context, "es-ES", "en_US")
    begin(page, server, link)
    page.wait_for_timeout(DEAF_MS + 200)
    assert page.evaluate("said") == []  # never by itself
    page.get_by_role("button", name="Read aloud").click()
    said = page.evaluate("said")
    assert [lang for lang, _text in said[1:]] == ["en"] * 6
    assert [text for _lang, text in said[1:]] == [
        STEM,
        "Little interest or pleasure in doing things",
        "Not at all",
        "Several days",
        "More than half the days",
        "Nearly every day",
    ]
    page.evaluate("said.length = 0")
    page.get_by_role("button", name="Stop reading").click()
    assert page.evaluate("said") == ["cancelled"]
    page.get_by_role("button", name="Read aloud").click()
    page.evaluate("said.length = 0")
    page.locator("label.option").first.click()
    page.get_by_role("button", name="Next").click()
    page.wait_for_url("**/answer/1/2")
    assert page.evaluate("said") == ["cancelled"]  # it stops when the question is left
    expect(page.get_by_role("button", name="Read aloud")).to_be_visible()


@pytest.mark.parametrize("voices", [[], ["es-ES"]])
def test_without_a_voice_of_the_item_s_language_nothing_is_offered(
    link: str, server: str, browser_context: BrowserContext, voices: list[str]
) -> None:
    page = with_voices(browser_context, *voices)
    begin(page, server, link)
    expect(page.locator("[data-listen]")).to_be_hidden()
    choose(page, "Español")  # the page is in Spanish, the item is not
    expect(page.get_by_role("button", name="Siguiente")).to_be_visible()
    expect(page.locator("[data-listen]")).to_be_hidden()
    axe.assert_accessible(page)
