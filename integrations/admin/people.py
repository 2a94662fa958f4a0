"""Who may sign in and do what, who is locked out, and tables of the queue that staff need not see."""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ValidationError
from django.db.models import Aggregate, Exists, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from integrations import second_factor
from integrations.admin.named import named
from integrations.admin_base import NotDone, ReadOnly, ago, ask, clip, do_each, found_or_404, log
from integrations.authenticator import AuthenticatorApp
from integrations.exports import Exported
from integrations.titles import Titled

for hidden in (Failure, OrmQ, Schedule, Success, Group, User, StaticDevice, TOTPDevice):
    if admin.site.is_registered(hidden):  # the queue registers its own table only when it is kept in the database
        admin.site.unregister(hidden)

# Whoever may change these could give themselves any right.
OF_SUPERUSERS = ("is_superuser", "user_permissions")
TOUCHABLE = "_touchable_users"
ROLES_HINT = (
    "Viewer: sees how everything is doing, changes nothing. Operator: gets orders out and quantities across. "
    "Mapper: says what things are called. Manager: all of these; routes and going live, inventory rules, short ships. "
    "Administrator: all of these; connections, credentials, users. Who has several may what each of them may "
    "(docs/roles.md)."
)
LABELS = {
    "is_active": "Switched on", "is_staff": "May sign in here", "is_superuser": "Superuser", "groups": "Roles",
    "user_permissions": "Single permissions", "email": "E-mail", "last_login": "Last signed in", "date_joined": "Added",
}  # fmt: skip
HINTS = {
    "is_active": "Without it they cannot sign in. Whoever did something is switched off instead of deleted.",
    "is_staff": "To these pages. What they then may do, their roles say; without a role, nothing.",
    "is_superuser": "May everything without a role, also change superusers, give single permissions and make groups.",
    "user_permissions": "Besides those of their roles. Rather give a role.",
}


class RolesForm(UserChangeForm):
    """Nobody gives a role with rights that they lack: they could give it to themselves."""

    giver: Any

    class Meta(UserChangeForm.Meta):
        labels = LABELS
        help_texts = HINTS

    def clean_groups(self) -> QuerySet[Group]:
        chosen: QuerySet[Group] = self.cleaned_data["groups"]
        new = chosen.exclude(user=self.instance.pk)
        more = [one.name for one in new if not _has_all(self.giver, Q(group=one))]
        if more:
            raise ValidationError(f"{', '.join(more)}: this has rights that you lack. A superuser can give it.")
        return chosen


def _has_all(user: Any, of: Q) -> bool:
    """Whether the user has all of these permissions."""
    asked = Permission.objects.filter(of).values_list("content_type__app_label", "codename")
    return bool(user.is_superuser) or {".".join(one) for one in asked} <= user.get_all_permissions()


class Joined(Aggregate):
    """Texts in one, with a comma between each two."""

    function = "STRING_AGG"

    def __init__(self, expression: str) -> None:
        super().__init__(expression, Value(", "))

    def as_sqlite(self, *args: Any, **kwargs: Any) -> Any:
        return self.as_sql(*args, **kwargs, function="GROUP_CONCAT")


class WithSecondFactor(admin.SimpleListFilter):
    title, parameter_name = "second factor", "second_factor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(has_second_factor=self.value() == "yes") if self.value() else queryset


def _called(kind: type[admin.FieldListFilter], title: str) -> type[admin.FieldListFilter]:
    """The filter of a field, by the words that its page has for that."""

    class Called(kind):  # type: ignore[valid-type,misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.title = title

    return Called


