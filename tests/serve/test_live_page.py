"""The served page in a headless Chromium: new texts, files and edits, by mouse and by keyboard."""

import shutil

import pytest
from accessibility import AXE, contrast_failures, violations
from browser import PATH, READY, Browser
from serving import running

from softtopic import TopicModel

pytestmark = pytest.mark.skipif(PATH is None, reason="Chromium is not on this machine")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def opened(browser, folder):
    with running(folder) as client:
        url = str(client.base_url)
        browser.open(url)
        yield browser
        assert browser.errors == []
        assert [one for one in browser.requests if not one.startswith((url, "about:", "data:", "blob:"))] == []


def names(browser) -> list[str]:
    return sorted(browser.run("[...document.querySelectorAll('#topic-list .name')].map((one) => one.textContent)"))


def said(browser) -> str:
    return browser.run("document.getElementById('live-status').textContent")


def panel(browser) -> str:
    return browser.run("document.getElementById('answer').hidden ? '' : document.getElementById('answer').textContent")


def click(browser, selector: str) -> None:
    """A click of the mouse in the middle of an element."""
    found = browser.run(f"""(() => {{
        const one = document.querySelector('{selector}');
        one.scrollIntoView({{ block: "center" }});
        const box = one.getBoundingClientRect();
        return [box.left + box.width / 2, box.top + box.height / 2];
    }})()""")
    browser.click(*found)


def choose(browser, name: str) -> None:
    browser.run(
        "[...document.querySelectorAll('#topic-list button')]"
        f".find((one) => one.querySelector('.name').textContent === '{name}').click()"
    )
    browser.wait("document.querySelector('#detail #rename')")
    browser.run("document.querySelector('#detail details').open = true")


def test_a_text_that_is_written_gets_topics_and_neighbours(opened):
    click(opened, "#new-text")
    opened.write("The telescope in orbit photographed a galaxy")
    click(opened, "#find")
    opened.wait("!document.getElementById('answer').hidden")
    assert "Nearest documents" in panel(opened)
    assert opened.run("document.querySelectorAll('#answer .documents li').length") == 5
    title = opened.run("document.querySelector('#answer h2').textContent")
    assert title in ("databases", "space", "bread", "taxes")
    click(opened, "#answer .bars button")
    assert opened.run("document.querySelector('#detail h2').textContent") == title


def test_a_text_that_is_pasted_is_read_at_once(opened):
    opened.run("document.getElementById('new-text').focus()")
    opened.write("Knead the bread dough")
    opened.run("document.getElementById('new-text').dispatchEvent(new ClipboardEvent('paste'))")
    opened.wait("!document.getElementById('answer').hidden")
    assert said(opened) == ""


def drop(browser, name: str, content: str) -> None:
    browser.run(f"""(() => {{
        const carried = new DataTransfer();
        carried.items.add(new File([{content!r}], {name!r}));
        for (const kind of ["dragover", "drop"])
            window.dispatchEvent(new DragEvent(kind, {{ dataTransfer: carried, bubbles: true, cancelable: true }}));
    }})()""")


def test_a_file_that_is_dropped_gets_topics(opened):
    drop(opened, "posts.csv", "text,key\nThe telescope in orbit,1\nKnead the dough,2\n<b>sql</b> table,3\n")
    opened.wait("!document.getElementById('answer').hidden")
    assert opened.run("document.querySelector('#answer h2').textContent") == "3 texts of posts.csv"
    assert opened.run("document.querySelectorAll('#answer .documents li').length") == 3
    assert "<b>sql</b> table" in panel(opened)
    assert opened.run("document.querySelectorAll('#answer b').length") == 0
    assert not opened.run("document.getElementById('column-control').hidden")
    drop(opened, "lines.txt", "one telescope\ntwo taxes\n")
    opened.wait("document.querySelector('#answer h2').textContent === '2 texts of lines.txt'")
    drop(opened, "picture.png", "x")
    opened.wait("document.getElementById('live-status').textContent.includes('picture.png is no')")


def test_topics_are_renamed_merged_and_dropped_with_the_mouse(opened, folder):
    choose(opened, "space")
    click(opened, "#new-name")
    opened.run("document.getElementById('new-name').select()")
    opened.write("outer space")
    click(opened, "#rename button")
    opened.wait("document.getElementById('live-status').textContent.includes('is named')")
    assert names(opened) == ["bread", "databases", "outer space", "taxes"]
    assert opened.run("document.querySelector('#detail h2').textContent") == "outer space"
    opened.run("document.getElementById('partner').selectedIndex = 0")
    other = opened.run("document.getElementById('partner').selectedOptions[0].textContent")
    click(opened, "#merge button")
    opened.wait("document.getElementById('live-status').textContent.includes('are one topic')")
    assert len(names(opened)) == 3
    assert other in ("bread", "databases", "taxes")
    choose(opened, names(opened)[0])
    click(opened, "#drop")
    opened.wait("document.getElementById('live-status').textContent.includes('is dropped')")
    assert names(opened) == sorted(TopicModel.load(folder).topic_names_)
    assert len(names(opened)) == 2
    for count in (3, 4, 4):
        assert opened.run("document.activeElement.id") == "undo"
        click(opened, "#undo")
        opened.wait(f"document.querySelectorAll('#topic-list li').length === {count}")
        opened.wait("document.getElementById('live-status').textContent.includes('taken back')")
    opened.wait("document.querySelector('#topic-list').textContent.includes('outer space') === false")
    assert names(opened) == sorted(TopicModel.load(folder).topic_names_) == ["bread", "databases", "space", "taxes"]


