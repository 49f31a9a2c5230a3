from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reverse_funnel.errors import InputError, ReverseFunnelError
from reverse_funnel.plan.targets import (
    ASSUMPTIONS_FILE,
    HEADERS,
    NEED_FILE,
    TARGETS_FILE,
    VERSIONS_FILE,
    TextRow,
)
from reverse_funnel.plan.vintages import (
    Outcome,
    check_version_name,
    empty_seeds,
    only_plan,
    read_vintages,
    replace_files,
    save,
)


def row_of(file: str, *start: str) -> TextRow:
    """Return a row of a file, but for the plan version."""
    columns = [name for name in HEADERS[file] if name != "plan_version"]
    return (*start, *("",) * (len(columns) - len(start)))


def vintage(count: str = "1.0000") -> dict[str, list[TextRow]]:
    return {
        TARGETS_FILE: [row_of(TARGETS_FILE, "2026-01-01", "a, b", count)],
        ASSUMPTIONS_FILE: [row_of(ASSUMPTIONS_FILE, "win_rate")],
        VERSIONS_FILE: [row_of(VERSIONS_FILE, "2026-08-31")],
    }


NEED = [row_of(NEED_FILE, "2026-01-01", "smb")]


def contents(seeds: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((seeds / "targets").iterdir())}


def test_a_first_plan_writes_all_four_files_with_headers(tmp_path: Path) -> None:
    assert save(tmp_path, NEED, "v1", vintage()) is Outcome.WRITTEN
    written = contents(tmp_path)
    assert set(written) == set(HEADERS)
    for file, content in written.items():
        assert content.split(b"\n")[0].decode() == ",".join(HEADERS[file])
        assert content.endswith(b"\n")
        assert b"\r" not in content


def test_without_a_version_only_the_need_moves(tmp_path: Path) -> None:
    save(tmp_path, NEED, "v1", vintage())
    before = contents(tmp_path)
    save(tmp_path, [row_of(NEED_FILE, "2026-02-01", "smb")])
    after = contents(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {NEED_FILE}


def test_a_second_version_is_added_and_the_first_kept_to_the_byte(tmp_path: Path) -> None:
    save(tmp_path, NEED, "v2", vintage())
    first = read_vintages(tmp_path / "targets" / TARGETS_FILE)
    save(tmp_path, NEED, "v1", vintage("2.0000"))
    both = read_vintages(tmp_path / "targets" / TARGETS_FILE)
    assert list(both) == ["v1", "v2"]
    assert both["v2"] == first["v2"] == 'v2,2026-01-01,"a, b",1.0000,,,,,,,,,,,,\n'


def test_the_same_plan_again_is_unchanged(tmp_path: Path) -> None:
    save(tmp_path, NEED, "v1", vintage())
    before = contents(tmp_path)
    assert save(tmp_path, NEED, "v1", vintage()) is Outcome.UNCHANGED
    assert contents(tmp_path) == before


def test_a_different_plan_of_the_same_name_is_refused(tmp_path: Path) -> None:
    save(tmp_path, NEED, "v1", vintage())
    before = contents(tmp_path)
    with pytest.raises(InputError) as caught:
        save(tmp_path, [], "v1", vintage("2.0000"))
    (fault,) = caught.value.faults
    assert str(fault.file).endswith(f"targets/{TARGETS_FILE}")
    assert "row 1 has '1.0000' recorded, '2.0000' computed" in fault.problem
    assert "--version" in fault.remedy
    assert contents(tmp_path) == before


def test_a_plan_with_more_rows_is_refused_too(tmp_path: Path) -> None:
    save(tmp_path, NEED, "v1", vintage())
    longer = vintage()
    longer[TARGETS_FILE].append(row_of(TARGETS_FILE, "2026-02-01"))
    with pytest.raises(InputError, match="1 rows recorded, 2 computed"):
        save(tmp_path, NEED, "v1", longer)


def test_a_plan_without_any_target_is_still_a_version(tmp_path: Path) -> None:
    empty = {**vintage(), TARGETS_FILE: []}
    save(tmp_path, NEED, "v1", empty)
    assert save(tmp_path, NEED, "v1", empty) is Outcome.UNCHANGED


def test_a_write_that_was_cut_short_is_completed(tmp_path: Path) -> None:
    save(tmp_path, NEED, "v1", vintage())
    whole = contents(tmp_path)
    (tmp_path / "targets" / VERSIONS_FILE).write_bytes(empty_seeds()[VERSIONS_FILE])
    assert save(tmp_path, NEED, "v1", vintage()) is Outcome.WRITTEN
    assert contents(tmp_path) == whole


@pytest.mark.parametrize("fails_at", [0, 1, 2, 3])
@pytest.mark.parametrize("existing", [True, False])
def test_a_failure_between_the_files_leaves_all_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int, existing: bool
) -> None:
    if existing:
        save(tmp_path, NEED, "v1", vintage())
    else:
        (tmp_path / "targets").mkdir()
    before = contents(tmp_path)
    replace = Path.replace
    calls = iter(range(100))

    def failing(self: Path, target: Path) -> Path:
        if next(calls) == fails_at:
            raise OSError("disk full")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OSError, match="disk full"):
        save(tmp_path, [], "v2", vintage())
    assert contents(tmp_path) == before


