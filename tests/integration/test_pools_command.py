"""`jua pools` at deployed pools, as a provider types it."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from juapesa import cli
from juapesa.crypto import keccak256
from juapesa.crypto.keyfile import keyfile_address, open_keyfile, write_keyfile
from support.evm import REPOSITORY, play_key, running_anvil
from support.pools_chain import CONFIGURE, LATE, MIDS_E18, MINT, SETTINGS, SWAP, PoolsChain, deploy_pools

pytestmark = pytest.mark.needs_evm

KEY = keccak256(b"juapesa tests provider")
PASSPHRASE = "a provider's own words"
NOBODY = "0x" + "0" * 40


@dataclass
class Desk:
    """A provider's shell."""

    chain: PoolsChain
    folder: Path
    patch: pytest.MonkeyPatch
    said: pytest.CaptureFixture[str]

    @property
    def keyfile(self) -> str:
        return str(self.folder / "key.json")

    def jua(self, *arguments: str) -> tuple[int, str, str]:
        """`jua pools …`: status, standard output, standard error."""
        with pytest.raises(SystemExit) as ended:
            cli.main(["pools", *arguments])
        told = self.said.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, told.out, told.err

    def json(self, *arguments: str) -> dict[str, Any]:
        """What it answers with --json; nothing else is on standard output."""
        status, out, err = self.jua(*arguments, "--json")
        assert status == 0, err
        found = json.loads(out)
        assert isinstance(found, dict)
        return found


@pytest.fixture(scope="module")
def pools(forge_output: Path) -> Iterator[PoolsChain]:
    with running_anvil() as node:
        made = deploy_pools(node)
        owner = play_key("provider").address
        node.ask("anvil_setBalance", owner, hex(10**21))
        for token in made.tokens.values():
            made.send(MINT, owner, 10**15, to=token)
        limited = (*SETTINGS[:9], 30_000, 100_000, *SETTINGS[11:])
        made.send(CONFIGURE, made.tokens["cKES"], limited)
        yield made


