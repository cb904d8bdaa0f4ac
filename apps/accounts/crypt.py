"""Encryption of the few secrets that must be read again (keys of authenticator apps), so that a dump shows none.

The keys are derived from SECRET_PEPPER: the first encrypts, all decrypt, as with the hashes of client secrets.
"""

import base64
from functools import cache

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


def encrypt(text: str) -> str:
    return _keys(tuple(settings.SECRET_PEPPERS)).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Raises cryptography.fernet.InvalidToken where no pepper fits."""
    return _keys(tuple(settings.SECRET_PEPPERS)).decrypt(token.encode()).decode()


@cache
def _keys(peppers: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(pepper))) for pepper in peppers])


def _derive(pepper: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=b"helioport second factors").derive(pepper.encode())
