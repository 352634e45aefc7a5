"""Why a start can fail. Every ``detail`` says what to do about it."""

from juapesa.errors import Conflict, InvalidInput, Unavailable


class NotOurNetwork(InvalidInput):
    """`jua up` runs on a chain that it starts itself."""

    slug = "not-our-network"


class PortTaken(Conflict):
    """Something else listens where we want to."""

    slug = "port-taken"


class AlreadyRunning(Conflict):
    """Another `jua up` holds this data folder."""

    slug = "already-running"


class ProcessFailed(Unavailable):
    """A process ended with an error, died too often, or was not ready in time."""

    slug = "process-failed"


class ChainLost(Conflict):
    """The database and the chain do not belong together any more."""

    slug = "chain-lost"