@admin.register(User)
class UserAdmin(DjangoUserAdmin, Titled, Exported):  # type: ignore[type-arg]
    """Users with their roles. Superusers, and who has more rights than oneself, are for superusers."""

    form = RolesForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "name", "roles", "switched_on", "superuser", "second_factor", "signed_in")
    list_filter = (
        ("is_active", _called(admin.BooleanFieldListFilter, "switched on")),
        ("is_superuser", _called(admin.BooleanFieldListFilter, "superuser")),
        ("groups", _called(admin.RelatedFieldListFilter, "role")),
        WithSecondFactor,
    )
    fieldsets = (
        (None, {"fields": ("username", "password", "first_name", "last_name", "email")}),
        ("What they may do", {"fields": ("is_active", "is_staff", "groups", "is_superuser", "user_permissions")}),
        ("When", {"fields": ("last_login", "date_joined")}),
    )
    # Without the choice of no password: nobody signs in here in another way.
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2")}),)
    export_columns = ("username", "first_name", "last_name", "email", "role_names", "is_active", "is_staff",
                      "is_superuser", "has_second_factor", "last_login", "date_joined")  # fmt: skip
    actions_detail = ["remove_second_factor"]
    list_fullwidth = True
    switched_on = named("is_active", "switched on", boolean=True)
    superuser = named("is_superuser", "superuser", boolean=True)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        app = AuthenticatorApp.objects.filter(user=OuterRef("pk"), confirmed=True)
        rows: QuerySet[User] = super().get_queryset(request)
        names = Group.objects.filter(user=OuterRef("pk")).order_by().values("user").annotate(all=Joined("name"))
        return rows.annotate(has_second_factor=Exists(app), role_names=Subquery(names.values("all")))

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        """The form knows who gives the roles."""
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.giver = request.user
        return form

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Whoever is added here is to work here; what they may do, their roles say."""
        obj.is_staff = obj.is_staff or not change
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The audit log says which roles were given, and which taken away."""
        before = set(form.instance.groups.values_list("name", flat=True))
        super().save_related(request, form, formsets, change)
        after = set(form.instance.groups.values_list("name", flat=True))
        said = [("Given", after - before), ("Taken away", before - after)]
        if before != after:
            text = "; ".join(f"{what}: {', '.join(sorted(names))}" for what, names in said if names)
            log(request, [form.instance], text)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        shown = (*super().get_readonly_fields(request, obj), "last_login", "date_joined")
        return shown if request.user.is_superuser else (*shown, *OF_SUPERUSERS)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        said = {"help_text": ROLES_HINT} if db_field.name == "groups" else {}
        return super().formfield_for_manytomany(db_field, request, **{**kwargs, **said})

    def get_actions(self, request: HttpRequest) -> Any:
        """Who did something is in the audit log, and switched off instead of deleted."""
        return {name: one for name, one in super().get_actions(request).items() if name != "delete_selected"}

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_change_permission(request, obj)) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = bool(super().has_delete_permission(request, obj)) and _may_touch(request, obj)
        return allowed and not (isinstance(obj, User) and obj.logentry_set.exists())

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        user = self.get_object(request, str(object_id))
        if user is None or not self.has_change_permission(request, user) or not second_factor.is_set_up(user):
            return []
        return super().get_actions_detail(request, object_id)

    @display(description="name", ordering="last_name")
    def name(self, obj: User) -> str:
        return clip(obj.get_full_name(), 30)

    @display(description="roles")
    def roles(self, obj: Any) -> str:
        return clip(obj.role_names or "", 40)

    @display(description="second factor", boolean=True)
    def second_factor(self, obj: Any) -> bool:
        return bool(obj.has_second_factor)

    @display(description="signed in", ordering="last_login")
    def signed_in(self, obj: User) -> str:
        return ago(obj.last_login)

    @action(description="Remove second factor", url_path="remove-second-factor", icon="phonelink_erase")
    def remove_second_factor(self, request: HttpRequest, object_id: int) -> HttpResponse:
        user = found_or_404(self, request, object_id)

        def do(_values: dict[str, Any]) -> str:
            if not second_factor.remove(user):
                raise NotDone(f"{user} has no second factor.")
            return f"The second factor of {user} is removed"

        return ask(
            self, request, user, title=f"Remove the second factor of {user}", button="Remove", do=do,
            consequence="For who lost phone and recovery codes: make sure that it is them who ask. Until they set up a "
            "new one, their password alone signs them in, or takes them to setting it up where their role needs one.",
        )  # fmt: skip


