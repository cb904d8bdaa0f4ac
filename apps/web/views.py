"""The public pages: what this installation is, and whether it is well."""

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this installation is and where its doors are."""
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
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and every migration is applied, 503 otherwise; names no internals."""
    checks = {"database": "ok", "migrations": "ok"}
    try:
        if pending_migrations():
            checks["migrations"] = "pending"
    except DatabaseError:
        checks = {"database": "unreachable", "migrations": "unknown"}
    healthy = set(checks.values()) == {"ok"}
    return JsonResponse({"status": "ok" if healthy else "failing", **checks}, status=200 if healthy else 503)


def pending_migrations() -> bool:
    """Whether the code expects a newer database than it has."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


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
