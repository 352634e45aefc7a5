"""The routes that programs use, with the parts of this process."""

from fastapi import APIRouter

from juapesa.api.accounts import account_routes
from juapesa.api.clients import Clients
from juapesa.api.gate import Gate
from juapesa.api.ledger import ledger_routes
from juapesa.api.ledger_accounts import ledger_account_routes
from juapesa.api.ledger_rules import Rules
from juapesa.api.liabilities import liability_routes
from juapesa.api.ops import ops_routes
from juapesa.api.payments import PaymentDesk, payment_routes
from juapesa.api.receipts import Pages
from juapesa.assembly import Parts
from juapesa.config import ledger_socket
from juapesa.transparency.liabilities import KEY_NAME


def program_routes(parts: Parts) -> tuple[APIRouter, ...]:
    """Payments, accounts and the operators' page behind their gate."""
    clients = Clients(parts.sealer, parts.clock)
    gate = Gate(parts.db, clients, parts.clock, parts.keystore.secret("api"))
    desk = PaymentDesk(parts.people, parts.payments, parts.receipts)
    return (
        payment_routes(parts.db, gate, desk),
        ledger_routes(gate, Rules(parts.db), ledger_socket(parts.settings)),
        ledger_account_routes(parts.db, gate, parts.ledger),
        account_routes(parts.db, gate, parts.ledger),
        liability_routes(parts.db, gate, parts.keystore.secret(KEY_NAME)),
        ops_routes(parts.db, gate, parts.stuck, Pages()),
    )
