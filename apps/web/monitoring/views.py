"""/metrics, for the operators' Prometheus: whoever knows METRICS_TOKEN reads it. Without that setting nobody does."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from apps.monitoring import counters, slots

from .gauges import Gauges

EVERYTHING = CollectorRegistry(auto_describe=False)
EVERYTHING.register(slots.Sums(counters.OWN))
EVERYTHING.register(Gauges())


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The numbers of all processes of this machine, whichever answers."""
    if not settings.METRICS_TOKEN:
        raise Http404
    if not constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}"):
        return HttpResponse(status=401, headers={"WWW-Authenticate": 'Bearer realm="metrics"'})
    return HttpResponse(generate_latest(EVERYTHING), content_type=CONTENT_TYPE_LATEST)
