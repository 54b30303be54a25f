"""Make `.venv` what the lock says, and do nothing when it is that already.

Reads requirements/uv.txt and requirements/dev.txt (locked with hashes) and pyproject.toml; writes `.venv`.
Needs nothing but the standard library. A failure ends as what happened and what to do, never as a traceback.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "gridrates-setup"
REQUIREMENTS = ROOT / "requirements"
INPUTS = (
    REQUIREMENTS / "uv.txt",
    REQUIREMENTS / "base.in",
    REQUIREMENTS / "dev.txt",
    ROOT / "pyproject.toml",
    Path(__file__),
)
NETWORK = (
    "Check the network: the Python package index must be reachable. A proxy is read from HTTPS_PROXY, a "
    "mirror from pip's own configuration. Then run the command again; what was fetched is kept."
)


def main() -> int:
    """Set up, or say what is in the way."""
    try:
        with only_one():
            if is_current():
                return 0
            set_up()
    except Failure as failure:
        print(f"Error: {failure}\nWhat to do: {failure.remedy}", file=sys.stderr)
        return failure.code
    except OSError as error:
        print(f"Error: {error.filename or ROOT}: {error.strerror or error}.", file=sys.stderr)
        print("What to do: make room, or mend the permissions, and run the command again.", file=sys.stderr)
        return 6
    return 0


class Failure(Exception):
    """A step that did not work, with its remedy."""

    def __init__(self, message: str, remedy: str, code: int = 1) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.code = code


@contextmanager
def only_one() -> Iterator[None]:
    """Two set-ups of one checkout wait for each other."""
    descriptor = os.open(REQUIREMENTS, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_current() -> bool:
    """Whether `.venv` was made from these very inputs, at this place."""
    return PYTHON.exists() and STAMP.exists() and STAMP.read_text() == fingerprint()


def fingerprint() -> str:
    """Changes with everything that the environment depends on."""
    content = [str(ROOT).encode(), *(path.read_bytes() for path in INPUTS)]
    return hashlib.sha256(b"\0".join(content)).hexdigest()


def set_up() -> None:
    """Create the environment and fill it from the lock."""
    STAMP.unlink(missing_ok=True)
    if not works():
        create()
    say("Installing what requirements/dev.txt locks …")
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    uv = [str(PYTHON), "-m", "uv", "--quiet", "pip"]
    run([*pip, "--require-hashes", "-r", str(REQUIREMENTS / "uv.txt")], "uv could not be installed", NETWORK)
    # Compiled once: every process imports from it, also where Python may not write bytecode itself.
    run(
        [*uv, "sync", "--compile-bytecode", "--require-hashes", str(REQUIREMENTS / "dev.txt")],
        "The locked requirements could not be installed",
        NETWORK,
    )
    run(
        [*uv, "install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
        "The project itself could not be installed",
        "Read the lines above; `make clean` and `make setup` start afresh.",
    )
    STAMP.write_text(fingerprint())
    say("The environment is ready: .venv")


def works() -> bool:
    """Whether `.venv` holds a usable Python that was created at this place."""
    configuration = VENV / "pyvenv.cfg"
    if not (PYTHON.exists() and configuration.exists() and str(VENV) in activate_script()):
        return False
    probe = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0


def activate_script() -> str:
    """It names the place where the environment was created."""
    script = VENV / "bin" / "activate"
    return script.read_text(errors="replace") if script.exists() else ""


def create() -> None:
    """Create `.venv` anew."""
    say(f"Creating .venv with Python {sys.version.split()[0]} …")
    if VENV.exists():
        shutil.rmtree(VENV)
    run(
        [sys.executable, "-m", "venv", str(VENV)],
        f"{sys.executable} cannot create a virtual environment",
        "Install its venv module (Debian, Ubuntu: apt install python3-venv), or name another Python: "
        "make setup PYTHON=python3.12",
    )


def run(command: list[str], failure: str, remedy: str) -> None:
    """Run a step. Its output is shown only when it fails."""
    done = subprocess.run(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip() and not line.startswith("WARNING")]
        last = "\n".join(f"  {line}" for line in lines[-8:])
        raise Failure(f"{failure}. `{shlex.join(command[:6])} …` said:\n{last}", remedy)


def environment() -> dict[str, str]:
    """Ours, with what pip is told about indexes and certificates passed on to uv, which does not read it."""
    translated = {
        "INDEX_URL": "UV_DEFAULT_INDEX",
        "EXTRA_INDEX_URL": "UV_INDEX",
        "FIND_LINKS": "UV_FIND_LINKS",
        "CERT": "SSL_CERT_FILE",
    }
    found = {translated[key]: value for key, value in pip_configuration() if key in translated}
    return found | os.environ | {"VIRTUAL_ENV": str(VENV)}


def pip_configuration() -> Iterator[tuple[str, str]]:
    """Pip's settings, from its files and from its environment variables, the latter last."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    for line in sorted(listing.splitlines(), key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        yield name.rpartition(".")[2].upper().replace("-", "_"), value.strip("'\"")


def say(text: str) -> None:
    """Tell how it goes."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
