"""What issuers in the world outside do with their tokens, by the sandbox's control port."""

import os
from typing import Any

from juapesa.errors import InvalidInput
from juapesa.sandbox.hedera.chain import Chain
from juapesa.sandbox.hedera.history import SUCCESS as EXECUTED
from juapesa.sandbox.hedera.system_contracts import OUTSIDE, SUCCESS, OutsideToken, TokenService

_TOKENS = {token.symbol: token for token in OUTSIDE}


class TokenControl:
    """Native transactions of an issuer, in the next block."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._service = TokenService(chain.evm.ask)

    async def act(self, body: dict[str, Any]) -> dict[str, Any]:
        """``{"token": "USDC", "to": "0x…", "amount": 5}`` sends base units that nobody asked for;
        ``{"token": "USDC", "account": "0x…", "frozen": true}`` freezes or frees. The block it is in, or the
        code that refused it. Raises InvalidInput.
        """
        token = _TOKENS.get(str(body.get("token")))
        if token is None:
            raise InvalidInput(f"Send a 'token' of {', '.join(_TOKENS)}.")
        request = self._service.order(token.issuer, [token.issuer], *_wanted(token, body))
        code = await self._service.code(request)
        if code != SUCCESS:
            return {"code": code}
        order = "0x" + os.urandom(32).hex()
        if await self._chain.order(order, request) != EXECUTED:
            raise InvalidInput("The network did not take the transaction.")
        executed = await self._chain.decided(order)
        return {
            "code": self._service.code_in(executed.error) if executed.error else SUCCESS,
            "block": executed.block,
        }


def _wanted(token: OutsideToken, body: dict[str, Any]) -> tuple[Any, ...]:
    """The call of 0x167."""
    account, amount = body.get("to", body.get("account")), body.get("amount")
    if not isinstance(account, str) or len(account) != 42:
        raise InvalidInput("Send an address as 'to' or 'account'.")
    if "frozen" in body:
        function = "freezeToken" if body["frozen"] is True else "unfreezeToken"
        return (function, token.address, account)
    if type(amount) is not int or not 0 < amount < 2**63:
        raise InvalidInput("Send whole base units as 'amount'.")
    return ("transferToken", token.address, token.issuer, account, amount)
