"""What native transactions do with tokens, over the state that contracts see at 0x167.

The node has checked whose signatures are good; the emulated token service is told which accounts and keys
that satisfies, and decides by the same rules and response codes as for contracts.
Source: hedera-docs native/tokens; the handlers of hedera-token-service-impl that the emulator names.
"""

from collections.abc import Iterable
from typing import Any

from eth_hash.auto import keccak

from juapesa.sandbox.hedera.chain import Chain
from juapesa.sandbox.hedera.entities import Entities, long_zero
from juapesa.sandbox.hedera.hapi.keys import is_key, satisfied
from juapesa.sandbox.hedera.hapi.node import Native, Node, Operation, Outcome, Refused
from juapesa.sandbox.hedera.history import SUCCESS as EXECUTED
from juapesa.sandbox.hedera.history import Executed
from juapesa.sandbox.hedera.system_contracts import SUCCESS, Key, Request, TokenService

INT64_MAX = 2**63 - 1
_NOBODY = long_zero(0)
_KEYS = {
    "adminKey": Key.ADMIN,
    "kycKey": Key.KYC,
    "freezeKey": Key.FREEZE,
    "wipeKey": Key.WIPE,
    "supplyKey": Key.SUPPLY,
    "fee_schedule_key": Key.FEE_SCHEDULE,
    "pause_key": Key.PAUSE,
}
# Bodies that name a token and perhaps an account, by the call of 0x167 that they are.
_SIMPLE = {
    "tokenFreeze": "freezeToken",
    "tokenUnfreeze": "unfreezeToken",
    "tokenGrantKyc": "grantTokenKyc",
    "tokenRevokeKyc": "revokeTokenKyc",
    "token_pause": "pauseToken",
    "token_unpause": "unpauseToken",
    "tokenDeletion": "deleteToken",
}