def test_a_file_that_does_not_change_is_not_touched(tmp_path: Path) -> None:
    replace_files(tmp_path, {"a.csv": b"1\n"})
    stamp = (tmp_path / "a.csv").stat().st_ino
    replace_files(tmp_path, {"a.csv": b"1\n", "b.csv": b"2\n"})
    assert (tmp_path / "a.csv").stat().st_ino == stamp


def test_a_foreign_header_is_refused(tmp_path: Path) -> None:
    (tmp_path / "targets").mkdir()
    (tmp_path / "targets" / VERSIONS_FILE).write_text("plan,when\n")
    with pytest.raises(InputError, match="restore the header: plan_version,as_of_date"):
        save(tmp_path, NEED, "v1", vintage())


def test_a_mangled_row_is_refused(tmp_path: Path) -> None:
    (tmp_path / "targets").mkdir()
    (tmp_path / "targets" / VERSIONS_FILE).write_text(
        ",".join(HEADERS[VERSIONS_FILE]) + "\nv0,half\n"
    )
    with pytest.raises(InputError) as caught:
        save(tmp_path, NEED, "v1", vintage())
    assert caught.value.faults[0].row == 2


def test_a_name_with_a_line_break_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line break"):
        save(tmp_path, [row_of(NEED_FILE, "2026-01-01", "small\nbusiness")])


def test_a_file_checked_out_with_windows_line_ends_is_understood(tmp_path: Path) -> None:
    save(tmp_path, NEED, "v1", vintage())
    path = tmp_path / "targets" / TARGETS_FILE
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert save(tmp_path, NEED, "v1", vintage()) is Outcome.UNCHANGED


@pytest.mark.parametrize("name", ["", "FY 2026", "../v1", "a,b", "-v", "unplanned", "x" * 101])
def test_names_that_would_not_survive_a_file_or_a_shell_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="cannot name a plan version"):
        check_version_name(name)


@pytest.mark.parametrize("name", ["FY2026-v1", "2026.07", "board_final"])
def test_ordinary_names_pass(name: str) -> None:
    check_version_name(name)


def test_two_plans_at_once_are_refused(tmp_path: Path) -> None:
    with only_plan(tmp_path):
        other = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys, pathlib\n"
                "from reverse_funnel.errors import ReverseFunnelError\n"
                "from reverse_funnel.plan.vintages import only_plan\n"
                "try:\n"
                "    with only_plan(pathlib.Path(sys.argv[1])): print('in')\n"
                "except ReverseFunnelError as error: print(error)",
                str(tmp_path),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "another plan is being written" in other.stdout
        with pytest.raises(ReverseFunnelError), only_plan(tmp_path):
            pass
    with only_plan(tmp_path):
        pass
    assert list((tmp_path / "targets").iterdir()) == []
