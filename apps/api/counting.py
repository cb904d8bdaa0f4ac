"""The bytes of an answer that is streamed, for the usage statistics."""

from collections.abc import Callable, Iterable, Iterator


class Counted(Iterator[bytes]):
    """The pieces of a body. `done(bytes, broken)` is called once: at the end, at an error, or where the client left."""

    def __init__(self, pieces: Iterable[bytes], done: Callable[[int, bool], None]) -> None:
        self._pieces, self._done, self._size, self._ended = iter(pieces), done, 0, False

    def __next__(self) -> bytes:
        try:
            piece = next(self._pieces)
        except StopIteration:
            self.close()
            raise
        except Exception:
            self._end(broken=True)
            raise
        self._size += len(piece)
        return piece

    def close(self) -> None:
        """Called by the response when the server is done with it."""
        self._end(broken=False)

    def _end(self, *, broken: bool) -> None:
        if not self._ended:
            self._ended = True
            self._done(self._size, broken)
