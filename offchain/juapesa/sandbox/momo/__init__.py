"""MTN Mobile Money as its Open API presents it: provisioning, collection, disbursement.

Facts come from MTN's developer pages and from answers that others recorded from MTN's sandbox and
production in 2026; what neither tells is chosen here and listed in the README.
"""

from juapesa.sandbox.momo.app import build

__all__ = ["build"]
