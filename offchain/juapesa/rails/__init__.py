"""One adapter per operator, and what they share: tokens, callbacks, routing.

Nothing is imported here: an attester that only reads one operator pays for nothing else.
"""
