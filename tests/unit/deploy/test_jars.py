"""Jars are fetched once, checked, and shared; a damaged one is fetched again.

A small Maven repository on loopback stands in for Maven Central, named in jgo's configuration as a mirror is.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from deploy import jars
from gridrates.errors import ResourceError, ServiceUnavailable

CONTENT = {f"org.example:part-{n}:1.{n}": f"jar number {n}".encode() * 1000 for n in range(5)}


class Repository(ThreadingHTTPServer):
    """Serves `CONTENT` the way a Maven repository is laid out, and remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[str] = []
        self.files = {}
        for jar, content in CONTENT.items():
            group, artifact, version = jar.split(":")
            folder = f"/{group.replace('.', '/')}/{artifact}/{version}"
            self.files[f"{folder}/{artifact}-{version}.jar"] = content


class Answer(BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        if not self.path.endswith(".sha1"):
            self.server.asked.append(self.path)
        content = self.server.files.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    with Repository() as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        name_as_mirror(server.server_port, tmp_path, monkeypatch)
        yield server
        server.shutdown()
        thread.join()


def name_as_mirror(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = tmp_path / "jgo.conf"
    configuration.write_text(f"[repositories]\ncentral = http://127.0.0.1:{port}\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(configuration))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return write_lock(
        tmp_path, {jar: hashlib.sha256(content).hexdigest() for jar, content in CONTENT.items()}
    )


def write_lock(folder: Path, content: dict[str, str]) -> Path:
    path = folder / "lock.json"
    path.write_text(json.dumps({"coordinates": [], "jars": content}))
    return path


def test_jars_are_fetched_once(repository: Repository, lock: Path, tmp_path: Path) -> None:
    said: list[str] = []
    cache = tmp_path / "cache"
    first = jars.jars(said.append, lock=lock, cache=cache)
    assert [path.read_bytes() for path in first] == list(CONTENT.values())
    assert sorted(path.name for path in cache.iterdir()) == [f"part-{n}-1.{n}.jar" for n in range(5)]
    assert len(repository.asked) == 5
    assert jars.jars(said.append, lock=lock, cache=cache) == first
    assert len(repository.asked) == 5
    assert len(said) == 1
    assert said[0].startswith("Fetching 5 jars")


@pytest.mark.parametrize("damage", [b"", b"cut off"])
def test_a_damaged_jar_is_fetched_again(
    repository: Repository, lock: Path, tmp_path: Path, damage: bytes
) -> None:
    paths = jars.jars(print, lock=lock, cache=tmp_path / "cache")
    paths[2].write_bytes(damage)
    repository.asked.clear()
    assert (
        jars.jars(print, lock=lock, cache=tmp_path / "cache")[2].read_bytes()
        == CONTENT["org.example:part-2:1.2"]
    )
    assert len(repository.asked) == 1


def test_a_jar_that_is_not_the_locked_one_is_refused(
    repository: Repository, lock: Path, tmp_path: Path
) -> None:
    repository.files["/org/example/part-3/1.3/part-3-1.3.jar"] = b"something else"
    with pytest.raises(ServiceUnavailable, match=r"org\.example:part-3:1\.3.*not what was locked"):
        jars.jars(print, lock=lock, cache=tmp_path / "cache")
    assert not (tmp_path / "cache" / "part-3-1.3.jar").exists()


def test_a_jar_that_the_repository_lacks_is_named(repository: Repository, lock: Path, tmp_path: Path) -> None:
    del repository.files["/org/example/part-1/1.1/part-1-1.1.jar"]
    with pytest.raises(ServiceUnavailable, match=r"org\.example:part-1:1\.1.*not found"):
        jars.jars(print, lock=lock, cache=tmp_path / "cache")


def test_without_a_network_the_remedies_are_told(
    lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_as_mirror(9, tmp_path, monkeypatch)
    with pytest.raises(ServiceUnavailable) as raised:
        jars.jars(print, lock=lock, cache=tmp_path / "cache")
    for remedy in ("HTTPS_PROXY", "jgo.conf", str(tmp_path / "cache"), "GRIDRATES_KAFKA_BOOTSTRAP_SERVERS"):
        assert remedy in raised.value.remedy


def test_a_cache_that_cannot_be_written_is_named(repository: Repository, lock: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(ResourceError, match="cache"):
        jars.jars(print, lock=lock, cache=tmp_path / "cache")


FETCH = """
import sys
from pathlib import Path
from deploy.jars import jars
paths = jars(print, lock=Path(sys.argv[1]), cache=Path(sys.argv[2]))
print(sum(len(path.read_bytes()) for path in paths))
"""


def test_two_processes_may_fetch_at_once(repository: Repository, lock: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", FETCH, str(lock), str(tmp_path / "cache")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    total = str(sum(map(len, CONTENT.values())))
    for process in both:
        assert process.communicate(timeout=60)[0].splitlines()[-1] == total
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == [
        f"part-{n}-1.{n}.jar" for n in range(5)
    ]


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert jars.cache_directory() == tmp_path / "gridrates" / "jars"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert jars.cache_directory() == Path.home() / ".cache" / "gridrates" / "jars"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert jars.cache_directory() == Path.home() / ".cache" / "gridrates" / "jars"


def test_the_lock_names_what_it_was_made_for() -> None:
    lock = json.loads(jars.LOCK.read_text())
    for coordinate in lock["coordinates"]:
        assert coordinate in lock["jars"]
    assert all(len(digest) == 64 for digest in lock["jars"].values())
    assert len({jar.split(":")[1] for jar in lock["jars"]}) == len(lock["jars"]), (
        "two jars would share a name"
    )
