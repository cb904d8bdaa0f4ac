"""The WSGI application that granian serves."""

import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

_django = get_wsgi_application()
get_resolver().check()  # loads all views now, and not while the first caller waits


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Who comes through a Unix socket has no address, but is on this machine."""
    environ["REMOTE_ADDR"] = environ.get("REMOTE_ADDR") or "127.0.0.1"
    return _django(environ, start_response)
