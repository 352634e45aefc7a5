"""Calls and events of the finished pools as bytes. Types follow contracts/interfaces.

``tests/integration/test_provider.py`` and ``test_quotes_hold.py`` put them to the deployed contracts.
"""

from juapesa.chain.abi import Event, Function

_RESERVES = "(uint64,uint64,uint64,uint64)"
_SETTINGS = "(uint8,uint16,uint16,uint16,uint24,uint24,uint24,uint24,uint24,uint24,uint24,uint24)"
_BUCKETS = "(uint48,uint48,uint48,uint48,uint40)"
_PRICE = "(uint80,uint24,uint40,uint40,uint24,uint8)"
_TOTALS, _FEES = "(uint80,uint88)", "(uint88,uint64)"
_POSITION, _LOCK = "(uint80,uint88,uint64)", "(uint64,uint64)"

STATE = Function("state", ("address",), (_RESERVES, _SETTINGS, _BUCKETS))
PRICE_OF = Function("priceOf", ("address",), (_PRICE,))
LIQUIDITY = Function("liquidity", ("address",), (_TOTALS, _FEES))
POSITION = Function("position", ("address", "address", "uint8"), (_POSITION, _LOCK))

ADD = Function(
    "addLiquidity",
    ("address", "uint64", "uint64", "uint80", "uint8", "bool"),
    ("uint80", "uint64", "uint64"),
)
ADD_ONE_SIDE = Function(
    "addSingleSided", ("address", "uint64", "bool", "uint80", "uint8", "bool"), ("uint80",)
)
REMOVE = Function(
    "removeLiquidity",
    ("address", "uint80", "uint64", "uint64", "uint8", "bool"),
    ("uint64", "uint64"),
)
CLAIM_FEES = Function("claimFees", ("address", "uint8", "bool"), ("uint64",))

UPDATE_PRICES = Function("updatePrices", ("(address,uint128,uint64,bytes)[]",))

APPROVE = Function("approve", ("address", "uint256"), ("bool",))
ALLOWANCE = Function("allowance", ("address", "address"), ("uint256",))
BALANCE_OF = Function("balanceOf", ("address",), ("uint256",))

LIQUIDITY_CHANGED = Event(
    "LiquidityChanged", ("address", "address", "uint256", "uint256"), (True, True, False, False)
)
FEES_CLAIMED = Event("FeesClaimed", ("address", "address", "uint8", "uint64"), (True, True, False, False))