class TokenOperations:
    """Added to a node. ``keys`` are those of natively made tokens: by number, then by the body's names."""

    def __init__(self, node: Node, chain: Chain, entities: Entities) -> None:
        self._node = node
        self._chain = chain
        self._entities = entities
        self._service = TokenService(chain.evm.ask)
        self.keys: dict[int, dict[str, Any]] = {}
        made: dict[str, Operation] = {
            "tokenCreation": self._create,
            "tokenAssociate": self._associate,
            "tokenDissociate": self._dissociate,
            "tokenMint": self._mint,
            "tokenBurn": self._burn,
            "tokenWipe": self._wipe,
            "cryptoApproveAllowance": self._approve,
            **dict.fromkeys(_SIMPLE, self._simple),
        }
        node.operations.update(made)

    def to_document(self) -> dict[str, dict[str, str]]:
        """For the memory."""
        return {
            str(number): {name: key.SerializeToString().hex() for name, key in keys.items()}
            for number, keys in self.keys.items()
        }

    def restore(self, document: dict[str, dict[str, str]]) -> None:
        """From the memory."""
        read = self._node.messages.key.FromString
        self.keys = {
            int(number): {name: read(bytes.fromhex(key)) for name, key in keys.items()}
            for number, keys in document.items()
        }

    async def open_account(self, native: Native, number: int, slots: int) -> None:
        """A new account with so many free slots for associations; -1 is without limit."""
        await self._run(native, self._service.account(self._entities.address(number), slots))

    async def transfer(self, native: Native, outcome: Outcome) -> None:
        """The token part of a CryptoTransfer."""
        lists: list[Any] = []
        accounts: set[int] = set()
        tokens: list[int] = []
        for each in native.operation.tokenTransfers:
            if each.nftTransfers:
                raise Refused("NOT_SUPPORTED")
            parties = [(self._address(one.accountID), one.amount, one.is_approval) for one in each.transfers]
            lists.append((long_zero(each.token.tokenNum), parties, []))
            accounts |= {self._number(one.accountID) for one in each.transfers}
            tokens.append(each.token.tokenNum)
        await self._act(native, outcome, accounts, tokens, "cryptoTransfer", ([],), lists)

    async def _create(self, native: Native, outcome: Outcome) -> None:
        asked = native.operation
        if asked.tokenType:
            raise Refused("NOT_SUPPORTED")
        number = self._entities.new()
        treasury = self._number(asked.treasury)
        renewing = self._number(asked.autoRenewAccount) if asked.HasField("autoRenewAccount") else None
        keys = {name: getattr(asked, name) for name in _KEYS if is_key(getattr(asked, name))}
        told = (
            asked.name,
            asked.symbol,
            self._entities.address(treasury),
            asked.memo,
            bool(asked.supplyType),
            asked.maxSupply,
            asked.freezeDefault,
            [(int(_KEYS[name]), self._key_value(key)) for name, key in keys.items()],
            self._expiry(asked, renewing),
        )
        fees = self._fees(asked.custom_fees)
        signed = self._signers(native, {treasury, *([] if renewing is None else [renewing])}, [])
        if asked.HasField("adminKey") and not satisfied(asked.adminKey, native.signed_by):
            raise Refused("INVALID_SIGNATURE")
        amount = _long(asked.initialSupply, "INVALID_TOKEN_INITIAL_SUPPLY")
        request = await self._service.made_natively(
            number, told, amount, _long(asked.decimals, "INVALID_TOKEN_DECIMALS"), *fees, signed
        )
        outcome.consensus = (await self._run(native, request)).consensus
        self.keys[number] = keys
        outcome.receipt["tokenID"] = {"tokenNum": number}

    async def _associate(self, native: Native, outcome: Outcome) -> None:
        await self._pair(native, outcome, "associateTokens")

    async def _dissociate(self, native: Native, outcome: Outcome) -> None:
        if len(native.operation.tokens) != 1:
            raise Refused("NOT_SUPPORTED")
        await self._pair(native, outcome, "dissociateToken")

    async def _pair(self, native: Native, outcome: Outcome, function: str) -> None:
        asked = native.operation
        listed = [long_zero(each.tokenNum) for each in asked.tokens]
        named = listed if function == "associateTokens" else listed[0]
        account = self._number(asked.account)
        await self._act(native, outcome, {account}, [], function, self._entities.address(account), named)

    async def _mint(self, native: Native, outcome: Outcome) -> None:
        await self._supply(native, outcome, "mintToken", "INVALID_TOKEN_MINT_AMOUNT")

    async def _burn(self, native: Native, outcome: Outcome) -> None:
        await self._supply(native, outcome, "burnToken", "INVALID_TOKEN_BURN_AMOUNT")

    async def _supply(self, native: Native, outcome: Outcome, function: str, excess: str) -> None:
        asked = native.operation
        if getattr(asked, "metadata", None) or getattr(asked, "serialNumbers", None):
            raise Refused("NOT_SUPPORTED")  # there are no NFTs here
        number, amount = asked.token.tokenNum, _long(asked.amount, excess)
        done = await self._act(native, outcome, set(), [number], function, long_zero(number), amount, [])
        outcome.receipt["newTotalSupply"] = await self._service.supply(long_zero(number), hex(done.block))

    async def _wipe(self, native: Native, outcome: Outcome) -> None:
        asked = native.operation
        number, amount = asked.token.tokenNum, _long(asked.amount, "INVALID_WIPING_AMOUNT")
        account = self._address(asked.account)
        done = await self._act(
            native, outcome, set(), [number], "wipeTokenAccount", long_zero(number), account, amount
        )
        outcome.receipt["newTotalSupply"] = await self._service.supply(long_zero(number), hex(done.block))

    async def _simple(self, native: Native, outcome: Outcome) -> None:
        asked = native.operation
        arguments = [long_zero(asked.token.tokenNum)]
        if "account" in asked.DESCRIPTOR.fields_by_name:
            arguments.append(self._address(asked.account))
        await self._act(native, outcome, set(), [asked.token.tokenNum], _SIMPLE[native.kind], *arguments)

    async def _approve(self, native: Native, outcome: Outcome) -> None:
        asked = native.operation
        if asked.cryptoAllowances or asked.nftAllowances or len(asked.tokenAllowances) != 1:
            raise Refused("NOT_SUPPORTED")
        (allowance,) = asked.tokenAllowances
        owner = self._number(allowance.owner) or native.payer
        if not self._node.accounts.signed(owner, native.signed_by):
            raise Refused("INVALID_SIGNATURE")
        amount = _long(allowance.amount, "AMOUNT_EXCEEDS_TOKEN_MAX_SUPPLY")
        token, spender = long_zero(allowance.tokenId.tokenNum), self._address(allowance.spender)
        request = self._service.order(self._entities.address(owner), [], "approve", token, spender, amount)
        outcome.consensus = (await self._run(native, request)).consensus

    # ---------------------------------------------------------------- who signed, and doing it

    async def _act(
        self,
        native: Native,
        outcome: Outcome,
        accounts: Iterable[int],
        tokens: Iterable[int],
        function: str,
        *arguments: Any,
    ) -> Executed:
        signers = self._signers(native, accounts, tokens)
        payer = self._entities.address(native.payer)
        executed = await self._run(native, self._service.order(payer, signers, function, *arguments))
        outcome.consensus = executed.consensus
        return executed

    def _signers(self, native: Native, accounts: Iterable[int], tokens: Iterable[int]) -> list[str]:
        """Accounts that signed, and tokens' keys that did under the names by which 0x167 knows them."""
        signed = [
            self._entities.address(number)
            for number in sorted({native.payer, *accounts})
            if self._node.accounts.signed(number, native.signed_by)
        ]
        keys = [key for number in tokens for key in self.keys.get(number, {}).values()]
        return signed + sorted({_named(key) for key in keys if satisfied(key, native.signed_by)})

    async def _run(self, native: Native, request: Request) -> Executed:
        """In the next block; what consensus finds there counts. Raises Refused with the code's name."""
        code = await self._service.code(request)
        if code != SUCCESS:
            raise Refused(self._node.messages.name(code))
        client_hash = "0x" + native.hash[:32].hex()
        status = await self._chain.order(client_hash, request)
        if status != EXECUTED:
            raise Refused(status)
        executed = await self._chain.decided(client_hash)
        if executed.result != EXECUTED:
            raise Refused(self._node.messages.name(self._service.code_in(executed.error)))
        return executed

    # ---------------------------------------------------------------- what a body says

    def _number(self, account_id: Any) -> int:
        number = self._node.accounts.number(account_id)
        if number is None:
            raise Refused("INVALID_ACCOUNT_ID")
        return number

    def _address(self, account_id: Any) -> str:
        return self._entities.address(self._number(account_id))

    def _key_value(self, key: Any) -> tuple[bool, str, bytes, bytes, str]:
        """As the ABI states it; what no contract can hold stands under a name of its own."""
        kind = key.WhichOneof("key")
        if kind in ("contractID", "delegatable_contract_id"):
            held = getattr(key, kind)
            by_address = held.WhichOneof("contract") == "evm_address"
            address = (
                "0x" + held.evm_address.hex() if by_address else self._entities.address(held.contractNum)
            )
            own = kind == "contractID"
            return (False, address if own else _NOBODY, b"", b"", _NOBODY if own else address)
        return (False, _NOBODY, b"", bytes.fromhex(_named(key)[2:]), _NOBODY)

    def _expiry(self, asked: Any, renewing: int | None) -> tuple[int, str, int]:
        if renewing is None:
            return (asked.expiry.seconds, _NOBODY, 0)
        return (0, self._entities.address(renewing), asked.autoRenewPeriod.seconds)

    def _fees(self, listed: Any) -> tuple[list[Any], list[Any]]:
        fixed, fractional = [], []
        for each in listed:
            collector = self._address(each.fee_collector_account_id)
            kind = each.WhichOneof("fee")
            if kind == "fixed_fee":
                paid_in = each.fixed_fee
                hbar = not paid_in.HasField("denominating_token_id")
                number = paid_in.denominating_token_id.tokenNum
                fixed.append((paid_in.amount, long_zero(number), hbar, not hbar and not number, collector))
            elif kind == "fractional_fee":
                share = each.fractional_fee
                part = (share.fractional_amount.numerator, share.fractional_amount.denominator)
                bounds = (share.minimum_amount, share.maximum_amount, share.net_of_transfers)
                fractional.append((*part, *bounds, collector))
            else:
                raise Refused("NOT_SUPPORTED")
        return fixed, fractional


def _named(key: Any) -> str:
    """20 bytes that stand for a key in the emulated token service."""
    return "0x" + keccak(b"key" + key.SerializeToString(deterministic=True))[12:].hex()


def _long(amount: int, excess: str) -> int:
    if amount > INT64_MAX:
        raise Refused(excess)
    return int(amount)
