"""What the REST framework falls back to, as named in settings: a view that is no ApiView answers nobody."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:
    from rest_framework.views import APIView


class Nobody(BasePermission):
    """May call nothing. Who may call an ApiView is decided in base.py."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return False
