"""Log-ins that failed, whichever door was tried."""

from typing import Any

from django.contrib.auth.signals import user_login_failed

from . import counters


@user_login_failed.connect
def failed(**_more: Any) -> None:
    """Who tried is not told here: it would be somebody's e-mail address."""
    counters.refused_credentials("password")
