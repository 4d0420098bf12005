"""A file system whose disk waits for a word: `slow_disk.py MOUNTPOINT`.

Names, sizes and opening are answered at once. Reads of `held.bin` wait until `go` is said on standard input,
and from the first of them on so does statfs; `broken.bin` cannot be read from its middle on. What happens is
told on standard output.
"""

import errno
import stat
import sys
import threading

from fuse import FUSE, FuseOSError, Operations

SIZES = {"/held.bin": 300 << 20, "/broken.bin": 16 << 20}
PRIME = 65_521
BLOCK = bytes((at * 31 + at // 251) % 256 for at in range(PRIME))


def pattern(offset, length):
    """The same bytes as the tests expect."""
    start = offset % PRIME
    return (BLOCK * ((start + length) // PRIME + 1))[start : start + length]


def tell(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class SlowDisk(Operations):
    def __init__(self):
        self.go = threading.Event()
        self.held = False
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in sys.stdin:
            if line.strip() == "go":
                self.go.set()

    def init(self, path):
        tell("mounted")

    def getattr(self, path, fh=None):
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
        if path not in SIZES:
            raise FuseOSError(errno.ENOENT)
        return {
            "st_mode": stat.S_IFREG | 0o644,
            "st_nlink": 1,
            "st_size": SIZES[path],
            "st_mtime": 1_000_000_000,
        }

    def read(self, path, size, offset, fh):
        if path == "/broken.bin" and offset + size > SIZES[path] // 2:
            raise FuseOSError(errno.EIO)
        if path == "/held.bin" and not self.go.is_set():
            self.hold(offset)
        return pattern(offset, min(size, SIZES[path] - offset))

    def statfs(self, path):
        if self.held and not self.go.is_set():
            self.hold("statfs")
        return {}

    def hold(self, what):
        self.held = True
        tell(f"held at {what}")
        self.go.wait()


if __name__ == "__main__":
    # Opening would otherwise drop what is in memory, and wait for the reads that are under way.
    FUSE(SlowDisk(), sys.argv[1], foreground=True, ro=True, kernel_cache=True)
