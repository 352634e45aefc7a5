"""Somebody without a feature phone tries it in a browser, on a small screen, with script and without."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.house import House

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.needs_chromium

SMALL = {"width": 360, "height": 740}  # the width of the phones that most people have
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PIN = "7302"
PAYMENT_MS_MAX = 60_000
OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"


@contextmanager
def browser_page(chromium: str, *, script: bool) -> Iterator["Page"]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        page = browser.new_page(viewport=SMALL, java_script_enabled=script)
        try:
            yield page
        finally:
            browser.close()


def say(page: "Page", text: str, expected: str) -> None:
    """Type an answer, send it and wait for the screen that says ``expected``."""
    from playwright.sync_api import expect

    page.locator("#typed").fill(text)
    page.locator("#typed").press("Enter")
    expect(page.locator("#screen")).to_contain_text(expected, timeout=15_000)


def send_500_shillings(page: "Page", house: House, receiver: str) -> str:
    """First use and a whole send, as the page of Kenya's preset allows; the receipt's code."""
    say(page, "*789#", "Choose your language")
    say(page, "1", "Choose a PIN")
    say(page, PIN, "same PIN again")
    say(page, PIN, "Send money")
    say(page, "1", "Enter the amount in KES")
    say(page, "500", "Who gets it?")
    say(page, receiver, "Total 506 KES")
    say(page, "1", "Enter your PIN")
    say(page, PIN, "Receipt")
    found = re.search(r"Receipt (\w{10})", page.locator("#screen").inner_text())
    assert found, "the last screen names the receipt"
    return found[1]


def test_with_script_a_send_is_dialled_and_followed_to_its_end(
    house: House, chromium: str, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    with browser_page(chromium, script=True) as page:
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(house.url("USSD", "/phone"))
        page.get_by_role("link", name="Kenya").click()
        code = send_500_shillings(page, house, "+2348031670001")
        page.screenshot(path=tmp_path / "phone.png", full_page=True)
        assert page.evaluate(OVERFLOW) <= 0, "the phone scrolls sideways"

        message = page.locator(f'#messages a[href$="/p/{code}"]').first
        expect(message).to_be_visible(timeout=PAYMENT_MS_MAX)
        with page.expect_popup() as opened:
            message.click()
        receipt = opened.value
        receipt.set_viewport_size(SMALL)  # type: ignore[arg-type]
        receipt.on("pageerror", lambda error: complaints.append(str(error)))
        assert receipt.url == house.url("API", f"/p/{code}")
        expect(receipt.get_by_role("status")).to_have_text("Completed", timeout=PAYMENT_MS_MAX)
        settled = receipt.locator("li", has_text="Settlement and attestation")
        expect(settled).to_contain_text(re.compile(r"0x[0-9a-f]{64}"))
        expect(settled).to_contain_text("Entry of the attestation log")
        receipt.screenshot(path=tmp_path / "receipt.png", full_page=True)
        assert receipt.evaluate(OVERFLOW) <= 0, "the receipt scrolls sideways"
    assert complaints == []


def test_without_script_forms_alone_do_the_same(house: House, chromium: str, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    with browser_page(chromium, script=False) as page:
        page.goto(house.url("USSD", "/phone"))
        page.locator("#own").fill("+254712670002")
        page.get_by_role("button", name="Take").click()
        code = send_500_shillings(page, house, "+2348031670002")
        page.screenshot(path=tmp_path / "phone.png", full_page=True)
        page.goto(house.url("API", f"/p/{code}"))
        # Nothing but the page's own refresh brings the news.
        expect(page.get_by_role("status")).to_have_text("Completed", timeout=PAYMENT_MS_MAX)
        expect(page.locator("main")).to_contain_text(re.compile(r"0x[0-9a-f]{64}"))
        page.screenshot(path=tmp_path / "receipt.png", full_page=True)
        widest = page.locator("main").bounding_box()
        assert widest is not None
        assert widest["x"] + widest["width"] <= SMALL["width"]