def test_a_topic_is_dragged_onto_another(opened, folder):
    opened.run("""(() => {
        const [one, other] = document.querySelectorAll('#topic-list li');
        one.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }));
        const carried = new DataTransfer();
        const send = (target, kind) =>
            target.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
        send(one, 'dragstart'); send(other, 'dragover'); send(other, 'drop'); send(one, 'dragend');
    })()""")
    opened.wait("document.querySelectorAll('#topic-list li').length === 3")
    opened.wait("document.getElementById('live-status').textContent.includes('are one topic')")
    assert TopicModel.load(folder).state_.n_topics == 4
    assert len(TopicModel.load(folder).topic_ids_) == 3


def focus_by_tab(browser, condition: str) -> None:
    for _ in range(60):
        browser.key("Tab")
        if browser.run(f"document.activeElement.matches('{condition}')"):
            return
    raise AssertionError(f"{condition} is not reached")


def test_everything_is_done_by_the_keyboard_alone(opened, folder):
    focus_by_tab(opened, "#new-text")
    opened.write("telescope in orbit")
    focus_by_tab(opened, "#find")
    opened.key("Enter")
    opened.wait("!document.getElementById('answer').hidden")
    focus_by_tab(opened, "#answer .bars button")
    opened.key("Enter")
    opened.wait("document.activeElement.id === 'detail'")
    focus_by_tab(opened, "summary")
    opened.key("Enter")
    focus_by_tab(opened, "#new-name")
    opened.run("document.activeElement.select()")
    opened.write("named by keys")
    opened.key("Enter")
    opened.wait("document.activeElement.id === 'undo'")
    assert "named by keys" in TopicModel.load(folder).topic_names_
    opened.key("Enter")
    opened.wait("document.getElementById('live-status').textContent.includes('taken back')")
    assert "named by keys" not in TopicModel.load(folder).topic_names_


def test_every_control_has_a_name_and_texts_have_contrast(opened):
    choose(opened, "space")
    for theme in ("light", "dark"):
        opened.run(
            f"if (document.documentElement.dataset.theme !== '{theme}') document.getElementById('theme').click()"
        )
        opened.run("document.getElementById('answer').hidden = true")
        opened.run("document.getElementById('new-text').value = 'telescope'")
        click(opened, "#find")
        opened.wait("!document.getElementById('answer').hidden")
        assert contrast_failures(opened) == []
    nameless = opened.run("""[...document.querySelectorAll('button, input, select, textarea, section, nav')].filter(
        (one) => !one.getAttribute('aria-label') && !one.textContent.trim() && !one.labels?.length &&
        !one.closest('label') && !one.hasAttribute('aria-hidden')).map((one) => one.outerHTML.slice(0, 80))""")
    assert nameless == []


@pytest.mark.parametrize("width", [390, 800])
def test_narrow_windows_show_all_of_it(browser, folder, width):
    with running(folder) as client:
        browser.open(str(client.base_url), width=width, height=800)
        assert browser.run("document.documentElement.scrollWidth") <= width
        browser.run("document.getElementById('new-text').value = 'telescope'")
        browser.run("document.getElementById('find').click()")
        browser.wait("!document.getElementById('answer').hidden")
        choose(browser, "space")
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.errors == []


@pytest.mark.skipif(AXE is None, reason="axe-core is not at hand; SOFTTOPIC_AXE names its file axe.min.js")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_wrong(browser, folder, theme):
    with running(folder) as client:
        for path, ready in (("/", READY), ("/docs", "document.querySelector('h1') !== null")):
            browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
            browser.open(f"{client.base_url}{path}", ready=ready)
            if path == "/":
                choose(browser, "space")
                browser.run("document.getElementById('new-text').value = 'telescope'")
                browser.run("document.getElementById('find').click()")
                browser.wait("!document.getElementById('answer').hidden")
            assert violations(browser) == []
    browser.send("Emulation.setEmulatedMedia", features=[])


def test_a_read_only_page_has_no_edits(browser, folder):
    with running(folder, read_only=True) as client:
        browser.open(str(client.base_url))
        browser.run("document.querySelector('#topic-list button').click()")
        assert browser.run("document.querySelector('#detail h2').textContent")
        assert browser.run("document.querySelectorAll('#rename, #merge, #drop').length") == 0
        assert browser.run("document.getElementById('undo').hidden")
        assert browser.errors == []


def test_what_is_wrong_is_shown(browser, folder):
    with running(folder) as client:
        browser.open(str(client.base_url))
        choose(browser, "space")
        browser.run("document.getElementById('new-name').value = 'bread'")
        click(browser, "#rename button")
        browser.wait("document.getElementById('live-status').classList.contains('wrong')")
        assert "give distinct names" in said(browser)
        shutil.rmtree(folder)
        click(browser, "#drop")
        browser.wait("document.getElementById('live-status').textContent.includes('was changed by another program')")
        assert len(names(browser)) == 4


def test_the_page_of_the_interface_is_plain(browser, folder):
    with running(folder) as client:
        browser.open(f"{client.base_url}/docs", ready="document.querySelector('h1') !== null")
        assert browser.run("document.querySelectorAll('section').length") == 7
        assert contrast_failures(browser) == []
        assert browser.errors == []
