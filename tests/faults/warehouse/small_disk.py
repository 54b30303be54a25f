"""A landing on a disk that is nearly full, and again when there is room. Run by a test, on a disk of its own:
`python -m tests.faults.warehouse.small_disk FOLDER SETTINGS` (JSON).
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from gridrates.errors import ResourceError
from gridrates.settings import Settings
from tests.integration.warehouse.topics import counts, query, run

MEGABYTE = 1024 * 1024


def main() -> None:
    folder, chosen = Path(sys.argv[1]), json.loads(sys.argv[2])
    settings = Settings(**(chosen | {"home": folder / "home"}))
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(20 * MEGABYTE))
    stopped = 0
    for _ in range(2):
        try:
            run(settings)
        except ResourceError as error:
            assert "kept free" in str(error), error
            stopped += 1
    assert stopped == 2, "it was not stopped, or landed more when asked again without room"
    free = shutil.disk_usage(folder).free // MEGABYTE
    assert free >= 15, f"{free} MB are left of the 20 MB to be kept"
    landed = query(settings, "SELECT count(*), count(DISTINCT event_id) FROM raw_event")[0]
    assert 0 < landed[0] < 6_000
    assert landed[0] == landed[1]

    ballast.unlink()
    roomy = settings.model_copy(update={"keep_free_mb": 1})
    summary = run(roomy)
    assert counts(summary) == (6_000 - landed[0], 0, 0)
    print(f"{landed[0]} events landed before it stopped with {free} MB left; the rest when there was room")


if __name__ == "__main__":
    main()
