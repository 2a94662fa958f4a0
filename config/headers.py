"""What browsers are told about every page: where it may load from, send to, and be shown in."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# The strictest that the admin's theme works with: Alpine evaluates the expressions in its attributes ('unsafe-eval'),
# and the theme puts its colours into a style element and widths into style attributes. No script is ever inline.
CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "script-src": "'self' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "fullscreen", "geolocation",
        "gyroscope", "magnetometer", "microphone", "midi", "payment", "picture-in-picture", "screen-wake-lock", "usb",
        "xr-spatial-tracking",
    )
)  # fmt: skip


class SecurityHeaders:
    """Adds the two policies. A page whose form leads to another host names it (`integrations.admin_base.leads_to`)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self._get_response(request)
        policy = dict(CONTENT_SECURITY_POLICY)
        if origin := getattr(answer, "leads_to", ""):
            policy["form-action"] += f" {origin}"
        answer.headers["Content-Security-Policy"] = "; ".join(f"{name} {value}" for name, value in policy.items())
        answer.headers["Permissions-Policy"] = PERMISSIONS_POLICY
        return answer
