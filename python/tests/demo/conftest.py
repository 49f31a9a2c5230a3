"""Demos that tests share: a clean one, the same with faults, and any other on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .builders import Demo, make_demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A clean company of 3000 opportunities."""
    built = make_demo(tmp_path_factory.mktemp("clean"), opportunities=3000, seed=7)
    yield built
    built.connection.close()


@pytest.fixture(scope="session")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The same company with faults in four rows of a hundred."""
    built = make_demo(tmp_path_factory.mktemp("dirty"), opportunities=3000, seed=7, dirty=0.04)
    yield built
    built.connection.close()


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Build further demos; they are closed after the test."""
    built: list[Demo] = []

    def make(**options: Any) -> Demo:
        built.append(make_demo(tmp_path, **options))
        return built[-1]

    yield make
    for each in built:
        each.connection.close()
