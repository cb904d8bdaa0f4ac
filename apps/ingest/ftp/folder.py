"""What a session sees as its folder: the files it brought itself, by name, size and time. Nothing else exists.

No name a logger sends is ever a path of this machine: folders are strings in a set, and what is being received lies in
a spool that has no name at all. The class answers pyftpdlib where it would ask a file system, and inherits from none
of its, so that a method nobody thought of is missing instead of reaching the disk.
"""

import contextlib
import stat
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from os import stat_result
from tempfile import SpooledTemporaryFile
from typing import Any
from uuid import UUID

from django.conf import settings
from pyftpdlib.exceptions import FilesystemError
from pyftpdlib.filesystems import AbstractedFS

from apps.ingest.filenames import BadName, checked

MOST_BYTES = 20_000_000  # of one file
MOST_FILES = 10_000  # in one session
MOST_FOLDERS = 200
_DEPTH, _LETTERS = 8, 100  # of folders
_IN_MEMORY = 256_000  # bytes of a file that is being received; more goes to the spool
_REMEMBERED = 1_000_000  # bytes of finished files a session keeps, for devices that append

MISSING = "No such file or folder"


class TooLarge(Exception):
    """More than MOST_BYTES in one file."""


class Incoming:
    """A file that is being received; pyftpdlib writes to it. `name` is its path in the session's folder."""

    def __init__(self, name: str, beginning: bytes = b"") -> None:
        self.name, self.size = name, 0
        folder = str(settings.VAR_DIR / "ftp")
        self._spool: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(_IN_MEMORY, dir=folder)  # noqa: SIM115
        self.write(beginning)

    @property
    def closed(self) -> bool:
        return self._spool.closed

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size > MOST_BYTES:
            self.close()
            raise TooLarge(f"A file has at most {MOST_BYTES} bytes.")
        try:
            self._spool.write(chunk)
        except OSError:  # no room: what came so far cannot be told from a whole file
            self.close()
            raise

    def seek(self, position: int) -> None:
        """Go on from there; what was behind is sent again."""
        self._spool.seek(position)
        self._spool.truncate()
        self.size = position

    def body(self) -> bytes:
        self._spool.seek(0)
        return self._spool.read()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what is written at the end may find no room either
            self._spool.close()


@dataclass(slots=True)
class File:
    """A file of this session; `upload` is where it was handed over, None while it is incomplete or empty."""

    size: int
    upload: UUID | None
    changed: float = field(default_factory=time.time)


