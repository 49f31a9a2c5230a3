"""How tests run dbt: what one run has read or built of the project, the next one takes over.

Reading the project takes dbt more than twice as long as starting. It keeps what it has read in its
target folder and reads anew only what has changed, or everything under other variables. `Parsed`
hands that file to the next target folder with the same variables. With several test processes
(`pytest -n 2`), `alone` lets one of them build what all of them need.

Half of starting is importing dbt. `run` has that done once, by a process that forks for each
command, so every command still has a process, an environment and files of its own.

Nothing here imports pytest, so that benchmarks can use it too.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import importlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PARSED_FILE = "partial_parse.msgpack"
"""What dbt has read, in its target folder; dbt itself sees whether it still holds."""

QUIET = {
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    # What dbt says is on its standard output; the debug log that nobody reads costs a tenth more.
    "DBT_LOG_LEVEL_FILE": "none",
}
NO_ARTIFACTS = {"DBT_WRITE_JSON": "false"}
"""For commands whose results nobody reads from files: writing the manifest takes a second."""

ENTRY_POINTS = {"dbt": ("dbt.cli.main", "cli"), "reverse-funnel": ("reverse_funnel.cli", "main")}
"""Module and function behind each of the environment's commands."""

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["dbt.cli.main", "dbt.adapters.duckdb"])


def run(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command of the environment, as `subprocess.run` would, and return all it said."""
    with tempfile.TemporaryDirectory() as folder:
        process = _forks.Process(target=_be, args=(list(command), cwd, dict(env), Path(folder)))
        process.start()
        process.join()
        # Not the process's own exit code: two threads that ask for it at once can both get it wrong.
        stdout, stderr, code = (
            path.read_text(encoding="utf-8") if (path := Path(folder, name)).exists() else ""
            for name in ("stdout", "stderr", "code")
        )
    return subprocess.CompletedProcess(command, int(code or 1), stdout, stderr)


def _be(command: list[str], cwd: Path, env: dict[str, str], folder: Path) -> None:
    """Be the command, in a process of its own; what it says and its exit code go to ``folder``."""
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), descriptor)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = command
    module, function = ENTRY_POINTS[command[0]]
    code: Any = 0
    try:
        getattr(importlib.import_module(module), function)()
    except SystemExit as ended:
        code = ended.code or 0
    finally:
        # A fork leaves these out, and with them the closing of the database file.
        atexit._run_exitfuncs()
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
    (folder / "code").write_text(str(code if isinstance(code, int) else 1), encoding="utf-8")


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock ``path`` against every other process; wait for it where need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Parsed:
    """A folder of what dbt has read of the project, by all that it depends on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def give(self, target: Path, **depends_on: Any) -> None:
        """Put what is known into a target folder that has nothing yet."""
        kept = self._kept(depends_on)
        if kept.exists() and not (target / PARSED_FILE).exists():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(kept, target / PARSED_FILE)

    def keep(self, target: Path, **depends_on: Any) -> None:
        """Keep what dbt left in a target folder, unless the like of it is known."""
        kept, found = self._kept(depends_on), target / PARSED_FILE
        if found.exists() and not kept.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            # Another process may be reading or writing the same: it must never see half a file.
            half = kept.with_suffix(f".{os.getpid()}")
            shutil.copy(found, half)
            half.replace(kept)

    def _kept(self, depends_on: Mapping[str, Any]) -> Path:
        text = json.dumps(depends_on, sort_keys=True, default=str)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.msgpack"
