"""Write requirements.lock from pyproject.toml, with hashes.

dbt-core names a source package that downloads from outside the package index while it is being
built (dbt-core-experimental-parser). It only serves `--use-v2-parser`, so the lock leaves it out
and is installed with `pip --no-deps`.

Usage: make lock (needs uv: pip install uv)
"""

import subprocess
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Compile the lock file in place; versions already locked are kept where they still fit."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder, "requirements.in")
        requirements.write_text("\n".join(wanted) + "\n")
        excluded = Path(folder, "excluded.txt")
        excluded.write_text("dbt-core-experimental-parser\n")
        options = "--generate-hashes --universal --python-version 3.11 --no-header --no-annotate"
        subprocess.run(
            [
                "uv",
                "pip",
                "compile",
                str(requirements),
                "--excludes",
                str(excluded),
                "--quiet",
                *options.split(),
                "--output-file",
                str(ROOT / "requirements.lock"),
            ],
            check=True,
        )


if __name__ == "__main__":
    main()