@pytest.fixture
def desk(
    pools: PoolsChain,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Desk:
    contracts = {"registry": NOBODY, "router": NOBODY, "pools": pools.pools}
    record = {
        "network": "hedera-local",
        "chain_id": 298,
        "contracts": {name: {"address": at, "block": 0} for name, at in contracts.items()},
        "tokens": {symbol: {"address": at} for symbol, at in pools.tokens.items()},
    }
    (tmp_path / "hedera-local.json").write_text(json.dumps(record))
    write_keyfile(tmp_path / "key.json", KEY, PASSPHRASE)
    monkeypatch.setenv("JUA_CONFIG", str(tmp_path / "none.toml"))
    monkeypatch.setenv("JUA_CHAIN__RPC_URL", pools.node.url)
    monkeypatch.setenv("JUA_CHAIN__DEPLOYMENTS_DIR", str(tmp_path))
    monkeypatch.setenv("JUA_CHAIN__PRICE_URLS", '["http://127.0.0.1:9/1"]')
    monkeypatch.setenv("JUA_LP_KEYFILE", str(tmp_path / "key.json"))
    monkeypatch.setenv("JUA_LP_PASSPHRASE", PASSPHRASE)
    for symbol, mid in MIDS_E18.items():
        pools.price(symbol, mid)
    return Desk(pools, tmp_path, monkeypatch, capsys)


def test_pools_are_listed_and_shown_with_all_that_a_provider_asks(desk: Desk) -> None:
    listed = desk.json("list")["pools"]
    assert [each["token"] for each in listed] == ["cKES", "cNGN"]
    shown = desk.json("show", "ckes")
    assert shown["price_usdc"] == "0.007720000000000000"
    assert shown["reserves"]["USDC"] == "100000.000000"
    assert (shown["sells"], shown["buys"]) == ("open", "open")
    assert float(shown["room_usdc"]["sell_hour"]) == pytest.approx(6_000, rel=0.02)
    assert 1.0 <= float(shown["share_price_usdc"]) < 1.01
    assert [each["days"] for each in shown["terms"]] == [0, 30, 90, 180]
    assert (shown["settings"]["skew_ppm"], shown["settings"]["hour_ppm"]) == (20_000, 30_000)
    status, out, _ = desk.jua("show", "cKES")
    assert status == 0
    assert "1 USDC = 129.5336 cKES" in out
    assert max(map(len, out.splitlines())) <= 110


def test_a_quote_says_what_comes_out_and_what_the_way_costs(desk: Desk) -> None:
    there = desk.json("quote", "1000", "cKES", "cNGN")
    assert [hop["side"] for hop in there["hops"]] == ["sell", "buy"]
    assert 800 <= there["cost_ppm"] <= 3_500
    assert there["newest_prices"] is False
    back = desk.json("quote", there["get"]["amount"], "cKES", "cNGN", "--exact-out")
    assert float(back["give"]["amount"]) == pytest.approx(1_000, abs=0.01)
    status, out, err = desk.jua("quote", "10000000", "cKES", "USDC")
    assert (status, out) == (2, "")
    assert "exchange-limit" in err


def test_a_providers_round_from_deposit_to_fees(desk: Desk) -> None:
    owner = keyfile_address(Path(desk.keyfile))
    planned = desk.json("deposit", "cKES", "500000", "4000", "--term", "1", "--dry-run")
    assert planned["dry_run"] is True
    assert planned["plan"]["steps"][-1] == "deposit"
    assert desk.json("position", owner)["positions"] == []
    done = desk.json("deposit", "cKES", "500000", "4000", "--term", "1", "--yes")
    assert done["done"]["shares"] == done["plan"]["shares"] == planned["plan"]["shares"]
    assert len(done["transactions"]) == 3  # two approvals
    one = desk.json("deposit-one-side", "cKES", "100", "--usdc", "--yes")
    assert one["done"]["usdc_in"] == "100.000000"
    token, usdc = desk.chain.tokens["cKES"], desk.chain.tokens["USDC"]
    desk.chain.send(SWAP, usdc, token, 2_000 * 10**6, 0, desk.chain.node.account(), LATE)
    held = desk.json("position", owner)["positions"]
    assert [each["term"] for each in held] == [0, 1]
    assert held[1]["unlock_at"] is not None
    claimed = desk.json("claim-fees", "cKES", "--term", "1", "--yes")
    assert float(claimed["done"]["fees"]) > 0
    out = desk.json("withdraw", "cKES", "all", "--yes")
    assert out["done"]["shares"] == held[0]["shares"]
    out = desk.json("withdraw", "cKES", "10.5", "--term", "1", "--yes")
    assert out["done"]["shares"] == "10.500000"
    left = desk.json("position", owner)["positions"][1]["shares"]  # the other has fees to claim only
    status, _, err = desk.jua("withdraw", "cKES", "all", "--yes")
    assert status == 2
    assert f"At term 0 there are 0.000000 shares, at term 1 {Decimal(left):,}." in err
    status, text, _ = desk.jua("position", owner)
    assert status == 0
    assert "term 1 (30 days)" in text


@pytest.mark.parametrize("typed", ["n\n", "\n", ""])
def test_nothing_moves_without_a_yes(desk: Desk, typed: str) -> None:
    before = desk.json("list")
    desk.patch.setattr("sys.stdin", io.StringIO(typed))
    status, out, err = desk.jua("deposit", "cKES", "1000", "10")
    assert status == 130, (out, err)
    assert "shares" in out
    assert desk.json("list")["pools"][0]["shares"] == before["pools"][0]["shares"]


@pytest.mark.parametrize(
    ("arguments", "slug"),
    [
        (["show", "USDC"], "invalid-input"),
        (["quote", "0", "cKES", "USDC"], "invalid-input"),
        (["quote", "1e9", "cKES", "USDC"], "not-money"),
        (["quote", "5", "cKES", "cKES"], "no-price"),
        (["position", "0x12"], "invalid-input"),
        (["deposit", "cKES", "1000", "10", "--json"], "invalid-input"),
        (["deposit", "cKES", "1000", "10", "--owner", "0x" + "1" * 40, "--yes"], "invalid-input"),
        (["deposit", "cKES", "1000", "10", "--owner", "0x" + "1" * 40, "--dry-run"], "money-short"),
        (["deposit-one-side", "cKES", "0.000001", "--dry-run"], "exchange-too-small"),
        (["deposit-one-side", "cKES", "30000", "--usdc", "--dry-run"], "exchange-limit"),
        (["withdraw", "cKES", "99999999", "--dry-run"], "position-short"),
        (["withdraw", "cKES", "all", "--term", "3", "--dry-run"], "position-short"),
        (["claim-fees", "cNGN", "--dry-run"], "position-short"),
        (["deposit", "cKES", "1000", "10", "--keyfile", "nowhere.json", "--yes"], "keystore-unavailable"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(desk: Desk, arguments: list[str], slug: str) -> None:
    status, out, err = desk.jua(*arguments)
    assert status == 2
    assert out == ""
    assert err.count("\n") == 1
    assert err.rstrip().endswith(f"({slug})")


def test_a_wrong_passphrase_opens_nothing(desk: Desk) -> None:
    desk.patch.setenv("JUA_LP_PASSPHRASE", "another")
    status, _, err = desk.jua("deposit", "cKES", "1000", "10", "--yes")
    assert status == 2
    assert "keystore-unavailable" in err
    assert open_keyfile(Path(desk.keyfile), PASSPHRASE).address == play_key("provider").address


def test_apes_script_does_the_same_with_apes_account(desk: Desk) -> None:
    """The chain's own first account, whose key ape's test accounts have too, provides already."""
    shown = float(desk.json("show", "cKES")["shares"])
    ended = subprocess.run(
        [
            Path(sys.executable).parent / "ape",
            *("run", "liquidity", "deposit", "cKES", "130000", "1000", "--term", "2"),
            *("--account", "TEST::0", "--network", f"ethereum:hedera-local:{desk.chain.node.url}"),
        ],
        cwd=REPOSITORY,
        env=os.environ
        | {
            "PYTHONPATH": str(REPOSITORY / "offchain"),
            "APE_DATA_FOLDER": str(desk.folder / "ape"),
            "JUA_DEPLOYMENTS_DIR": str(desk.folder),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    now = float(desk.json("show", "cKES")["shares"])
    assert 1_500 < now - shown < 2_100, ended.stdout
