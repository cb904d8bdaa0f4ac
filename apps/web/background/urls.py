"""Part of the server administration: staff only, with a second factor where that asks for one."""

from django.contrib import admin
from django.urls import path

from . import views

app_name = "background"
urlpatterns = [path("", admin.site.admin_view(views.page), name="page")]
