from __future__ import annotations

from pathlib import Path

import pytest

from reverse_funnel.errors import (
    Fault,
    InputError,
    ReverseFunnelError,
    describe_faults,
    raise_if,
)


def test_a_fault_names_place_problem_and_remedy() -> None:
    fault = Fault(file="goals.csv", row=3, column="currency", problem="is EUR", remedy="use USD")
    assert str(fault) == "goals.csv, row 3, column currency: is EUR\n    → use USD"


def test_a_fault_without_a_place_is_the_problem_alone() -> None:
    assert str(Fault(problem="there is no method x")) == "there is no method x"


def test_paths_below_the_current_folder_are_shown_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Fault(file=tmp_path / "seeds" / "a.csv", problem="x").place == "seeds/a.csv"
    assert Fault(file="/elsewhere/a.csv", problem="x").place == "/elsewhere/a.csv"


@pytest.mark.parametrize(
    ("number", "ending"),
    [(20, "19"), (21, "… and 1 more fault"), (50, "… and 30 more faults")],
)
def test_at_most_twenty_faults_are_shown(number: int, ending: str) -> None:
    faults = [Fault(problem=str(index)) for index in range(number)]
    lines = describe_faults(faults).splitlines()
    assert lines[:20] == [str(index) for index in range(20)]
    assert lines[-1] == ending
    assert len(InputError(faults).faults) == number


def test_exit_codes() -> None:
    assert InputError(Fault(problem="x")).exit_code == 2
    assert ReverseFunnelError("x").exit_code == 1


def test_an_error_needs_a_fault() -> None:
    with pytest.raises(ValueError, match="at least one"):
        InputError([])
    raise_if([])
    with pytest.raises(InputError):
        raise_if([Fault(problem="x")])
