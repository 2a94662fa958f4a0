"""Settings that say before they are saved which quantities would change, keep their history, and can be put back."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from integrations.admin_base import found_or_404
from inventory.admin.history import REASON, History
from inventory.alias_plan import LONGEST_REASON
from inventory.dry_run import Foreseen

AGREED, PAGE = "_agreed", "_page"
OWN = (AGREED, PAGE, REASON, "csrfmiddlewaretoken")
PER_PAGE = 100


class SettingsHistory(History):
    """An admin whose forms are saved only after a look at what that would do. Goes before ChangedFieldsOnly."""

    def foresee(self, form: Any) -> Foreseen | None:
        """What saving this valid form would do to quantities; None where it cannot touch any."""
        raise NotImplementedError

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if request.method == "POST" and not has_agreed(request):
            page = self._dry_run(request, object_id)
            if page is not None:
                return page
        answer: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        return answer

    def _dry_run(self, request: HttpRequest, object_id: str | None) -> HttpResponse | None:
        """The page that tells it; None where the usual one answers: without the right, or with errors, or nothing."""
        obj = found_or_404(self, request, object_id) if object_id else None
        if not (self.has_change_permission(request, obj) if obj else self.has_add_permission(request)):
            return None
        form = self.get_form(request, obj, change=obj is not None)(request.POST, request.FILES, instance=obj)
        foreseen = self.foresee(form) if form.is_valid() else None
        back = self._url("change", obj.pk) if obj else request.path
        return None if foreseen is None else self.before_saving(request, form.instance, foreseen, back)

    def before_saving(self, request: HttpRequest, wanted: Any, foreseen: Foreseen, back: str) -> HttpResponse:
        """`wanted` is the record as it would be; `back` leads to where nothing is saved."""
        page = Paginator(foreseen.rows, PER_PAGE).get_page(request.POST.get(PAGE))
        kept = [(name, value) for name in request.POST if name not in OWN for value in request.POST.getlist(name)]
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "title": f"Before it is saved: {wanted}",
            "foreseen": foreseen, "page": page, "kept": kept, "fingerprint": _fingerprint(request),
            "reason": request.POST.get(REASON, ""), "longest_reason": LONGEST_REASON,
            "back": back, "is_deletion": False,
        }  # fmt: skip
        return TemplateResponse(request, "admin/inventory/dry_run.html", context)


def has_agreed(request: HttpRequest) -> bool:
    return request.POST.get(AGREED) == _fingerprint(request)


def _fingerprint(request: HttpRequest) -> str:
    """Of what was entered: whoever agrees has seen what comes of just that."""
    entered = sorted((name, request.POST.getlist(name)) for name in request.POST if name not in OWN)
    return sha256(repr(entered).encode("utf-8", "surrogatepass")).hexdigest()