def _may_touch(request: HttpRequest, user: Any) -> bool:
    """Who set the password of a user with more rights could sign in as them."""
    if not isinstance(user, User) or request.user.is_superuser:
        return True
    kept: dict[int, bool] = vars(request).setdefault(TOUCHABLE, {})  # a page asks for it several times
    if user.pk not in kept:
        kept[user.pk] = not user.is_superuser and _has_all(request.user, Q(user=user) | Q(group__user=user))
    return kept[user.pk]


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, Titled, Exported):
    """Crossdock's roles are written by its migrations; groups of one's own are for superusers to make.

    Whoever else could change one could give their own any right, whatever permission they were given for it.
    """

    list_fullwidth = True
    export_columns = ("name", "may")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        given = Permission.objects.filter(group=OuterRef("pk")).order_by().values("group").annotate(all=Joined("name"))
        rows: QuerySet[Group] = super().get_queryset(request)
        return rows.annotate(may=Subquery(given.values("all")))

    def get_actions(self, request: HttpRequest) -> Any:
        return {name: one for name, one in super().get_actions(request).items() if name != "delete_selected"}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser) and not _is_role(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser) and not _is_role(obj)


def _is_role(group: Any) -> bool:
    return isinstance(group, Group) and group.name in settings.ROLES


class Locked(admin.SimpleListFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("locked", "Locked"), ("open", "Open")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        limit = settings.AXES_FAILURE_LIMIT
        chosen = {"locked": Q(failures__gte=limit), "open": Q(failures__lt=limit) | Q(failures=None)}
        return queryset.filter(chosen[self.value() or ""]) if self.value() in chosen else queryset


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnly):
    """Sign-ins that failed. Unlocking forgets them, also those with another browser."""

    empty_hint = "Nobody failed to sign in."
    list_display = ("username", "ip_address", "state", "failures_since_start", "last", "browser")
    list_filter = (Locked, "attempt_time")
    search_fields = ("username", "ip_address")
    export_columns = ("username", "ip_address", "failures", "attempt_time", "user_agent", "path_info")
    fields = ("username", "ip_address", "failures_since_start", "attempt_time", "user_agent", "path_info")
    actions = ["unlock_many"]
    actions_detail = ["unlock"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessAttempt]:
        since = timezone.now() - settings.AXES_COOLOFF_TIME
        same = AccessAttempt.objects.filter(
            username=OuterRef("username"), ip_address=OuterRef("ip_address"), attempt_time__gt=since
        )
        counted = same.order_by().values("username").annotate(sum=Sum("failures_since_start")).values("sum")
        found: QuerySet[AccessAttempt] = super().get_queryset(request).annotate(failures=Subquery(counted))
        return found

    @display(description="state", label={"Locked": "danger", "Open": "default"})
    def state(self, obj: Any) -> str:
        return "Locked" if (obj.failures or 0) >= settings.AXES_FAILURE_LIMIT else "Open"

    def has_unlock_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("axes.delete_accessattempt"))

    @display(description="last", ordering="attempt_time")
    def last(self, obj: AccessAttempt) -> str:
        return ago(obj.attempt_time)

    @display(description="browser")
    def browser(self, obj: AccessAttempt) -> str:
        return clip(obj.user_agent, 50)

    @action(description="Unlock", url_path="unlock", icon="lock_open", permissions=["unlock"])
    def unlock(self, request: HttpRequest, object_id: int) -> HttpResponse:
        attempt = found_or_404(self, request, object_id)
        return ask(
            self, request, attempt, title=f"Unlock {_named(attempt)}", button="Unlock", consequence=UNLOCKING,
            do=lambda _values: self._unlocked(request, attempt), allowed=self.has_unlock_permission(request),
        )  # fmt: skip

    def _unlocked(self, request: HttpRequest, attempt: AccessAttempt) -> HttpResponse:
        """Its page is gone with it."""
        said = _unlock(attempt)
        log(request, [attempt], said)
        messages.success(request, said)
        return redirect("admin:axes_accessattempt_changelist")

    @admin.action(description="Unlock", permissions=["unlock"])
    def unlock_many(self, request: HttpRequest, queryset: QuerySet[AccessAttempt]) -> None:
        do_each(request, queryset, _unlock, done="unlocked", refuse=NotDone)


UNLOCKING = "The failed sign-ins of this user name from this address are forgotten: it may be tried again at once."


def _named(attempt: AccessAttempt) -> str:
    return f"{attempt.username} from {attempt.ip_address}"


def _unlock(attempt: AccessAttempt) -> str:
    AccessAttempt.objects.filter(username=attempt.username, ip_address=attempt.ip_address).delete()
    return f"{_named(attempt)} is unlocked"
