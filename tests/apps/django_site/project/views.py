import hashlib

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.views.decorators.csrf import csrf_exempt
from django_sendfile import sendfile


def whoami(request):
    """What Django makes of the request, in the words of its own API."""
    return JsonResponse({
        "remote_addr": request.META["REMOTE_ADDR"],
        "forwarded_for": request.headers.get("X-Forwarded-For"),
        "scheme": request.scheme,
        "host": request.get_host(),
        "port": request.headers.get("X-Forwarded-Port"),
        "uri": request.build_absolute_uri(),
        "query": request.GET.dict(),
    })


def form(request):
    if request.method == "POST":
        return HttpResponse(f"Thank you, {request.POST['name']}.", content_type="text/plain")
    token = get_token(request)
    return HttpResponse(f'<form method=post><input name=csrfmiddlewaretoken value="{token}"><input name=name></form>')


@csrf_exempt
def upload(request):
    size, digest = 0, hashlib.sha256()
    while block := request.read(64 * 1024):
        size += len(block)
        digest.update(block)
    return JsonResponse({"bytes": size, "sha256": digest.hexdigest()})


def stream(request):
    """Gives its second piece only after somebody wrote to the FIFO `go`."""

    def pieces():
        yield b"first\n"
        (settings.DATA / "go").read_bytes()
        yield b"second\n"

    return StreamingHttpResponse(pieces(), content_type="text/plain")


@csrf_exempt
@login_required
def download(request, name):
    """A file for those who are logged in, which the server in front sends."""
    response = sendfile(request, settings.SENDFILE_ROOT / name, attachment=True)
    response.set_cookie("downloaded", "yes")
    return response
