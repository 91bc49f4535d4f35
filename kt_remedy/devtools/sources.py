"""Files of the portal's own code that were saved since the last look, by size and time, without another package."""

from pathlib import Path

PACKAGES = ("kt_remedy", "eligibility", "refunds", "rewards")
# What a process reads once; templates and styles are read anew by each request (`REMEDY_RELOAD`).
SUFFIXES = {".py", ".toml", ".mo"}


class Sources:
    """The code below `root` as it was at the last look."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.seen = self._look()

    def saved(self) -> str:
        """The name of one file that was saved, added or removed since the last look; empty when none was."""
        now = self._look()
        changed = sorted({path for path, _stamp in self.seen.items() ^ now.items()})
        self.seen = now
        return str(changed[0].relative_to(self.root)) if changed else ""

    def _look(self) -> dict[Path, tuple[int, int]]:
        found = {}
        for folder in (*PACKAGES, "locale"):
            for path in (self.root / folder).rglob("*"):
                if path.suffix in SUFFIXES:
                    try:
                        stat = path.stat()
                    except FileNotFoundError:  # an editor is just replacing it
                        continue
                    found[path] = (stat.st_mtime_ns, stat.st_size)
        return found
