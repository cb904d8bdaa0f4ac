"""What options of the commands here may be."""

from argparse import ArgumentTypeError


def port(text: str) -> int:
    """A TCP port."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ArgumentTypeError(f"{text} is no port from 1 to 65535")
    return int(text)


def at_least_one(text: str) -> int:
    """How many of something."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text} is no number from 1 up")
    return int(text)
