"""The road every API call takes: token, portal, quota, package, parameters, plant, answer. Deny by default.

A view names the address it answers (`path`, a row of the catalog), its query parameters and the shape of its
answer; routes, permissions, quota and OpenAPI follow from that.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, cast
from uuid import UUID

import orjson
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.exceptions import MethodNotAllowed, NotAcceptable, NotFound
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.accounts.access import Access
from apps.accounts.addresses import address_of
from apps.packages import catalog, policy, quota, usage
from apps.plants.models import Plant
from apps.plants.querysets import find_visible

from . import answers, auth, errors, parameters
from .counting import Counted
from .errors import PackageRequired, QuotaExceeded
from .parameters import Parameter

VIEWS: dict[str, type["ApiView"]] = {}


class ApiView(APIView):
    """Base of all views of the data API."""

    path: ClassVar[str]
    parameters: ClassVar[Sequence[Parameter]] = ()
    answer: ClassVar[type[BaseSerializer[Any]]]
    many: ClassVar[bool] = False
    most_days: ClassVar[int] = 1_000_000  # a longer range is refused whatever it asks for, and costs no more than a day
    http_method_names = [method.lower() for method in answers.METHODS]

    get: Callable[..., HttpResponseBase]  # every view has its own
    request: HttpRequest  # type: ignore[assignment]
    access: Access
    function: catalog.Function
    spent: quota.Spent
    query: dict[str, Any]  # the call's parameters, parsed strictly
    read_plant: Plant | None = None  # the plant whose data this call is about
    points: int = 0  # of series, in the answer so far
    size: int | None = None  # of a body that is compressed already: its bytes before

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "path" in cls.__dict__:
            catalog.functions_at(cls.path)  # a view without a row fails here, at import
            VIEWS[cls.path] = cls

    def dispatch(self, request: HttpRequest, *args: Any, portal: str | None = None, **ids: str) -> HttpResponseBase:
        """A call from its token to its answer; `portal` is the one in the address, if it names any.

        The REST framework only describes views like this one (OpenAPI): its way to an answer takes as long as ours.
        """
        self.request, self.began, self.now = request, time.perf_counter(), timezone.now()
        try:
            self.let_in(request, portal)
            response = self.options(request) if request.method == "OPTIONS" else self.read(request, ids)
        except Exception as error:  # noqa: BLE001  (every failure has its answer, and is counted like one)
            response = errors.of_exception(request, error)
        return self.counted_for(response)

    def let_in(self, request: HttpRequest, portal: str | None) -> None:
        """Steps 2 to 5 of a request's life; whoever is not refused here may call this function."""
        self.access = request.access = auth.authenticate(request)  # type: ignore[attr-defined]
        self.function = catalog.select(self.path, parameters.names(request.GET))
        days = parameters.days_asked(request.GET, self.now.date())
        cost = catalog.cost_of(self.function, days if days <= self.most_days else 1)
        self.spent = quota.spend(self.access, cost, self.now, base=self.function.cost)
        if not self.spent.allowed:
            raise QuotaExceeded(self.spent.violated, self.spent.retry_after)
        if portal not in (None, self.access.portal_slug):
            raise NotFound
        if request.method not in answers.METHODS:
            raise MethodNotAllowed(str(request.method))
        if not answers.may_be_json(request):
            raise NotAcceptable
        self.require(())

    def read(self, request: HttpRequest, ids: Mapping[str, str]) -> HttpResponseBase:
        """The view's own part, with strict parameters. HEAD is read like GET."""
        self.query = parameters.read(request.GET, self.parameters)
        return self.get(request, **ids)

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        return answers.options()

    def counted_for(self, response: HttpResponseBase) -> HttpResponseBase:
        """The answer, its quota settled and told, its use noted."""
        response["Allow"] = ", ".join(answers.METHODS)
        if hasattr(self, "spent"):  # not where authentication failed
            self.spent.settle(response.status_code)
            for name, value in self.spent.headers().items():
                response[name] = value
        if hasattr(self, "function"):
            self.note(response)
        return response

    def note(self, response: HttpResponseBase) -> None:
        """Count the call for the usage statistics; a streamed one when its stream ends."""
        status = response.status_code
        if isinstance(response, StreamingHttpResponse):
            pieces = cast(Iterable[bytes], response.streaming_content)
            response.streaming_content = Counted(pieces, lambda size, broken: self.streamed(status, size, broken))
        elif isinstance(response, HttpResponse):
            self.noted(status, len(response.content) if self.size is None else self.size)

    def streamed(self, status: int, size: int, broken: bool) -> None:
        """What broke on the way counts as a failure of ours, though its status was sent before."""
        self.noted(500 if broken else status, size)
        if broken:
            self.spent.settle(500)

    def noted(self, status: int, size: int) -> None:
        """Count the call; touches memory only. Bytes are those before compression."""
        sent = self.request.method == "GET"
        points = self.points if sent and status == 200 else 0
        took = (time.perf_counter() - self.began) * 1000
        address = address_of(self.request.META)
        call = usage.Call(self.function.name, status, points, size if sent else 0, took, self.now, address)
        if self.read_plant is not None and status < 400:
            call.plant, call.plant_day = self.read_plant.pk, self.now.astimezone(self.read_plant.zone).date()
        usage.note(self.access, call)

    def require(self, data: Iterable[tuple[str, catalog.Depth]]) -> None:
        """Refuse with 403 unless the package covers the selected function and these kinds of data."""
        decision = policy.decide(self.access, self.function, data)
        if not decision.allowed:
            raise PackageRequired(self.function.name, decision.missing_package)

    def plant(self, plant_id: str, *related: str) -> Plant:
        """The plant of that id, if it exists for this access; otherwise 404, whatever the reason.

        `related` rows (such as "address") come with it, for calls that tell them.
        """
        wanted = self.uuid(plant_id)
        if related:
            plant = Plant.objects.visible_to(self.access).select_related(*related).filter(id=wanted).first()
        else:
            plant = find_visible(Plant, self.access, wanted)
        if plant is None:
            raise NotFound
        self.read_plant = plant
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
