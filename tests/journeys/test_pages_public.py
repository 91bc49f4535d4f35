"""The pages anybody may open: no accessibility finding, nothing cut off, usable by keyboard and without JavaScript."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytestmark = pytest.mark.django_db(transaction=True)

ANSWER = "/check/?how=PORT_OUT&ended=2025-11-20&line=HANDSET&event=NEW&contract=2024-07-01"
PAGES = [
    "/",
    "/check/",
    ANSWER + "&kind=SUBSIDY&months=24&amount=345000",
    "/check/?how=&ended=2025-11-20&line=HANDSET&event=NEW&contract=",
    "/check/?how=IN_SERVICE&line=HANDSET&event=NEW&contract=2025-01-10&kind=DISCOUNT&months=24&amount=267000",
    "/help/",
    "/help/bring/",
    "/help/protection/",
    "/help/privacy/",
    "/help/accessibility/",
    "/help/words/",
    "/messages/",
    "/messages/call/",
    "/clock/",
    "/no-such-page/",
]


def findings(page) -> list[str]:
    """The violations that axe reports of the page that stands, with every disclosure open."""
    page.wait_for_load_state()
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    violations = Axe().run(page).response["violations"]
    return [f"{violation['id']}: {node['html'][:120]}" for violation in violations for node in violation["nodes"]]


def overflow(page, width: int) -> int:
    """Width of the page beyond the screen, in pixels."""
    page.set_viewport_size({"width": width, "height": 800})
    return page.evaluate("document.documentElement.scrollWidth") - width


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_finding_and_fits(at, page, path):
    at("2026-01-05T10:00+09:00" if "IN_SERVICE" in path else "2026-01-20T10:00+09:00")
    page.goto(path)
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert findings(page) == []
    assert overflow(page, 320) <= 0
    expect(page.locator("h1")).to_have_count(1)


@pytest.mark.parametrize(
    "now", ["2025-12-30T10:00+09:00", "2026-01-05T10:00+09:00", "2026-01-31T10:00+09:00", "2026-02-10T10:00+09:00"]
)
def test_home_fits_in_every_phase_and_in_the_dark(at, page, now):
    at(now)
    page.emulate_media(color_scheme="dark")
    page.goto("/")
    assert findings(page) == []
    assert overflow(page, 320) <= 0


@pytest.mark.parametrize("path", ["/", "/help/", "/help/words/", "/messages/", "/messages/call/"])
def test_a_page_reflows_with_text_twice_as_large(at, page, path):
    at("2026-01-20T10:00+09:00")
    page.goto(path)
    page.evaluate("document.documentElement.style.fontSize = '200%'")  # styles from elsewhere are refused
    assert overflow(page, 360) <= 0


def test_the_quick_check_by_keyboard_alone(at, page):
    at("2026-01-20T10:00+09:00")
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "본문으로 건너뛰기"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # into the main part: the one button of the page
    assert "내 회선 확인하기" in page.evaluate("document.activeElement.textContent")
    page.goto("/check/")
    assert page.locator("select option:checked[value]:not([value=''])").count() == 0, "nothing is chosen beforehand"
    page.locator("#id_how_0").focus()
    page.keyboard.press("Space")
    page.locator("#id_line").focus()
    page.keyboard.press("ArrowDown")
    page.locator("#id_event").focus()
    page.keyboard.press("ArrowDown")
    page.locator("#id_ended").fill("2025-11-20")
    page.locator("#id_contract").fill("2024-07-01")
    page.keyboard.press("Enter")
    page.wait_for_url("**/check/?how=PORT_OUT**")
    expect(page.locator("h1")).to_have_text("환급 대상으로 보입니다")


def test_without_javascript_one_can_switch_language_and_check(at, browser, live_server):
    at("2026-01-20T10:00+09:00")
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False, locale="ko-KR")
    page = context.new_page()
    page.goto("/check/")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.wait_for_url("**/check/")
    page.locator("button[name=language]").click()
    page.locator("#id_how_1").check()
    page.locator("#id_line").select_option("HANDSET")
    page.locator("#id_event").select_option("NEW")
    page.locator("#id_ended").fill("2025-12-31")
    page.locator("#id_contract").fill("2025-09-01")
    page.get_by_role("button", name="알아보기").click()
    expect(page.locator("h1")).to_have_text("이번 환급 대상이 아닌 것으로 보입니다")
    context.close()


def test_the_error_summary_takes_the_focus(at, page):
    at("2026-01-20T10:00+09:00")
    page.goto("/check/?how=&ended=&line=HANDSET&event=NEW&contract=")
    assert page.evaluate("document.activeElement.className") == "error-summary"
    page.locator(".error-summary a").first.click()
    assert page.evaluate("document.activeElement.id") == "id_how"


def test_paper_carries_the_main_column(at, page):
    at("2026-01-20T10:00+09:00")
    page.goto(ANSWER)
    page.emulate_media(media="print")
    for hidden in (".clockbar", ".site-foot", ".btn"):
        assert not page.locator(hidden).first.is_visible()
    assert page.locator("h1").is_visible()
