"""The public pages: what this installation is, whether it is well, and what is said when it is not."""

import sys
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, HttpResponseServerError, JsonResponse
from django.shortcuts import redirect, render
from django.template import loader
from django.templatetags.static import static
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from .frame import THEMES
from .session import home_of

YEAR = 365 * 24 * 3600
PASSING = (OperationalError, InterfaceError, redis.RedisError)  # it is there again soon, or an operator is told


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Members go on to the plants of their portal; to others it says what this installation is."""
    if request.user.is_authenticated:
        member = home_of(request)
        if member is not None:
            return redirect("web:plants", member.portal.slug)
        return render(request, "web/no_portal.html")
    return _landing(request)


def _landing(request: HttpRequest) -> HttpResponse:
    api, issuer = f"{settings.BASE_URL}/api/v1", f"{settings.BASE_URL}/auth/realms/quotaapi"
    addresses = {
        "api": api + "/{portal}",
        "discovery": f"{issuer}/.well-known/openid-configuration",
        "token": f"{issuer}/protocol/openid-connect/token",
        "openapi": f"{api}/openapi.json",
    }
    host = urlsplit(settings.BASE_URL).netloc
    return render(request, "web/home.html", {"addresses": addresses, "host": host})


@login_not_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep light or dark in a cookie; anything else means like the system."""
    back = request.headers.get("Referer", "")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure())
    response = HttpResponseRedirect(back if safe else "/")
    if request.POST.get("theme") in THEMES:
        response.set_cookie("theme", request.POST["theme"], max_age=YEAR, samesite="Lax", secure=request.is_secure())
    else:
        response.delete_cookie("theme")
    return response


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when database and broker answer and every migration is applied, 503 otherwise; names no internals."""
    checks = {"database": "ok", "broker": broker(), "migrations": "ok"}
    try:
        if pending_migrations():
            checks["migrations"] = "pending"
    except DatabaseError:
        checks |= {"database": "unreachable", "migrations": "unknown"}
    healthy = set(checks.values()) <= {"ok", "not configured"}
    return JsonResponse({"status": "ok" if healthy else "failing", **checks}, status=200 if healthy else 503)


def pending_migrations() -> bool:
    """Whether the code expects a newer database than it has."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def broker() -> str:
    """Whether Redis answers, where it is configured; without it the database does its work."""
    if not settings.REDIS_URL:
        return "not configured"
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as connected:
            connected.ping()
    except redis.RedisError:
        return "unreachable"
    return "ok"


def server_error(request: HttpRequest) -> HttpResponse:
    """The page 500, or 503 where database or Redis failed: needs neither of them, no session, no context processor."""
    passing = isinstance(sys.exception(), PASSING)
    template = loader.get_template("503.html" if passing else "500.html")
    text = template.render({"request_id": getattr(request, "id", None)})
    return HttpResponse(text, status=503, headers={"Retry-After": "5"}) if passing else HttpResponseServerError(text)


@login_not_required
@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Only the landing page is for search engines."""
    return HttpResponse("User-agent: *\nAllow: /$\nDisallow: /\n", content_type="text/plain")


@login_not_required
@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """For those who ask for the old name without reading the page."""
    return HttpResponseRedirect(static("favicon.svg"))
