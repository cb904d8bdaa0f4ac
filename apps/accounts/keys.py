"""Random keys for programs and loggers: 256 random bits with a checksum, kept only as an HMAC under a pepper.

A slow password hash would add no safety to 256 random bits and would let anybody burn our processor time. The
checksum lets scanners of leaked secrets recognise a key, and tells a mistyped one from a wrong one.
"""

import hmac
import secrets
import zlib
from hashlib import sha256
from string import ascii_letters, digits

from django.conf import settings

_ALPHABET = digits + ascii_letters
_RANDOM, _CHECKSUM = 43, 6  # characters; 62 ** 43 > 2 ** 256 and 62 ** 6 > 2 ** 32


def random_key(prefix: str) -> str:
    """`prefix`, 256 random bits and their checksum, in letters and digits only."""
    body = prefix + _base62(int.from_bytes(secrets.token_bytes(32)), _RANDOM)
    return body + _checksum(body)


def well_formed(key: str, prefix: str) -> bool:
    """Whether this can be a key with that prefix at all; False for a mistyped one."""
    body, checksum = key[:-_CHECKSUM], key[-_CHECKSUM:]
    return len(key) == len(prefix) + _RANDOM + _CHECKSUM and body.startswith(prefix) and _checksum(body) == checksum


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM)


def _base62(number: int, length: int) -> str:
    text = ""
    for _place in range(length):
        number, digit = divmod(number, 62)
        text = _ALPHABET[digit] + text
    return text


def pepper_id(pepper: str) -> str:
    """Names a pepper without giving it away."""
    return sha256(pepper.encode()).hexdigest()[:8]


def digest(key: str, pepper: str) -> str:
    """What is stored of a key."""
    return hmac.digest(pepper.encode(), key.encode(errors="replace"), "sha256").hex()


def digests(key: str) -> list[str]:
    """What may be stored of a key: one digest for each pepper in use, that for new keys first."""
    return [digest(key, pepper) for pepper in settings.SECRET_PEPPERS]
