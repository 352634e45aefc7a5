"""One module a gateway contract: it reads a request into a ``Hop`` and writes an ``Answer`` back."""
