"""Target seeds on disk: vintages that are only ever added to, and a need that moves.

A plan version, once written, stays as it is: writing it again with the same content changes
nothing, with other content is refused. Files are replaced all together or not at all, and one
process at a time may do so.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path

from reverse_funnel.errors import Fault, InputError, ReverseFunnelError
from reverse_funnel.plan.targets import HEADERS, NEED_FILE, TextRow

TARGETS_DIR = Path("targets")

_VERSION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# The mart's own word for months without any plan.
_RESERVED = frozenset({"unplanned"})


class Outcome(Enum):
    """What writing a plan version came to."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"


def check_version_name(version: str) -> None:
    """Raise `InputError` unless the name is fit for file rows, sorting and command lines."""
    if not _VERSION_NAME.fullmatch(version) or version in _RESERVED:
        raise InputError(
            Fault(
                problem=f"{version!r} cannot name a plan version",
                remedy="use letters, digits, points, hyphens and underscores, such as FY2026-v1",
            )
        )


def save(
    seeds_dir: Path,
    need: Sequence[TextRow] | None,
    version: str | None = None,
    vintage: Mapping[str, Sequence[TextRow]] | None = None,
) -> Outcome:
    """Write the current need, and a plan version when one is given.

    Parameters
    ----------
    seeds_dir
        Folder of the seeds.
    need
        Rows of current_need.csv, which they replace; None leaves the file as it is.
    version
        Name of the plan version.
    vintage
        Its rows by file, sorted, without the version in front.

    Returns
    -------
    `UNCHANGED` when the version exists with exactly these rows.

    Raises `InputError`, before anything is written, when it exists with other rows.

    """
    folder = seeds_dir / TARGETS_DIR
    contents = {} if need is None else {NEED_FILE: _seed(NEED_FILE, [to_lines(need)])}
    outcome = Outcome.WRITTEN
    if version is not None and vintage is not None:
        added = {}
        for file, rows in vintage.items():
            recorded = read_vintages(folder / file)
            computed = _versioned(version, to_lines(rows))
            if version in recorded:
                _refuse_if_different(folder / file, version, recorded[version], computed)
            elif computed:
                # Also after a write that was cut short: what is there is right, the rest follows.
                every = {**recorded, version: computed}
                added[file] = _seed(file, [every[name] for name in sorted(every)])
        contents |= added
        outcome = Outcome.WRITTEN if added else Outcome.UNCHANGED
    replace_files(folder, contents)
    return outcome


def to_lines(rows: Sequence[TextRow]) -> str:
    """Return rows as lines of CSV, each ended by a line feed."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    lines = buffer.getvalue()
    if lines.count("\n") != len(rows):
        raise InputError(
            Fault(
                problem="the name of a planning dimension holds a line break",
                remedy="correct it in seeds/mappings",
            )
        )
    return lines


def _versioned(version: str, lines: str) -> str:
    return "".join(f"{version},{line}\n" for line in lines.split("\n")[:-1])


def _seed(file: str, blocks: Sequence[str]) -> bytes:
    """Return a seed's bytes: UTF-8, the header always first."""
    return "".join([",".join(HEADERS[file]), "\n", *blocks]).encode()


def empty_seeds() -> dict[str, bytes]:
    """Return the four seeds without a row, as a new project has them."""
    return {file: _seed(file, []) for file in HEADERS}


def read_vintages(path: Path) -> dict[str, str]:
    """Return the lines of each plan version in a seed; none where there is no file yet.

    Raises `InputError` where it is not a seed of this name.
    """
    if not path.exists():
        return {}
    header, *lines = path.read_text(encoding="utf-8").split("\n")
    expected = ",".join(HEADERS[path.name])
    if header != expected:
        raise InputError(
            Fault(
                file=path,
                row=1,
                problem="does not have the expected columns",
                remedy=f"restore the header: {expected}",
            )
        )
    commas = expected.count(",")
    blocks: dict[str, list[str]] = {}
    for number, line in enumerate(lines, start=2):
        if not line:
            continue
        if line.count(",") < commas:
            raise InputError(
                Fault(
                    file=path,
                    row=number,
                    problem="is cut short",
                    remedy="restore the file: it is written by `reverse-funnel plan` only",
                )
            )
        blocks.setdefault(line[: line.index(",")], []).append(f"{line}\n")
    return {version: "".join(block) for version, block in blocks.items()}


def _refuse_if_different(path: Path, version: str, recorded: str, computed: str) -> None:
    if recorded == computed:
        return
    old_rows, new_rows = (list(csv.reader(io.StringIO(text))) for text in (recorded, computed))
    column = None
    difference = f"it has {len(old_rows)} rows recorded, {len(new_rows)} computed"
    for number, (old, new) in enumerate(zip(old_rows, new_rows, strict=False), start=1):
        if old != new:
            at = next(place for place, value in enumerate(new) if old[place] != value)
            column = HEADERS[path.name][at]
            difference = f"its row {number} has {old[at]!r} recorded, {new[at]!r} computed"
            break
    raise InputError(
        Fault(
            file=path,
            column=column,
            problem=f"plan {version} exists and differs: {difference}",
            remedy="a plan version is never rewritten: give the new plan a name of its own with "
            "--version",
        )
    )


def replace_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Replace files of a folder, all of them or, on any error, none.

    Each is written whole beside the old one before the first is renamed. A file that already has
    its content is left alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".plan-") as name:
        workspace = Path(name)
        # No copy may end in .csv: should the process be killed here, dbt would take it for a seed.
        new = {file: workspace / f"{file}.new" for file in contents}
        old = {file: workspace / f"{file}.old" for file in contents}
        changed = []
        for file, content in contents.items():
            if (folder / file).exists():
                if (folder / file).read_bytes() == content:
                    continue
                shutil.copy2(folder / file, old[file])
            with new[file].open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            changed.append(file)
        try:
            for file in changed:
                new[file].replace(folder / file)
        except BaseException:
            for file in changed:
                if new[file].exists():
                    continue  # not reached
                if old[file].exists():
                    old[file].replace(folder / file)
                else:
                    (folder / file).unlink()
            raise


@contextlib.contextmanager
def only_plan(seeds_dir: Path) -> Iterator[None]:
    """Hold the lock on the targets folder; a second plan at the same time is refused."""
    with only_writer(seeds_dir / TARGETS_DIR, "another plan is being written"):
        yield


@contextlib.contextmanager
def only_writer(folder: Path, refusal: str) -> Iterator[None]:
    """Hold the lock on a folder of seeds, or raise `ReverseFunnelError` with the refusal.

    The lock is on the folder itself, so it leaves no file behind and ends with the process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ReverseFunnelError(
                f"{refusal} to {folder}",
                remedy="wait until it has finished, and try again",
            ) from error
        yield
    finally:
        os.close(handle)
