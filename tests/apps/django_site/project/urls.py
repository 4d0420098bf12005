from django.contrib import admin
from django.urls import path

from . import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("download/<path:name>", views.download),
    path("form/", views.form),
    path("stream/", views.stream),
    path("upload/", views.upload),
    path("whoami/", views.whoami),
]
