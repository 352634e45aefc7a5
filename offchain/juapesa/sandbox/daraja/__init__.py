"""M-Pesa Kenya as Daraja 3.0 presents it.

Facts come from Safaricom's Daraja 3.0 pages and from answers that others recorded from Safaricom's
own sandbox in 2026; what neither tells is chosen here and listed in the README beside this package.
"""

from juapesa.sandbox.daraja.app import build

__all__ = ["build"]
