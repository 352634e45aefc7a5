"""The drawn phone: by plain forms without script, and in Chromium with it."""

import re
import shutil
from collections.abc import Iterator
from html import unescape

import httpx
import pytest

from juapesa.db import Database
from support.ussd_phone import PIN, World
from support.ussd_server import ussd_server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def bridge(database: Database) -> Iterator[tuple[str, World]]:
    with ussd_server(database) as found:
        yield found


class Forms:
    """A browser without script: it sends the form that the page holds."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url)
        self.page = self._client.get("/phone").text

    def press(self, typed: str | None = None, action: str = "send", key: str = "") -> str:
        fields = {name: self.field(name) for name in ("number", "session", "path", "screen", "typed")}
        if typed is not None:
            fields["typed"] = typed
        fields |= {"key": key} if key else {"action": action}
        answer = self._client.post("/phone", data=fields)
        assert answer.status_code == 200
        self.page = answer.text
        return self.screen

    @property
    def screen(self) -> str:
        found = re.search(r'<pre id="screen"[^>]*>(.*?)</pre>', self.page, re.S)
        assert found
        return unescape(found[1])

    def field(self, name: str) -> str:
        found = re.search(rf'<input [^>]*\bname="{name}" value="([^"]*)"', self.page)
        assert found, name
        return unescape(found[1])


def test_without_script_a_whole_payment_is_made_with_forms(bridge: tuple[str, World]) -> None:
    url, world = bridge
    phone = Forms(url)
    assert phone.field("typed") == "*789#"
    assert "Choose your language" in phone.press()
    for answer in ("1", PIN, PIN, "1", "1000", "+2348031234567"):
        phone.press(answer)
    assert "Total 1,006 KES" in phone.screen
    phone.press("1")
    assert phone.screen.startswith("You pay")
    for digit in PIN:
        phone.press(key=digit)
    assert phone.field("typed") == PIN
    assert "Receipt K7Q2M4X" in phone.press()
    assert phone.field("session") == ""
    [(_, summary)] = world.payments.payments.values()
    phone.press(action="end")
    assert f'href="{world.settings.public_url}/p/{summary.code}"' in phone.page


def test_the_keypad_types_and_clears_without_script(bridge: tuple[str, World]) -> None:
    phone = Forms(bridge[0])
    phone.press("", key="*")
    phone.press(key="#")
    assert phone.field("typed") == "*#"
    phone.press(action="clear")
    assert phone.field("typed") == "*"


def test_another_code_is_unknown(bridge: tuple[str, World]) -> None:
    assert Forms(bridge[0]).press("*100#") == "Unknown code. Dial *789#"


def test_hanging_up_tells_the_gateway_and_the_next_dial_resumes(bridge: tuple[str, World]) -> None:
    url, world = bridge
    world.customer()
    phone = Forms(url)
    phone.press()
    phone.press("1")
    phone.press("1000")
    assert phone.press(action="end") == ""
    with world.db.unit_of_work() as uow:
        assert uow.one("SELECT ended_as FROM ussd.sessions WHERE open") == {"ended_as": "incomplete"}
    assert "1. Resume" in phone.press("*789#")


def test_nothing_that_is_typed_becomes_markup(bridge: tuple[str, World]) -> None:
    client = httpx.Client(base_url=bridge[0])
    evil = '"><script>alert(1)</script>'
    form = {"number": evil, "session": evil, "path": evil, "screen": evil, "typed": evil, "key": "<"}
    page = client.post("/phone", data=form).text
    assert "<script>alert" not in page
    assert "<script>alert" not in client.get("/phone", params={"number": evil}).text


def test_the_page_is_guarded_by_headers(bridge: tuple[str, World]) -> None:
    client = httpx.Client(base_url=bridge[0])
    for path in ("/phone", "/phone/phone.js", "/phone/phone.css", "/phone/inbox"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    page = client.get("/phone").text
    assert not re.search(r"<script>|\son\w+=|style=", page)


def test_an_sms_gateway_that_is_away_does_not_break_the_phone(database: Database) -> None:
    with ussd_server(database, sms=False) as (url, _):
        assert httpx.get(f"{url}/phone/inbox").json() == {"messages": None}
        page = httpx.get(f"{url}/phone")
        assert page.status_code == 200
        assert "The SMS sandbox does not answer." in page.text


def test_there_is_no_phone_page_where_messages_reach_real_people(database: Database) -> None:
    with ussd_server(database, username="juapesa-live") as (url, _):
        assert httpx.get(f"{url}/phone").status_code == 404
        assert httpx.post(f"{url}/phone").status_code == 404
        assert httpx.get(f"{url}/health").json() == {"ok": True}


@pytest.mark.needs_chromium
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [360, 1180])
def test_in_chromium_a_person_dials_pays_and_opens_the_receipt(bridge: tuple[str, World], width: int) -> None:
    from playwright.sync_api import expect, sync_playwright

    url, world = bridge
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": width, "height": 780})
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{url}/phone")
        screen = page.locator("#screen")
        page.get_by_role("button", name="Call or send").click()
        expect(screen).to_contain_text("Choose your language")
        for answer in ("1", PIN, PIN, "1", "1000"):
            for digit in answer:
                page.locator(f'.key[value="{digit}"]').click()
            before = screen.inner_text()
            page.locator("#send").click()
            expect(screen).not_to_have_text(before)
        page.locator("#typed").fill("+2348031234567")
        page.keyboard.press("Enter")
        expect(screen).to_contain_text("Total 1,006 KES")
        page.locator('.key[value="1"]').click()
        page.keyboard.press("Enter")
        expect(screen).to_contain_text("Enter your PIN")
        page.locator("#typed").fill(PIN)
        page.keyboard.press("Enter")
        expect(screen).to_contain_text("Receipt K7Q2M4X")
        link = page.locator("#messages a")
        expect(link).to_have_count(1, timeout=6000)
        with page.expect_popup() as opened:
            link.click()
        expect(opened.value.locator("body")).to_contain_text("Receipt K7Q2M4X")
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        browser.close()
    assert overflow <= 0, "the page scrolls sideways"
    assert complaints == []
    assert len(world.payments.payments) == 1
