"""Tokens by the native API, as hiero-sdk-python uses it, over the state that contracts and the mirror see."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hiero_sdk_python import (
    AccountAllowanceApproveTransaction,
    AccountCreateTransaction,
    AccountId,
    Client,
    Hbar,
    PrivateKey,
    ResponseCode,
    TokenAssociateTransaction,
    TokenBurnTransaction,
    TokenCreateTransaction,
    TokenDeleteTransaction,
    TokenDissociateTransaction,
    TokenFreezeTransaction,
    TokenGrantKycTransaction,
    TokenId,
    TokenMintTransaction,
    TokenPauseTransaction,
    TokenUnfreezeTransaction,
    TokenUnpauseTransaction,
    TokenWipeTransaction,
    TransferTransaction,
)
from hiero_sdk_python.tokens.token_create_transaction import TokenKeys, TokenParams

from juapesa.sandbox.hedera.entities import long_zero
from juapesa.sandbox.hedera.system_contracts import USDC
from support.hapi import KEY, client_of, status_of
from support.hedera import Sandbox, sandbox

pytestmark = pytest.mark.needs_evm

OTHER = PrivateKey.generate_ed25519()
ALL_KEYS = ("supply_key", "freeze_key", "wipe_key", "pause_key", "kyc_key", "admin_key")
BALANCE_OF, TOTAL_SUPPLY = "0x70a08231", "0x18160ddd"


@pytest.fixture(scope="module")
def net() -> Iterator[Sandbox]:
    with sandbox() as made:
        yield made


@pytest.fixture(scope="module")
def client(net: Sandbox) -> Iterator[Client]:
    made = client_of(net)
    yield made
    made.close()


def create(client: Client, *keys: str, supply: int = 1_000, key: Any = KEY, **params: Any) -> TokenId:
    """A token of the operator with these keys."""
    told = TokenParams(
        token_name="Shilling",
        token_symbol="cKES",
        treasury_account_id=client.operator_account_id,
        auto_renew_account_id=client.operator_account_id,
        decimals=6,
        initial_supply=supply,
        **params,
    )
    made = TokenCreateTransaction(told, TokenKeys(**dict.fromkeys(keys, key.public_key())))
    made.transaction_fee = Hbar(40).to_tinybars()
    receipt = made.freeze_with(client).sign(key).execute(client)
    assert receipt.status == ResponseCode.SUCCESS, ResponseCode(receipt.status).name
    return receipt.token_id


def account(client: Client, slots: int = 0) -> AccountId:
    """A new account whose key is ``OTHER``."""
    made = AccountCreateTransaction(key=OTHER.public_key(), initial_balance=Hbar(50))
    made.max_automatic_token_associations = slots
    return made.execute(client).account_id


def address(entity: Any) -> str:
    return long_zero(int(str(entity).rpartition(".")[2]))


def evm_balance(net: Sandbox, token: TokenId, holder: str) -> int:
    """As any contract would read it."""
    data = BALANCE_OF + holder.removeprefix("0x").rjust(64, "0")
    return int(net.ask("eth_call", {"to": address(token), "data": data}, "latest"), 16)


def transfer(token: TokenId, **amounts: Any) -> TransferTransaction:
    made = TransferTransaction()
    for each, amount in amounts.values():
        made.add_token_transfer(token, each, amount)
    return made


def test_a_token_made_natively_is_the_one_that_contracts_and_the_mirror_see(
    net: Sandbox, client: Client
) -> None:
    token = create(client, "supply_key")
    net.mine()
    assert evm_balance(net, token, net.address) == 1_000
    assert int(net.ask("eth_call", {"to": address(token), "data": TOTAL_SUPPLY}, "latest"), 16) == 1_000
    shown = net.seen(f"/api/v1/tokens/{token}")
    assert (shown["symbol"], shown["decimals"], shown["total_supply"]) == ("cKES", "6", "1000")
    assert shown["treasury_account_id"] == str(client.operator_account_id)
    assert shown["supply_key"]["key"] == KEY.public_key().to_bytes_raw().hex()
    assert shown["admin_key"] is None
    assert shown["pause_status"] == "NOT_APPLICABLE"


def test_supply_moves_by_the_supply_key_alone(net: Sandbox, client: Client) -> None:
    token = create(client, "supply_key", key=OTHER)
    assert status_of(TokenMintTransaction(token, 5), client) == "INVALID_SIGNATURE"
    minted = TokenMintTransaction(token, 500).freeze_with(client).sign(OTHER).execute(client)
    assert minted.status == ResponseCode.SUCCESS
    burnt = TokenBurnTransaction(token, 300).freeze_with(client).sign(OTHER).execute(client)
    assert burnt.status == ResponseCode.SUCCESS
    net.mine()
    assert net.seen(f"/api/v1/tokens/{token}")["total_supply"] == "1200"
    keyless = create(client)
    assert status_of(TokenMintTransaction(keyless, 5), client) == "TOKEN_HAS_NO_SUPPLY_KEY"
    assert status_of(TokenMintTransaction(TokenId(0, 0, 77), 5), client) == "INVALID_TOKEN_ID"


def test_nobody_receives_without_an_association_or_a_free_slot(net: Sandbox, client: Client) -> None:
    token, me = create(client), client.operator_account_id
    closed, open_ = account(client), account(client, slots=1)
    gift = {"debit": (me, -10)}
    assert (
        status_of(transfer(token, **gift, credit=(closed, 10)), client) == "TOKEN_NOT_ASSOCIATED_TO_ACCOUNT"
    )
    assert status_of(transfer(token, **gift, credit=(open_, 10)), client) == "SUCCESS"
    unsigned = TokenAssociateTransaction(closed, [token])
    assert status_of(unsigned, client) == "INVALID_SIGNATURE"
    signed = TokenAssociateTransaction(closed, [token]).freeze_with(client).sign(OTHER)
    assert signed.execute(client).status == ResponseCode.SUCCESS
    again = TokenAssociateTransaction(closed, [token]).freeze_with(client).sign(OTHER)
    assert status_of(again, client) == "TOKEN_ALREADY_ASSOCIATED_TO_ACCOUNT"
    assert status_of(transfer(token, **gift, credit=(closed, 10)), client) == "SUCCESS"
    net.mine()
    assert evm_balance(net, token, address(closed)) == 10
    (relation,) = net.seen(f"/api/v1/accounts/{open_}/tokens")["tokens"]
    assert (relation["balance"], relation["automatic_association"]) == (10, True)
    assert relation["freeze_status"] == relation["kyc_status"] == "NOT_APPLICABLE"
    other = create(client)
    assert (
        status_of(transfer(other, **gift, credit=(open_, 10)), client)
        == "NO_REMAINING_AUTOMATIC_ASSOCIATIONS"
    )


def test_a_debit_wants_the_owners_signature(net: Sandbox, client: Client) -> None:
    token, me, other = create(client), client.operator_account_id, account(client, slots=-1)
    assert status_of(transfer(token, debit=(me, -10), credit=(other, 10)), client) == "SUCCESS"
    back = {"debit": (other, -10), "credit": (me, 10)}
    assert status_of(transfer(token, **back), client) == "INVALID_SIGNATURE"
    assert status_of(transfer(token, **back).freeze_with(client).sign(OTHER), client) == "SUCCESS"
    more = {"debit": (me, -1_001), "credit": (other, 1_001)}
    assert status_of(transfer(token, **more), client) == "INSUFFICIENT_TOKEN_BALANCE"


def test_tokens_and_hbar_move_together_or_not_at_all(net: Sandbox, client: Client) -> None:
    token, me, other = create(client), client.operator_account_id, account(client)
    both = TransferTransaction(hbar_transfers={me: -5, other: 5})
    both.add_token_transfer(token, me, -10)
    both.add_token_transfer(token, other, 10)
    before = int(net.ask("eth_getBalance", address(other), "latest"), 16)
    assert status_of(both, client) == "TOKEN_NOT_ASSOCIATED_TO_ACCOUNT"
    net.mine()
    assert int(net.ask("eth_getBalance", address(other), "latest"), 16) == before


def test_freeze_grant_pause_wipe_and_delete_follow_their_keys(net: Sandbox, client: Client) -> None:
    token, me, other = create(client, *ALL_KEYS), client.operator_account_id, account(client)
    TokenAssociateTransaction(other, [token]).freeze_with(client).sign(OTHER).execute(client)
    gift = {"debit": (me, -10), "credit": (other, 10)}

    def told() -> dict[str, Any]:
        net.mine()
        (relation,) = net.seen(f"/api/v1/accounts/{other}/tokens")["tokens"]
        return dict(relation)

    assert status_of(transfer(token, **gift), client) == "ACCOUNT_KYC_NOT_GRANTED_FOR_TOKEN"
    assert told()["kyc_status"] == "REVOKED"
    assert status_of(TokenGrantKycTransaction(token, other), client) == "SUCCESS"
    assert status_of(TokenFreezeTransaction(token, other), client) == "SUCCESS"
    assert (told()["kyc_status"], told()["freeze_status"]) == ("GRANTED", "FROZEN")
    assert status_of(transfer(token, **gift), client) == "ACCOUNT_FROZEN_FOR_TOKEN"
    assert status_of(TokenUnfreezeTransaction(token_id=token, account_id=other), client) == "SUCCESS"
    assert status_of(TokenPauseTransaction(token), client) == "SUCCESS"
    assert status_of(transfer(token, **gift), client) == "TOKEN_IS_PAUSED"
    assert told()["balance"] == 0
    assert net.seen(f"/api/v1/tokens/{token}")["pause_status"] == "PAUSED"
    assert status_of(TokenUnpauseTransaction(token), client) == "SUCCESS"
    assert status_of(transfer(token, **gift), client) == "SUCCESS"
    assert status_of(TokenWipeTransaction(token, other, 4), client) == "SUCCESS"
    assert told()["balance"] == 6
    leave = TokenDissociateTransaction(other, [token]).freeze_with(client).sign(OTHER)
    assert status_of(leave, client) == "TRANSACTION_REQUIRES_ZERO_TOKEN_BALANCES"
    assert status_of(TokenDeleteTransaction(token), client) == "SUCCESS"
    assert status_of(transfer(token, **gift), client) == "TOKEN_WAS_DELETED"


def test_an_allowance_given_natively_is_one_that_a_contract_could_use(net: Sandbox, client: Client) -> None:
    token, me, spender = create(client), client.operator_account_id, account(client)
    allow = AccountAllowanceApproveTransaction().approve_token_allowance(token, me, spender, 70)
    assert status_of(allow, client) == "SUCCESS"
    net.mine()
    words = net.address[2:].rjust(64, "0") + address(spender)[2:].rjust(64, "0")
    allowed = net.ask("eth_call", {"to": address(token), "data": "0xdd62ed3e" + words}, "latest")
    assert int(allowed, 16) == 70


def test_what_does_not_fit_a_long_or_is_no_fungible_token_is_refused(client: Client) -> None:
    token = create(client, "supply_key")
    assert status_of(TokenMintTransaction(token, 2**63 - 1), client) == "INVALID_TOKEN_MINT_AMOUNT"
    nft = TokenMintTransaction(token, metadata=[b"x"])
    assert status_of(nft, client) == "NOT_SUPPORTED"


def test_the_mirror_lists_tokens_and_holders_in_pages(net: Sandbox, client: Client) -> None:
    token, me = create(client), client.operator_account_id
    for _ in range(3):
        holder = account(client, slots=-1)
        assert status_of(transfer(token, debit=(me, -10), credit=(holder, 10)), client) == "SUCCESS"
    net.mine()
    page = net.seen(f"/api/v1/tokens/{token}/balances", limit=2)
    rest = net.mirror(page["links"]["next"]).json()
    found = [(each["account"], each["balance"]) for each in page["balances"] + rest["balances"]]
    assert [amount for _, amount in found] == [10, 10, 10, 970]
    assert found[-1] == (str(me), 970), "newest account first"
    one = net.seen(f"/api/v1/tokens/{token}/balances", **{"account.id": str(me)})["balances"]
    assert one == [{"account": str(me), "balance": 970, "decimals": 6}]
    first = net.seen("/api/v1/tokens", limit=1)
    assert first["tokens"][0]["token_id"] == f"0.0.{USDC.number}", "the lowest number first"
    listed = net.seen("/api/v1/tokens", **{"token.id": f"gte:{token}"})["tokens"]
    assert [each["token_id"] for each in listed if each["token_id"] == str(token)] == [str(token)]
    assert net.mirror("/api/v1/tokens/0.0.77").status_code == 404
    balances = net.seen("/api/v1/balances", **{"account.id": str(me)})["balances"][0]["tokens"]
    assert {"token_id": str(token), "balance": 970} in balances


def test_an_issuer_outside_sends_and_freezes_by_the_control_port(net: Sandbox, client: Client) -> None:
    def control(**body: Any) -> dict[str, Any]:
        return dict(net.web.post(f"{net.url}/_sandbox/tokens", json={"token": "USDC", **body}).json())

    usdc = TokenId.from_string(f"0.0.{USDC.number}")
    assert control(to=net.address, amount=5_000_000)["code"] == 22
    net.mine()
    assert evm_balance(net, usdc, net.address) == 5_000_000
    assert control(account=net.address, frozen=True)["code"] == 22
    assert control(to=net.address, amount=1) == {"code": 165}
    assert control(account=net.address, frozen=False)["code"] == 22
    shown = net.seen(f"/api/v1/tokens/{usdc}")
    assert shown["freeze_key"] is not None
    assert shown["wipe_key"] is None
    assert net.web.post(f"{net.url}/_sandbox/tokens", json={"token": "DAI"}).status_code == 422


def test_tokens_and_their_keys_outlive_a_restart(tmp_path: Path) -> None:
    with sandbox(state=tmp_path) as net:
        token = create(client_of(net), "supply_key", key=OTHER)
    with sandbox(state=tmp_path) as net:
        by = client_of(net)
        assert status_of(TokenMintTransaction(token, 5), by) == "INVALID_SIGNATURE"
        minted = TokenMintTransaction(token, 500).freeze_with(by).sign(OTHER)
        assert status_of(minted, by) == "SUCCESS"
        net.mine()
        assert net.seen(f"/api/v1/tokens/{token}")["total_supply"] == "1500"
