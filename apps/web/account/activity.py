"""When and from where a session was used last, for the list of sessions: noted every five minutes at most."""

import time
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.accounts import sessions
from apps.accounts.addresses import address_of
from apps.accounts.models import User

INTERVAL = 300  # seconds
NOTED = "noted"  # key in the session: when its use was noted last


class ActivityMiddleware:
    """Notes the use of a session before the page is made, so that the list of sessions holds the one that asks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Without a key there is no session, and nobody to ask the database for.
        if request.session.session_key and isinstance(request.user, User):
            self._note(request, request.user)
        return self.get_response(request)

    def _note(self, request: HttpRequest, user: User) -> None:
        now, key = int(time.time()), request.session.session_key
        noted = request.session.get(NOTED)
        # The key stands beside the time because a session's key changes when its user logs in or changes the password.
        if key and not (noted and noted[0] == key and now - noted[1] < INTERVAL):
            sessions.seen(user, key, address_of(request.META), request.headers.get("User-Agent", ""))
            request.session[NOTED] = [key, now]
