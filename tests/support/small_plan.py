"""A supervisor with small processes: a chain, a small deployment, sleepers, the ledger's writer."""

import sys
from pathlib import Path

from juapesa import config
from juapesa.config import Settings
from juapesa.errors import JuaError
from juapesa.supervisor.local import LocalRun
from juapesa.supervisor.plan import Kind, Process, chain_process, processes, python

BROKEN = (sys.executable, "-c", "import sys; sys.exit('the reason is written here')")


def rows(settings: Settings, dump: Path) -> list[Process]:
    """A plan of the same shape as the real one."""
    file = settings.data_dir / "deployments" / "chains" / f"{settings.chain.network}.json"
    deploy = python("support.small_deploy", f"http://127.0.0.1:{settings.ports.chain}", str(file))
    sleep = ("sleep", "600")
    return [
        chain_process(settings, dump),
        Process("deploy", deploy, after=("chain",), kind=Kind.TASK),
        Process("first", sleep, after=("deploy",)),
        Process("forked", python("support.forked", "stay"), after=("deploy",)),
        next(row for row in processes(settings, dump) if row.name == "ledger"),
        Process("last", BROKEN if "--broken" in sys.argv else sleep, after=("first", "forked", "ledger")),
    ]


def main() -> int:
    run = LocalRun(
        config.load(), lambda line: print(line, flush=True), fresh="--fresh" in sys.argv, rows=rows
    )
    try:
        run.run()
    except JuaError as error:
        print(error.detail)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
