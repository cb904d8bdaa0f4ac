"""The list of plants: home of everybody in a portal."""

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from apps.measurements.overview import Moment
from apps.plants.models import Fleet, Plant
from apps.web.session import PortalRequest

from .forms import BY_NAME, NARROWING, SORTS, PlantSearch
from .listing import listing

VIEWS = ("cards", "table")
VIEW_COOKIE = "plants_view"
YEAR = 365 * 24 * 3600


@require_safe
def plants(request: PortalRequest) -> HttpResponse:
    """Cards or a table; htmx asks for what changes while somebody types, everybody else gets the page."""
    visible = Plant.objects.visible_to(request.access)
    places = list(visible.order_by().values_list("timezone", "address__country").distinct())
    if not places:
        return render(request, "plants/none.html")
    countries = sorted({country.upper() for _zone, country in places if country})
    form = PlantSearch(request.GET, countries, Fleet.objects.visible_to(request.access))
    moment = Moment(timezone.now(), {zone for zone, _country in places})
    query, view = _query(request.GET), _view(request)
    context = {
        "form": form,
        "listing": listing(visible, form, request.GET.get("page"), moment),
        "view": view,
        "query": query,
        "is_narrowed": any(name in query for name in NARROWING),
        "columns": [_column(form.order, *row[:3]) for row in SORTS],
    }
    return _answer(request, context, query, view)


def _answer(request: PortalRequest, context: dict[str, object], query: QueryDict, view: str) -> HttpResponse:
    typing = request.htmx and not request.htmx.history_restore_request
    response = render(request, "plants/_changing.html" if typing else "plants/list.html", context)
    patch_vary_headers(response, ["HX-Request"])
    if typing:
        response["HX-Push-Url"] = f"{request.path}?{query.urlencode()}" if query else request.path
    if request.GET.get("view") in VIEWS:
        response.set_cookie(VIEW_COOKIE, view, max_age=YEAR, samesite="Lax", secure=request.is_secure(), httponly=True)
    return response


def _query(given: QueryDict) -> QueryDict:
    """What links carry on: the address without empty fields and the usual order."""
    query = QueryDict(mutable=True)
    for name in given:
        value = given.get(name)
        if value and (name, value) != ("sort", BY_NAME):
            query[name] = str(value)
    return query


def _view(request: HttpRequest) -> str:
    """Cards or table: as the address says, as it was last, or else cards."""
    asked = (request.GET.get("view"), request.COOKIES.get(VIEW_COOKIE))
    return next((view for view in asked if view in VIEWS), VIEWS[0])


def _column(order: str, key: str, label: object, first: str) -> dict[str, object]:
    """A sortable column: the order its heading leads to, and how the table is sorted by it now."""
    descending, active = order.startswith("-"), order.lstrip("-") == key
    leads_to = (key if descending else f"-{key}") if active else first + key
    return {
        "key": key,
        "label": label,
        "leads_to": leads_to,
        "sorted": ("descending" if descending else "ascending") if active else "",
    }
