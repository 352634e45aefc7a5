"""Imports once what our Python processes have in common, and becomes each of them by fork. Linux only.

    python -m juapesa.supervisor.fork_server FD MODULE...

Orders come over the socket FD, one JSON object a line: ``{"order", "module", "arguments", "env", "log"}``.
The answers: ``{"order", "pid"}`` at once and ``{"pid", "status"}`` when it has ended (negative: the signal).
Its processes end with it. It has one thread and opens nothing, so that a fork is a clean copy.
"""

import ctypes
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from juapesa.supervisor.kin import die_with_parent

PR_SET_NAME = 15  # linux/prctl.h
NAME_BYTES_MAX = 15
PIECE_BYTES = 65_536

Order = dict[str, Any]


class ForkServer:
    """Serves one supervisor."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._received = b""
        self._deaths, self._bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._prepare = die_with_parent()

    def serve(self) -> Order | None:
        """Fork for every order: returns it in the child, and None here once nobody orders any more."""
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only so that the bell rings
        signal.set_wakeup_fd(self._bell, warn_on_full_buffer=False)
        with selectors.DefaultSelector() as ready:
            ready.register(self._control, selectors.EVENT_READ)
            ready.register(self._deaths, selectors.EVENT_READ)
            while True:
                heard = {key.fd for key, _ in ready.select()}
                if self._deaths in heard:
                    self._report_deaths()
                if self._control.fileno() in heard:
                    piece = self._control.recv(PIECE_BYTES)
                    if not piece:
                        return None
                    order = self._fork_each(piece)
                    if order is not None:
                        return order

    def _fork_each(self, piece: bytes) -> Order | None:
        *lines, self._received = (self._received + piece).split(b"\n")
        for line in lines:
            order: Order = json.loads(line)
            pid = os.fork()
            if pid == 0:
                self._leave()
                return order
            self._say({"order": order["order"], "pid": pid})
        return None

    def _leave(self) -> None:
        """In the child: nothing of the server's is left."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if self._prepare is not None:
            self._prepare()
        os.setsid()
        os.close(self._deaths)
        os.close(self._bell)
        self._control.close()

    def _report_deaths(self) -> None:
        os.read(self._deaths, PIECE_BYTES)
        with suppress(ChildProcessError):  # there is none left
            while (dead := os.waitpid(-1, os.WNOHANG))[0]:
                self._say({"pid": dead[0], "status": os.waitstatus_to_exitcode(dead[1])})

    def _say(self, answer: dict[str, int]) -> None:
        self._control.sendall(json.dumps(answer).encode() + b"\n")


def become(order: Order) -> None:
    """Be ``python -m MODULE ARGUMENTS...`` from here on."""
    module, log = order["module"], order["log"]
    name = " ".join([module.rpartition(".")[2], *order["arguments"]])
    ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode()[:NAME_BYTES_MAX], 0, 0, 0)  # as `ps` and `top` show it
    into = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for descriptor in (1, 2):
        os.dup2(into, descriptor)
    os.close(into)
    os.environ.update(order["env"])
    sys.argv = [module, *order["arguments"]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def main(descriptor: int, modules: Sequence[str]) -> None:
    """Import, then serve; in a child, run what was ordered to the end of the interpreter."""
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # a collection in a child would write to, and so copy, every page it shares
    order = ForkServer(socket.socket(fileno=descriptor)).serve()
    if order is not None:
        become(order)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