class Folder:
    """The answers to pyftpdlib. Paths here begin with a slash and hold no "." and ".."."""

    root = "/"
    format_list = AbstractedFS.format_list  # the text of listings
    format_mlsx = AbstractedFS.format_mlsx

    def __init__(self, _home: str, cmd_channel: Any) -> None:
        self.cmd_channel = cmd_channel
        self.cwd = "/"
        self._folders = {"/"}
        self._files: dict[str, File] = {}
        self._bodies: OrderedDict[str, bytes] = OrderedDict()

    # --- Names ---------------------------------------------------------------------------------------------------

    def ftp2fs(self, given: str) -> str:
        steps = [] if given.startswith("/") else self.cwd.split("/")
        path: list[str] = []
        for step in (*steps, *given.split("/")):
            if step == "..":
                del path[-1:]
            elif step not in ("", "."):
                path.append(step)
        return "/" + "/".join(path)

    def fs2ftp(self, path: str) -> str:
        return path

    def realpath(self, path: str) -> str:
        return path

    def validpath(self, path: str) -> bool:
        return True  # there is no way out of names

    # --- What is there -------------------------------------------------------------------------------------------

    def isdir(self, path: str) -> bool:
        return path in self._folders

    def isfile(self, path: str) -> bool:
        return path in self._files

    def lexists(self, path: str) -> bool:
        return self.isdir(path) or self.isfile(path)

    def listdir(self, path: str) -> list[str]:
        return sorted(
            _name(entry) for entry in (*self._folders, *self._files) if entry != "/" and _above(entry) == path
        )

    def getsize(self, path: str) -> int:
        return self._file(path).size

    def getmtime(self, path: str) -> float:
        return self._file(path).changed

    def stat(self, path: str) -> stat_result:
        if self.isdir(path):
            return stat_result((stat.S_IFDIR | 0o700, hash(path) & 0xFFFFFFFF, 0, 1, 0, 0, 0, *[int(time.time())] * 3))
        file, mode = self._file(path), stat.S_IFREG | 0o200
        return stat_result((mode, hash(path) & 0xFFFFFFFF, 0, 1, 0, 0, file.size, *[int(file.changed)] * 3))

    lstat = stat

    def get_user_by_uid(self, uid: int) -> str:
        return "logger"

    get_group_by_gid = get_user_by_uid

    def _file(self, path: str) -> File:
        if path not in self._files:
            raise FilesystemError(MISSING)
        return self._files[path]

    # --- Folders -------------------------------------------------------------------------------------------------

    def chdir(self, path: str) -> None:
        """Enter a folder. One that was never made is made: a device is set to its folder, and finds it."""
        self._make(path)
        self.cwd = path

    def mkdir(self, path: str) -> None:
        if self.lexists(path):
            raise FilesystemError("It exists")
        self._make(path)

    def rmdir(self, path: str) -> None:
        if not self.isdir(path):
            raise FilesystemError(MISSING)
        if self.listdir(path) or path == self.cwd:
            raise FilesystemError("The folder is in use")
        self._folders.discard(path)

    def _make(self, path: str) -> None:
        steps = path.split("/")[1:] if path != "/" else []
        if len(steps) > _DEPTH or any(len(step) > _LETTERS or not step.isprintable() for step in steps):
            raise FilesystemError(f"At most {_DEPTH} folders in each other, with plain names of {_LETTERS} letters")
        made = {"/" + "/".join(steps[: depth + 1]) for depth in range(len(steps))} - self._folders
        if any(self.isfile(folder) for folder in made):
            raise FilesystemError("It is a file")
        if len(self._folders) + len(made) > MOST_FOLDERS:
            raise FilesystemError("Too many folders in one session")
        self._folders |= made

    # --- Files ---------------------------------------------------------------------------------------------------

    def open(self, path: str, mode: str) -> Incoming:
        """Begin to receive: "wb" anew, "ab" behind what this session brought, "r+b" from a position in it."""
        if "r" in mode and "+" not in mode:
            raise FilesystemError("Nothing is readable here")
        self._check_new(path)
        if mode == "wb":
            return Incoming(path)
        if "r" in mode and path not in self._bodies:
            raise FilesystemError("It cannot be resumed; send it from its beginning")
        return Incoming(path, self._bodies.get(path, b""))

    def put(self, path: str, body: bytes, upload: UUID | None) -> None:
        """Note what has been received; the newest bodies are remembered, so that a device can append to them."""
        self._files[path] = File(len(body), upload)
        self._bodies.pop(path, None)
        if len(body) <= _REMEMBERED:
            self._bodies[path] = body
            while sum(map(len, self._bodies.values())) > _REMEMBERED:
                self._bodies.popitem(last=False)

    def remove(self, path: str) -> None:
        """Forget a file here. What was handed over stays."""
        self._file(path)
        del self._files[path]
        self._bodies.pop(path, None)

    def rename(self, source: str, target: str) -> None:
        """Give a file another name, also where it was handed over."""
        if self.isdir(source):
            raise FilesystemError("Folders keep their names")
        file, body = self._file(source), self._bodies.get(source)
        self._check_new(target)
        if file.upload and delivered_name(source) != delivered_name(target):
            file.upload = self.cmd_channel.renamed(file.upload, delivered_name(target), body)
        self._files[target] = self._files.pop(source)
        if body is not None:
            self._bodies[target] = self._bodies.pop(source)

    def _check_new(self, path: str) -> None:
        """Refuse a path that no file can be received at; make the folders above it."""
        delivered_name(path)
        if self.isdir(path):
            raise FilesystemError("It is a folder")
        if path not in self._files and len(self._files) >= MOST_FILES:
            raise FilesystemError(f"A session brings at most {MOST_FILES} files; log in again")
        self._make(_above(path))


def delivered_name(path: str) -> str:
    """The name a file is handed over by: without its folders, and without the dots that hide it while it is sent."""
    try:
        return checked(_name(path).lstrip("."))
    except BadName as error:
        raise FilesystemError(str(error).rstrip(".")) from None


def _name(path: str) -> str:
    return path.rsplit("/", 1)[1]


def _above(path: str) -> str:
    return path.rsplit("/", 1)[0] or "/"
