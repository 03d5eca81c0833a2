"""Django's administration: people can be added, everything else is looked at.

Annotations, the ledger and the audit trail are read-only here: they change through the
services alone. No list shows the text of a note, and no page of it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework.authtoken import admin as _token_admin  # noqa: F401 - registers it
from rest_framework.authtoken.models import TokenProxy

from annotator.enums import Split
from annotator.exceptions import WrongState
from annotator.models import (
    AnnotationSet,
    AuditEntry,
    Export,
    Heartbeat,
    Job,
    Label,
    Membership,
    ModelVersion,
    Note,
    Project,
    Span,
    SpanEvent,
    Suggestion,
    User,
)
from annotator.services import accounts, audit

if TYPE_CHECKING:
    BaseUserAdmin = UserAdmin[User]
    BaseUserForm = UserChangeForm[User]
    AnyModelAdmin = admin.ModelAdmin[Any]
    MembershipTabular = admin.TabularInline[Membership, Project]
    LabelTabular = admin.TabularInline[Label, Project]
else:  # generic for the type checker only
    BaseUserAdmin = UserAdmin
    BaseUserForm = UserChangeForm
    AnyModelAdmin = admin.ModelAdmin
    MembershipTabular = LabelTabular = admin.TabularInline


class ReadOnly:
    """Takes add, change and delete away from whoever it is."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


# Roles stand in memberships, which groups do not know of. Tokens are made in one place
# (services/tokens.py), which keeps their digests alone.
admin.site.unregister([Group, TokenProxy])


class PersonForm(BaseUserForm):
    """Refuses what `accounts.update_user` refuses, in the change view's transaction."""

    actor: ClassVar[User]

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's, not in the stubs
        if self.errors:
            return
        try:
            accounts.refuse_lock_out(user=self.instance, actor=self.actor)
        except WrongState:
            self.add_error(
                None,
                _(
                    "That would lock out the last administrator, or you yourself."
                    " Let another administrator do it."
                ),
            )


@admin.register(User)
class PersonAdmin(BaseUserAdmin):
    """People are made and closed here; nobody who left a trace can be deleted."""

    form = PersonForm
    list_display = ("username", "first_name", "last_name", "is_staff", "is_active")
    fieldsets = (
        *(UserAdmin.fieldsets or ()),
        (_("Glosa"), {"fields": ("interface_language", "theme")}),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_form(
        self,
        request: HttpRequest,
        obj: User | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[ModelForm[User]]:
        form = super().get_form(request, obj, change=change, **kwargs)
        if obj is not None:  # a class of this request alone
            cast(type[PersonForm], form).actor = cast(User, request.user)
        return form

    def save_model(
        self, request: HttpRequest, obj: User, form: ModelForm[Any], change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        accounts.release_notes_of_locked_out(user=obj)

    def log_addition(self, request: HttpRequest, obj: User, message: Any) -> LogEntry:
        self._audit(request, "account.create", obj)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> LogEntry:
        """Called for changed passwords too."""
        self._audit(request, "account.update", obj)
        return super().log_change(request, obj, message)

    def _audit(self, request: HttpRequest, action: str, person: User) -> None:
        actor = cast(User, request.user)
        audit.record(
            actor=actor,
            action=action,
            subject=f"user:{person.pk}",
            details={"admin": person.is_staff, "active": person.is_active},
        )


class MembershipInline(ReadOnly, MembershipTabular):
    model = Membership
    extra = 0


class LabelInline(ReadOnly, LabelTabular):
    model = Label
    extra = 0
    fields = ("name", "short_name", "colour_slot", "hotkey", "position")


@admin.register(Project)
class ProjectAdmin(ReadOnly, AnyModelAdmin):
    list_display = ("name", "slug", "language", "genre", "active_version")
    list_select_related = ("active_version",)
    inlines = (LabelInline, MembershipInline)


@admin.register(Note)
class NoteAdmin(ReadOnly, AnyModelAdmin):
    """Ids, states, lengths. The text is read on the review page, which is audited."""

    list_display = (
        "id",
        "project",
        "external_id",
        "split",
        "state",
        "n_chars",
        "imported_at",
    )
    list_filter = ("project", "split", "state")
    list_select_related = ("project",)
    search_fields = ("=external_id", "=sha256")
    exclude = ("text", "tokens", "turns", "title", "metadata")


@admin.register(AnnotationSet)
class AnnotationSetAdmin(ReadOnly, AnyModelAdmin):
    list_display = ("id", "note", "annotator", "is_gold", "state", "revision")
    list_filter = ("state", "is_gold")
    list_select_related = ("note", "annotator")


@admin.register(Span)
class SpanAdmin(ReadOnly, AnyModelAdmin):
    list_display = ("id", "annotation_set", "start_char", "end_char", "label", "origin")
    list_select_related = ("annotation_set", "label")


@admin.register(SpanEvent)
class SpanEventAdmin(ReadOnly, AnyModelAdmin):
    list_display = ("id", "annotation_set", "revision", "action", "actor", "at")
    list_filter = ("action",)
    list_select_related = ("annotation_set", "actor")


@admin.register(Suggestion)
class SuggestionAdmin(ReadOnly, AnyModelAdmin):
    """Not those of held-out notes: who annotates them must not know."""

    list_display = ("id", "note", "source", "model_version", "label", "confidence")
    list_filter = ("source",)
    list_select_related = ("note", "model_version", "label")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(note__split=Split.TRAIN)


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnly, AnyModelAdmin):
    list_display = ("name", "project", "recipe", "state", "created_at")
    list_filter = ("state", "project")
    list_select_related = ("project",)


@admin.register(Job)
class JobAdmin(ReadOnly, AnyModelAdmin):
    list_display = ("id", "kind", "project", "state", "attempt", "worker", "created_at")
    list_filter = ("kind", "state")
    list_select_related = ("project",)


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnly, AnyModelAdmin):
    list_display = ("name", "queue", "pid", "beat_at")


@admin.register(Export)
class ExportAdmin(ReadOnly, AnyModelAdmin):
    list_display = ("id", "project", "format", "n_notes", "n_spans", "created_at")
    list_filter = ("project", "format")
    list_select_related = ("project",)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, AnyModelAdmin):
    list_display = ("id", "at", "actor", "action", "subject")
    list_filter = ("action",)
    list_select_related = ("actor",)
    search_fields = ("=subject", "=action")
