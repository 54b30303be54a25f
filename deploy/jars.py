"""The jars of the local broker: which ones, and where they are kept.

Reads `kafka-jars.json` beside this module: the coordinates asked for, and every jar they need with its
SHA-256. Writes the jars to the user's cache directory, which all checkouts share. Guarantees that a jar under
its final name is complete and the one that was locked, also when several processes fetch at once.

`python -m deploy.jars` resolves the coordinates again and rewrites the lock.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.files import STORAGE_ERRORS, read_json, scratch_directory, storage_error, write_json, writing
from gridrates.errors import GridratesError, ServiceUnavailable

if TYPE_CHECKING:
    from jgo.maven import MavenContext

LOCK = Path(__file__).with_name("kafka-jars.json")
TIMEOUT_SECONDS = 15
ATTEMPTS = 3


def cache_directory() -> Path:
    """Where the jars are kept: `$XDG_CACHE_HOME/gridrates/jars`, else below `~/.cache`."""
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (configured if configured.is_absolute() else Path.home() / ".cache") / "gridrates" / "jars"


def jars(say: Callable[[str], None], *, lock: Path = LOCK, cache: Path | None = None) -> list[Path]:
    """The locked jars, fetched if they are missing or damaged.

    Raises ServiceUnavailable when one cannot be fetched, ResourceError when the cache cannot be written.
    """
    folder = cache or cache_directory()
    locked = read_json(lock)["jars"]
    missing = {jar: digest for jar, digest in locked.items() if _digest(_place(folder, jar)) != digest}
    if missing:
        say(f"Fetching {len(missing)} jars of Apache Kafka into {folder} (once, 45 MB in all) …")
        _fetch_all(missing, folder)
    return [_place(folder, jar) for jar in locked]


def _place(folder: Path, jar: str) -> Path:
    _, artifact, version = jar.split(":")
    return folder / f"{artifact}-{version}.jar"


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _fetch_all(wanted: dict[str, str], folder: Path) -> None:
    with scratch_directory(folder) as scratch, ThreadPoolExecutor(8) as pool:
        maven = _maven(scratch)
        try:
            list(pool.map(lambda jar: _fetch(maven, jar, wanted[jar], folder), wanted))
        finally:
            pool.shutdown(cancel_futures=True)


def _maven(repository: Path) -> MavenContext:
    """Maven Central, or the mirror that the user's jgo.conf names under `[repositories]` as `central`."""
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext, PythonResolver

    remotes = {"central": MAVEN_CENTRAL_URL} | GlobalSettings.load().repositories
    return MavenContext(PythonResolver(), repository, remote_repos=remotes, timeout=TIMEOUT_SECONDS)


def _fetch(maven: MavenContext, jar: str, digest: str, folder: Path) -> None:
    """Download one jar beside the cache, check it, and only then give it its name."""
    group, artifact, version = jar.split(":")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            fetched = Path(maven.project(group, artifact).at_version(version).artifact().resolve())
        except (OSError, RuntimeError) as error:
            if attempt == ATTEMPTS or getattr(error, "errno", None) in STORAGE_ERRORS:
                raise _unfetched(jar, folder, error) from error
            continue
        if _digest(fetched) == digest:
            with writing(folder):
                fetched.replace(_place(folder, jar))
            return
        fetched.unlink()
    raise _unfetched(jar, folder, ValueError("what arrived is not what was locked"))


def _unfetched(jar: str, folder: Path, error: Exception) -> GridratesError:
    if isinstance(error, OSError) and error.errno in STORAGE_ERRORS:
        return storage_error(Path(error.filename or folder), error)
    return ServiceUnavailable(
        f"{jar}, which the local Kafka needs, could not be downloaded ({type(error).__name__}: {error}).",
        remedy="Check the network (HTTPS_PROXY is honoured; a mirror is `central = <its address>` under "
        f"[repositories] in ~/.config/jgo.conf) and try again; or copy {folder} from a machine that has it; "
        "or set GRIDRATES_KAFKA_BOOTSTRAP_SERVERS to a broker you have.",
    )


def resolve(coordinates: list[str]) -> dict[str, str]:
    """Every jar that the coordinates need at run time, with its SHA-256. Needs the network."""
    with scratch_directory(cache_directory()) as scratch:
        maven = _maven(scratch)
        direct, transitive = maven.resolver.resolve([maven.create_dependency(c) for c in coordinates])
        needed: list[Any] = [*direct, *(d for d in transitive if d.scope in ("compile", "runtime"))]
        found = {f"{d.groupId}:{d.artifactId}:{d.version}": d.artifact.resolve() for d in needed}
        return {jar: str(_digest(path)) for jar, path in sorted(found.items())}


def main() -> None:
    """Rewrite the lock for its own coordinates."""
    coordinates = read_json(LOCK)["coordinates"]
    write_json(LOCK, {"coordinates": coordinates, "jars": resolve(coordinates)})
    sys.stdout.write(f"{LOCK.name}: {len(read_json(LOCK)['jars'])} jars.\n")


if __name__ == "__main__":
    main()
