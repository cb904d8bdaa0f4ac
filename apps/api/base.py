"""The road every API call takes: token, portal, quota, package, parameters, plant, answer. Deny by default.

A view names the address it answers (`path`, a row of the catalog), its query parameters and the shape of its
answer; routes, permissions, quota and OpenAPI follow from that.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, cast
from uuid import UUID

import orjson
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.exceptions import MethodNotAllowed, NotFound
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.accounts.access import Access
from apps.packages import catalog, policy, quota
from apps.plants.models import Plant

from . import answers, parameters
from .errors import PackageRequired, QuotaExceeded
from .parameters import Parameter

VIEWS: dict[str, type["ApiView"]] = {}


class ApiView(APIView):
    """Base of all views of the data API."""

    path: ClassVar[str]
    parameters: ClassVar[Sequence[Parameter]] = ()
    answer: ClassVar[type[BaseSerializer[Any]]]
    many: ClassVar[bool] = False
    http_method_names = [method.lower() for method in answers.METHODS]

    access: Access
    function: catalog.Function
    spent: quota.Spent
    query: dict[str, Any]  # the call's parameters, parsed strictly

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "path" in cls.__dict__:
            catalog.functions_at(cls.path)  # a view without a row fails here, at import
            VIEWS[cls.path] = cls

    def dispatch(self, request: HttpRequest, *args: Any, portal: str | None = None, **kwargs: Any) -> HttpResponseBase:
        """Keeps the portal of the address to itself: views deal with plants."""
        self.portal = portal
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Steps 2 to 6 of a request's life; views do the rest."""
        self.now = timezone.now()
        self.format_kwarg = None
        self.perform_authentication(request)
        self.access = cast(Access, request.auth)
        self.function = catalog.select(self.path, parameters.names(request.query_params))
        self.spent = quota.spend(self.access, self.function.cost, self.now)
        if not self.spent.allowed:
            raise QuotaExceeded(self.spent.violated, self.spent.retry_after)
        if self.portal not in (None, self.access.portal_slug):
            raise NotFound
        if request.method not in answers.METHODS:
            raise MethodNotAllowed(str(request.method))
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)
        self.check_permissions(request)
        if request.method != "OPTIONS":
            self.query = parameters.read(request.query_params, self.parameters)

    def options(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        return answers.options()

    def finalize_response(  # type: ignore[override]
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[arg-type]
        if hasattr(self, "spent"):  # not where authentication failed
            self.spent.settle(response.status_code)
            for name, value in self.spent.headers().items():
                response[name] = value
        return response

    def require(self, data: Iterable[tuple[str, catalog.Depth]]) -> None:
        """Refuse with 403 unless the package covers the selected function and these kinds of data."""
        decision = policy.decide(self.access, self.function, data)
        if not decision.allowed:
            raise PackageRequired(self.function.name, decision.missing_package)

    def plant(self, plant_id: str) -> Plant:
        """The plant of that id, if it exists for this access; otherwise 404, whatever the reason."""
        plants = Plant.objects.visible_to(self.access).select_related("address")
        plant = plants.filter(id=self.uuid(plant_id)).first()
        if plant is None:
            raise NotFound
        return plant

    def uuid(self, text: str) -> UUID:
        """An id from the address; what is no UUID is as unknown as any other id."""
        try:
            return parameters.parse_uuid(text)
        except ValueError:
            raise NotFound from None

    def day(self, plant: Plant, day: str | dt.date) -> dt.date:
        """The calendar day that a parsed date means for this plant, now."""
        return parameters.day_in(plant, day, self.now)

    def json(self, data: Any) -> HttpResponseBase:
        """Data that are cheap to make, as JSON."""
        return answers.whole(self.request, orjson.dumps(data))
