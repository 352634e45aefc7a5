"""`jua phone` with answers piped into it, as in a script."""

import re

import httpx

from support.house import House


def test_a_send_is_made_from_a_pipe_and_its_message_shows(house: House) -> None:
    answers = ["4826", "4826", "1", "400", "+2348031680001", "1", "4826"]
    ran = house.command(
        *("phone", "--number", "+254712680001", "--lang", "en", "--wait", "30"),
        stdin="\n".join(answers) + "\n",
    )
    assert ran.status == 0, ran.err
    assert "Total" in ran.out
    assert "SMS from JUAPESA" in ran.out
    found = re.search(r"Jua Pesa (\w{10}): 40\d\.00 KES paid", ran.out)
    assert found, ran.out
    receipt = httpx.get(house.url("API", f"/api/receipts/{found[1]}"), trust_env=False)
    assert receipt.json()["status"] == "completed"


def test_without_a_house_the_phone_says_what_to_start(house: House) -> None:
    ran = house.command("phone", "--url", "http://127.0.0.1:9", stdin="")
    assert ran.status != 0
    assert "start everything with `jua up`" in ran.err
    assert "Traceback" not in ran.err
