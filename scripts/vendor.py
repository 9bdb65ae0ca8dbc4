"""Fetches the JavaScript that the portal ships and that its tests use, each at one exact version, and notes
its hashes.

Run it after changing the table, and commit what it writes; a test compares the files with the lock. Needs
`npm`.

    python scripts/vendor.py [FOLDER]    FOLDER: where packed archives (`htmx.org-2.0.11.tgz`) are found
    already
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SHIPPED = PROJECT / "src" / "directory_sync" / "portal" / "static" / "vendor"
FOR_TESTS = PROJECT / "tests" / "portal" / "vendor"
LOCK = "vendor.lock.json"


@dataclass(frozen=True)
class Package:
    """One npm package.

    Attributes:
        name, version: in the registry; exact, because `latest` may be another major version.
        target: where it goes: shipped with the package, or for tests only.
        folder: below that.
        files: file in the archive → its name here.
    """

    name: str
    version: str
    target: Path
    folder: str
    files: dict[str, str]


PACKAGES = (
    Package(
        "htmx.org",
        "2.0.11",
        SHIPPED,
        "htmx",
        {"package/dist/htmx.min.js": "htmx.min.js", "package/LICENSE": "LICENSE"},
    ),
    Package(
        "axe-core",
        "4.14.1",
        FOR_TESTS,
        "axe",
        {"package/axe.min.js": "axe.min.js", "package/LICENSE": "LICENSE"},
    ),
)


def main(arguments: list[str]) -> int:
    """Copy every package's files and write the locks."""
    locks: dict[Path, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments[0]) if arguments else Path(temporary)
        for package in PACKAGES:
            archive = folder / f"{package.name}-{package.version}.tgz"
            if not archive.exists():
                pack = ["npm", "pack", f"{package.name}@{package.version}", "--pack-destination", str(folder)]
                subprocess.run(pack, check=True, stdout=subprocess.DEVNULL)
            locks.setdefault(package.target / LOCK, {})[package.name] = _unpack(package, archive)
            print(f"{package.name} {package.version}: {', '.join(package.files.values())}")
    for file, lock in locks.items():
        file.write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")
    return 0


def _unpack(package: Package, archive: Path) -> dict[str, object]:
    """Copy the package's files; what the lock says of it."""
    target = package.target / package.folder
    target.mkdir(parents=True, exist_ok=True)
    hashes = {}
    with tarfile.open(archive) as tar:
        for member, name in package.files.items():
            file = tar.extractfile(member)
            assert file is not None, member
            content = file.read()
            (target / name).write_bytes(content)
            hashes[f"{package.folder}/{name}"] = hashlib.sha256(content).hexdigest()
    # The same form as in a package-lock.json, so that it can be compared with what the registry says.
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    return {"version": package.version, "integrity": integrity, "sha256": hashes}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
