"""M-Pesa in Kenya through Safaricom's Daraja API. See README.md beside this file."""
