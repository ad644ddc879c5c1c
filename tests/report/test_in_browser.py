"""The page in a headless Chromium: what people do with it, by mouse and by keyboard."""

import pytest
from accessibility import AXE, contrast_failures, violations
from browser import PATH, Browser
from fitted_states import HOSTILE, fitted_state

from softtopic.report.page import write_report

pytestmark = pytest.mark.skipif(PATH is None, reason="Chromium is not on this machine")

TEXTS = [f"document {row} about {('rockets', 'bread')[row % 2]}" for row in range(300)]
NAMES = ["sql", "space", "bread", "taxes", "photos", "music"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    state = fitted_state(300, texts=TEXTS, names=NAMES, times=[f"20{10 + row % 5}" for row in range(300)])
    write_report(state, path, classes=["red" if row % 3 else "blue" for row in range(300)])
    return path


@pytest.fixture
def opened(browser, page):
    browser.open(page)
    yield browser
    assert browser.errors == []
    assert [url for url in browser.requests if not url.startswith(("file:", "about:"))] == []


def names(browser) -> list[str]:
    return browser.run("[...document.querySelectorAll('#topic-list .name')].map((one) => one.textContent)")


def status(browser) -> str:
    return browser.run("document.getElementById('status').textContent")


def heading(browser) -> str | None:
    return browser.run("document.querySelector('#detail h2')?.textContent")


def change(browser, control: str, value: str) -> None:
    browser.run(
        f"(() => {{ const one = document.getElementById('{control}'); one.value = '{value}';"
        " one.dispatchEvent(new Event('change')); })()"
    )


def drawn(browser) -> int:
    """Number of pixels of the map that are not blank."""
    return browser.run(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {"
        "const c = document.getElementById('canvas');"
        "const copy = new OffscreenCanvas(c.width, c.height).getContext('2d', { willReadFrequently: true });"
        "copy.drawImage(c, 0, 0); const d = copy.getImageData(0, 0, c.width, c.height).data;"
        "let count = 0; for (let p = 3; p < d.length; p += 4) if (d[p]) count++; done(count); })))"
    )


def test_topics_and_documents_are_shown(opened):
    assert sorted(names(opened)) == sorted(NAMES)
    assert opened.run("document.getElementById('summary').textContent") == "6 topics, 300 documents"
    assert drawn(opened) > 1000


def test_a_click_on_a_topic_shows_its_words_documents_and_trend(opened):
    opened.run("document.querySelector('#topic-list button').click()")
    assert heading(opened) == names(opened)[0]
    panel = opened.run("document.getElementById('detail').textContent")
    for part in ("Words", "Share over time", "Share of classes", "Topics with similar words", "Typical", "Borderline"):
        assert part in panel
    typical = opened.run("document.querySelector('.documents').textContent")
    opened.run("document.querySelector('[data-tab=borderline]').click()")
    assert opened.run("document.querySelector('.documents').textContent") != typical
    assert opened.run("document.activeElement.dataset.tab") == "borderline"


def test_search_finds_documents_and_topics(opened):
    opened.run("document.getElementById('query').focus()")
    opened.write("rockets")
    opened.wait("document.getElementById('status').textContent.includes('match')")
    assert status(opened) == "150 documents and 0 topics match “rockets”"
    assert opened.run("document.querySelectorAll('.documents mark').length") == 60
    opened.run("document.getElementById('reset').click()")
    assert (status(opened), len(names(opened))) == ("", 6)
    opened.write("about rockets")
    opened.wait("document.querySelectorAll('.documents mark').length === 120")
    assert set(opened.run("[...document.querySelectorAll('mark')].map((one) => one.textContent)")) == {
        "about",
        "rockets",
    }
    opened.run("document.getElementById('reset').click()")
    opened.write("bread")
    opened.wait("document.getElementById('status').textContent.includes('match')")
    assert names(opened) == ["bread"]


def test_filters_count_the_documents_that_are_left(opened):
    change(opened, "class", "0")
    assert status(opened) == "100 documents of 300"
    change(opened, "from", "4")
    assert status(opened) == "20 documents of 300"
    before = drawn(opened)
    opened.run("document.getElementById('reset').click()")
    assert drawn(opened) > before


def test_a_click_on_a_point_shows_its_document(opened):
    found = opened.run("""(() => {
        const box = document.getElementById('canvas').getBoundingClientRect();
        return [box.left, box.top, box.width, box.height];
    })()""")
    left, top, width, height = found
    shown = False
    for x in range(20, int(width), 12):
        opened.mouse("mouseMoved", left + x, top + height / 2)
        if not opened.run("document.getElementById('hover').hidden"):
            shown = True
            opened.click(left + x, top + height / 2)
            break
    assert shown
    assert "document" in opened.run("document.querySelector('.documents .now').textContent")
    assert heading(opened) in NAMES


def test_everything_is_reached_by_the_keyboard(opened):
    opened.key("/")
    assert opened.run("document.activeElement.id") == "query"
    for _ in range(20):
        opened.key("Tab")
        if opened.run("document.activeElement.dataset.topic !== undefined"):
            break
    first, second = names(opened)[:2]
    opened.key("Enter")
    assert heading(opened) == first
    opened.key("ArrowDown")
    opened.key("Enter")
    assert heading(opened) == second
    opened.key("Escape")
    assert heading(opened) is None
    assert opened.run("document.activeElement.querySelector('.name').textContent") == second
    opened.run("document.getElementById('canvas').focus()")
    for key in ("ArrowLeft", "+", "-", "0"):
        opened.key(key)
    assert drawn(opened) > 1000


def test_every_control_has_a_name(opened):
    opened.run("document.querySelector('#topic-list button').click()")
    nameless = opened.run("""[...document.querySelectorAll('button, input, select, canvas, section, nav')].filter(
        (one) =>
        !one.getAttribute('aria-label') && !one.textContent.trim() && !one.closest('label')?.textContent.trim())
        .map((one) => one.outerHTML.slice(0, 80))""")
    assert nameless == []
    pressed = opened.run("document.querySelectorAll('#topic-list [aria-pressed=true]').length")
    assert pressed == 1


def test_light_and_dark(opened):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = opened.run(ground)
    opened.run("document.getElementById('theme').click()")
    assert opened.run(ground) != light
    assert opened.run("document.getElementById('theme').textContent") == "Light"


def test_texts_have_contrast_in_light_and_dark(opened):
    for _ in range(2):
        opened.run("document.getElementById('theme').click()")
        for step in ("''", "document.querySelector('#topic-list button').click()"):
            opened.run(step)
            assert contrast_failures(opened) == []
        opened.run("document.getElementById('query').value = 'rockets'")
        opened.run("document.getElementById('query').dispatchEvent(new Event('input'))")
        opened.wait("document.querySelectorAll('mark').length > 0")
        assert contrast_failures(opened) == []
        opened.run("document.getElementById('reset').click()")
        opened.run("document.querySelector('#detail button').click()")


def test_the_check_of_contrast_sees_grey_on_grey(opened):
    opened.run("document.getElementById('summary').setAttribute('id', 'other')")
    opened.run("document.getElementById('other').style.color = '#999999'")
    assert [text for text, _ in contrast_failures(opened)] == ["6 topics, 300 documents"]


@pytest.mark.skipif(AXE is None, reason="axe-core is not at hand; SOFTTOPIC_AXE names its file axe.min.js")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_wrong(browser, page, theme):
    browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
    for fragment in ("", "#topic=2"):
        browser.open(page, fragment=fragment)
        assert violations(browser) == []
    browser.send("Emulation.setEmulatedMedia", features=[])


def test_a_topic_has_an_address(browser, page):
    browser.open(page, fragment="#topic=2")
    assert heading(browser) == "bread"


def test_a_phone_shows_all_in_one_column(browser, page):
    browser.open(page, width=390, height=800)
    assert browser.run("document.documentElement.scrollWidth") <= 390
    browser.run("document.querySelector('#topic-list button').click()")
    assert browser.run("document.documentElement.scrollWidth") <= 390
    assert drawn(browser) > 500
    assert browser.errors == []


def test_texts_that_look_like_code_are_shown_as_they_are(browser, tmp_path):
    texts = [HOSTILE[row % len(HOSTILE)] for row in range(60)]
    write_report(fitted_state(texts=texts, names=HOSTILE), tmp_path / "page.html", classes=texts, title=HOSTILE[0])
    browser.open(tmp_path / "page.html")
    assert sorted(names(browser)) == sorted(HOSTILE)
    assert browser.run("document.querySelector('h1').textContent") == HOSTILE[0]
    browser.run("document.querySelector('#topic-list button').click()")
    shown = browser.run(
        "[...document.querySelectorAll('.documents button > span:first-child')].map((one) => one.textContent)"
    )
    assert set(shown) <= set(texts)
    assert browser.run("document.querySelectorAll('img, b, i, iframe').length") == 0
    assert browser.errors == []
