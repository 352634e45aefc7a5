"""The control port that every sandbox has beside the operator's own paths: `/_sandbox/…`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from juapesa.errors import InvalidInput
from juapesa.sandbox.faults import FaultBoard
from juapesa.sandbox.wire import control_body


@dataclass(frozen=True, slots=True)
class Option:
    """A switch: how to read a new value. ``read`` raises InvalidInput."""

    read: Callable[[Any], Any]


def one_of(*values: str) -> Option:
    """A choice between words."""

    def read(value: Any) -> str:
        if value not in values:
            raise InvalidInput(f"Choose one of {', '.join(values)}.")
        return str(value)

    return Option(read)


def yes_or_no() -> Option:
    """true or false."""

    def read(value: Any) -> bool:
        if not isinstance(value, bool):
            raise InvalidInput("Say true or false.")
        return value

    return Option(read)


def seconds() -> Option:
    """A number of seconds up to an hour."""

    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 3600:
            raise InvalidInput("Say a number of seconds from 0 to 3600.")
        return float(value)

    return Option(read)


def web_address() -> Option:
    """An http(s) address, or null for none."""

    def read(value: Any) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str) or not value.startswith(("http://", "https://")):
            raise InvalidInput("Give an http(s) address or null.")
        return value

    return Option(read)


class Options:
    """Named switches with their present values."""

    def __init__(self, known: dict[str, Option], values: dict[str, Any]) -> None:
        assert known.keys() == values.keys(), "every option has a default"
        self._known = known
        self.values = values

    def change(self, body: dict[str, Any]) -> dict[str, Any]:
        """Change some; all or none. Raises InvalidInput."""
        if unknown := body.keys() - self._known.keys():
            raise InvalidInput(
                f"No option {sorted(unknown)[0]!r}; there are {', '.join(sorted(self._known))}."
            )
        self.values.update({name: self._known[name].read(value) for name, value in body.items()})
        return self.values

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def routes(
    name: str, faults: FaultBoard, options: Options, state: Callable[[Request], dict[str, Any]]
) -> list[Route]:
    """Faults, options, state and health of one sandbox."""

    async def faults_all(request: Request) -> Response:
        if request.method == "POST":
            return JSONResponse({"id": faults.add(await control_body(request)).id}, 201)
        if request.method == "DELETE":
            faults.remove()
            return Response(status_code=204)
        return JSONResponse({"faults": faults.list()})

    async def faults_one(request: Request) -> Response:
        fault_id = request.path_params["fault_id"]
        if request.method == "DELETE":
            faults.remove(fault_id)
            return Response(status_code=204)
        return JSONResponse(faults.get(fault_id))

    async def options_all(request: Request) -> Response:
        if request.method == "PUT":
            options.change(await control_body(request))
        return JSONResponse(options.values)

    async def state_now(request: Request) -> Response:
        return JSONResponse(state(request))

    async def health(_: Request) -> Response:
        return JSONResponse({"sandbox": name, "ok": True})

    return [
        Route("/_sandbox/faults", faults_all, methods=["GET", "POST", "DELETE"]),
        Route("/_sandbox/faults/{fault_id}", faults_one, methods=["GET", "DELETE"]),
        Route("/_sandbox/options", options_all, methods=["GET", "PUT"]),
        Route("/_sandbox/state", state_now),
        Route("/_sandbox/health", health),
    ]
