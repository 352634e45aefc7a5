"""What the relay refuses before a transaction reaches the network, in the relay's order.

Source: hiero-json-rpc-relay packages/relay/src/lib/precheck.ts; EIP-3860, EIP-7623.
"""

from juapesa.sandbox.hedera import refusals
from juapesa.sandbox.hedera.envelope import BadEnvelope, Envelope, UnknownType, read
from juapesa.sandbox.hedera.units import CHAIN_ID, GAS_PER_TRANSACTION_MAX, WEIBARS_PER_TINYBAR, weibars

CALL_DATA_BYTES_MAX = 131_072
INITCODE_BYTES_MAX = 49_152
RAW_BYTES_MAX = 133_120

GAS_TRANSACTION = 21_000
GAS_CREATION = 32_000
GAS_INITCODE_WORD = 2
GAS_ZERO_BYTE, GAS_BYTE = 4, 16
GAS_FLOOR_TOKEN = 10

# The deterministic deployer's transaction was signed once, for every chain, at 100 gwei.
_DETERMINISTIC_DEPLOYER = "0x3fab184622dc19b6109349b94811493bf45362f2"


def parse(raw: bytes) -> Envelope:
    """Read a raw transaction. Raises RpcFault."""
    try:
        return read(raw)
    except UnknownType as fault:
        raise refusals.unsupported_type(fault.number) from None
    except BadEnvelope as fault:
        raise refusals.invalid_arguments(str(fault)) from None


def before_the_network(envelope: Envelope, gas_price_tinybars: int) -> None:
    """Everything that can be said without asking for the account. Raises RpcFault."""
    _sizes(envelope)
    _gas(envelope)
    if envelope.chain_id is not None and envelope.chain_id != CHAIN_ID:
        raise refusals.unsupported_chain(hex(envelope.chain_id), hex(CHAIN_ID))
    if 0 < envelope.value < WEIBARS_PER_TINYBAR:
        raise refusals.value_too_low()
    _price(envelope, weibars(gas_price_tinybars))


def of_the_account(envelope: Envelope, nonce: int, balance_tinybars: int) -> None:
    """``nonce``: the next one that the mirror and the relay's pool know of. Raises RpcFault."""
    if envelope.nonce < nonce:
        raise refusals.nonce_too_low(envelope.nonce, nonce)
    offered = envelope.value + (envelope.max_fee + (envelope.priority or 0)) * envelope.gas
    if weibars(balance_tinybars) < offered:
        raise refusals.insufficient_funds()


def no_access_list(envelope: Envelope) -> None:
    """The relay's last check of what was signed, after the account's. Raises RpcFault."""
    if envelope.access_list:
        raise refusals.not_yet_implemented()


def intrinsic_gas(envelope: Envelope) -> int:
    """The least gas the transaction can be given: the standard price or EIP-7623's floor."""
    zeros = envelope.data.count(0)
    others = len(envelope.data) - zeros
    standard = GAS_TRANSACTION + GAS_ZERO_BYTE * zeros + GAS_BYTE * others
    if envelope.to is None:
        standard += GAS_CREATION + GAS_INITCODE_WORD * -(-len(envelope.data) // 32)
    return max(standard, GAS_TRANSACTION + GAS_FLOOR_TOKEN * (zeros + 4 * others))


def _sizes(envelope: Envelope) -> None:
    most = INITCODE_BYTES_MAX if envelope.to is None else CALL_DATA_BYTES_MAX
    if len(envelope.data) > most:
        raise refusals.call_data_oversized(len(envelope.data), most)
    if len(envelope.raw) > RAW_BYTES_MAX:
        raise refusals.transaction_oversized(len(envelope.raw), RAW_BYTES_MAX)


def _gas(envelope: Envelope) -> None:
    if envelope.gas > GAS_PER_TRANSACTION_MAX:
        raise refusals.gas_limit_too_high(envelope.gas, GAS_PER_TRANSACTION_MAX)
    if envelope.gas < (needed := intrinsic_gas(envelope)):
        raise refusals.gas_limit_too_low(envelope.gas, needed)


def _price(envelope: Envelope, network: int) -> None:
    """A tinybar below the network's price passes: the price may have moved since it was read."""
    if envelope.sender == _DETERMINISTIC_DEPLOYER and envelope.nonce == 0:
        return
    offered = envelope.max_fee + (0 if envelope.type != 2 else envelope.priority or 0)
    if offered + WEIBARS_PER_TINYBAR < network:
        raise refusals.gas_price_too_low(offered, network)
