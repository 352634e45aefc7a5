"""Addresses follow ports, and nothing that was set is overridden."""

from pathlib import Path

import pytest

from juapesa import config
from juapesa.supervisor.plan import anchoring


def test_local_addresses_follow_the_chosen_ports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JUA_PORTS__API", "9001")
    monkeypatch.setenv("JUA_PORTS__CHAIN", "9002")
    settings = config.load(data_dir=tmp_path)
    assert settings.public_url == "http://127.0.0.1:9001"
    assert settings.chain.rpc_url == "http://127.0.0.1:9002"
    assert settings.chain.deployments_dir == tmp_path / "deployments" / "chains"
    assert settings.daraja.base_url == "http://127.0.0.1:8710"


def test_an_address_that_was_set_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JUA_PORTS__API", "9001")
    monkeypatch.setenv("JUA_PUBLIC_URL", "https://pay.example")
    monkeypatch.setenv("JUA_CHAIN__NETWORK", "hedera-testnet")
    monkeypatch.setenv("JUA_DARAJA__BASE_URL", "https://daraja.example")
    settings = config.load()
    assert settings.public_url == "https://pay.example"
    assert settings.daraja.base_url == "https://daraja.example"
    assert settings.chain.deployments_dir == Path("deployments/chains")


def test_a_file_is_read_and_the_environment_wins_over_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "jua.toml").write_text('attesters = 5\nlog_level = "DEBUG"\n[ports]\napi = 9003\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JUA_CONFIG", raising=False)
    monkeypatch.setenv("JUA_ATTESTERS", "4")
    settings = config.load()
    assert (settings.attesters, settings.log_level) == (4, "DEBUG")
    assert settings.public_url == "http://127.0.0.1:9003"


def test_an_unknown_setting_in_the_file_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "jua.toml").write_text("[ports]\nappi = 9003\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="appi"):
        config.load()


def test_a_topic_is_remembered_beside_the_contracts_of_its_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    here = config.load(data_dir=tmp_path, chain={"network": "hedera-sandbox"})
    assert config.topic_of(here) is None
    assert config.keep_topic(here, "0.0.1007") == tmp_path / "deployments/chains/hedera-sandbox.topic"
    assert config.topic_of(here) == "0.0.1007"
    assert config.topic_of(config.load(data_dir=tmp_path)) is None, "another network has its own"
    config.keep_topic(here, "0.0.1008")
    assert config.topic_of(here) == "0.0.1008"


def test_only_a_network_of_ours_with_a_consensus_service_gets_a_topic_by_itself(tmp_path: Path) -> None:
    def rows(**settings: object) -> list[str]:
        return [each.name for each in anchoring(config.load(data_dir=tmp_path, **settings), ("migrate",))]

    sandbox = {"network": "hedera-sandbox"}
    assert rows(chain=sandbox) == ["topic", "anchor"]
    assert rows(chain=sandbox, anchor={"topic": "0.0.5"}) == ["anchor"]
    assert rows(anchor={"topic": "0.0.5"}) == ["anchor"]
    assert rows() == []


def test_a_sandbox_has_its_native_door_and_its_mirror_where_it_is(tmp_path: Path) -> None:
    ours = config.load(data_dir=tmp_path, chain={"network": "hedera-sandbox"}).chain
    assert (ours.native_nodes, ours.mirror_url) == ({"0.0.3": "127.0.0.1:50211"}, "http://127.0.0.1:8545")
    there = {"network": "hedera-sandbox", "rpc_url": "http://10.0.0.9:7546"}
    theirs = config.load(data_dir=tmp_path, chain=there).chain
    assert (theirs.native_nodes, theirs.mirror_url) == ({}, "http://10.0.0.9:7546")
    nowhere = config.load(data_dir=tmp_path, chain={"network": "hedera-sandbox", "native_nodes": {}}).chain
    assert nowhere.native_nodes == {}
    plain = config.load(data_dir=tmp_path).chain
    assert (plain.native_nodes, plain.mirror_url) == ({}, None)
