"""What `jua up` runs, as data."""

from pathlib import Path

from juapesa.config import Settings, ledger_socket
from juapesa.supervisor.plan import processes


def test_the_ledgers_writer_runs_beside_those_who_book_themselves(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    rows = {row.name: row for row in processes(settings, tmp_path / "state.json")}
    ledger = rows["ledger"]
    assert ledger.command[-3:] == ("ledger", "serve", "--shared")
    assert ledger.after == ("migrate",), "it needs no chain"
    assert (ledger.ready_url, ledger.ready_socket) == ("http://ledger/health", tmp_path / "ledger.sock")
    assert not any("ledger" in row.after for row in rows.values()), "nobody waits for it"


def test_a_socket_finds_room_where_the_data_folders_path_is_too_long_for_one(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    path = ledger_socket(Settings(data_dir=deep))
    assert len(str(path)) <= 100
    assert path == ledger_socket(Settings(data_dir=deep)), "everybody finds the same"
    other = ledger_socket(Settings(data_dir=deep / "other"))
    assert path != other
    assert path.parent.stat().st_mode & 0o077 == 0
    path.parent.rmdir()
    other.parent.rmdir()
