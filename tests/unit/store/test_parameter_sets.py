"""The table of parameter sets is what the files say."""

from pathlib import Path

from triplane.research.parameter_sets import ParameterSets
from triplane.store import Store
from triplane.store.parameter_sets import sync_parameter_sets


def test_the_table_follows_the_files(tmp_path: Path) -> None:
    sets = ParameterSets(tmp_path / "parameter_sets")
    for fast in (5, 7):
        sets.create("ema_cross", "mine", {"fast": fast}, note=f"fast {fast}", now_ms=fast, data_sha256="ab")
    sets.activate("ema_cross", "mine", 1)
    sets.activate("ema_cross", "mine", 2)
    with Store(":memory:") as store:
        assert sync_parameter_sets(store, sets.folder) == 2
        rows = store.page("parameter_sets").items
        assert [(row["version"], row["active"], row["values"]) for row in rows] == [
            (2, True, {"fast": 7.0}),
            (1, False, {"fast": 5.0}),
        ]
        assert (rows[0]["note"], rows[0]["created_at"], rows[0]["data_sha256"]) == ("fast 7", 7, "ab")
        sets.roll_back("ema_cross", "mine")
        sync_parameter_sets(store, sets.folder)
        assert [row["active"] for row in store.page("parameter_sets").items] == [False, True]


def test_a_file_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    sets = ParameterSets(tmp_path)
    sets.create("ema_cross", "good", {"fast": 5})
    sets.create("ema_cross", "bad", {"fast": 5})
    (tmp_path / "ema_cross" / "bad" / "1.json").write_text("{")
    with Store(":memory:") as store:
        assert sync_parameter_sets(store, tmp_path) == 1
        assert sync_parameter_sets(store, tmp_path / "nowhere") == 0
        assert [row["name"] for row in store.page("parameter_sets").items] == ["good"]
