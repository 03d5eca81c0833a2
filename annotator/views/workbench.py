"""What stands beside the text of the review page, and each person's keys.

Fragments that the page asks for when it needs them; the page itself is in `review`.
"""

from __future__ import annotations

from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from annotator.enums import Role
from annotator.exceptions import InvalidValues
from annotator.forms.gestures import SameForm
from annotator.markdown import render_markdown
from annotator.models import AnnotationSet, Label, Note
from annotator.permissions import has_role
from annotator.selectors.beside import (
    comments_of,
    guideline_section,
    history_of,
    label_examples,
)
from annotator.selectors.review import choose_set, find_set
from annotator.services.comments import add_comment, set_comment_removed
from annotator.services.key_maps import (
    COMMANDS,
    change_key_map,
    key_map_of,
    reset_key_map,
)
from annotator.services.propagation import same_in_project, same_mentions
from annotator.validators import whole_number
from annotator.views._access import UserRequest, get_note


@login_required
@require_POST
def note_same(request: UserRequest, note_id: int) -> HttpResponse:
    """List the same mentions. Posted: words of a note do not stand in addresses."""
    note = get_note(request, note_id)
    form = SameForm(request.POST)
    if not form.is_valid() or form.cleaned_data["end_char"] > note.n_chars:
        return HttpResponseBadRequest()
    place = form.place
    is_wide = form.cleaned_data["scope"] == "project"
    own = find_set(note, request.user)
    found = [same_mentions(note=note, annotation_set=own, **place)]
    if is_wide:
        found += same_in_project(note=note, annotator=request.user, **place)
    context = {
        "mention": note.text[place["start_char"] : place["end_char"]],
        "label": note.project.labels.filter(name=place["label"]).first(),
        "found": [row for row in found if row.places],
        "note": note,
        "is_wide": is_wide,
    }
    return render(request, "annotator/_note_same.html", context)


@login_required
@require_safe
def note_guide(request: UserRequest, note_id: int) -> HttpResponse:
    """Show what the guideline says of one label, with examples."""
    note = get_note(request, note_id, defer=("text", "tokens"))
    name = request.GET.get("label", "").replace("\0", "")
    label = get_object_or_404(Label, project=note.project, name=name)
    section = guideline_section(note.project.guideline, label)
    context = {
        "project": note.project,
        "label": label,
        "section": render_markdown(section) if section else "",
        "examples": label_examples(label, note=note, person=request.user),
    }
    return render(request, "annotator/_note_guide.html", context)


@login_required
@require_safe
def note_history(request: UserRequest, note_id: int) -> HttpResponse:
    """Tell who did what, the last first."""
    note = get_note(request, note_id, defer=("tokens",))
    annotation_set = _shown_set(request, note)
    context = {"rows": history_of(annotation_set), "note": note}
    return render(request, "annotator/_note_history.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def note_comments(request: UserRequest, note_id: int) -> HttpResponse:
    """Show the remarks; add one, take one away, bring it back."""
    note = get_note(request, note_id, defer=("tokens",))
    annotation_set = _shown_set(request, note)
    status, problem = 200, ""
    if request.method == "POST":
        try:
            _change_comments(request, note, annotation_set)
        except InvalidValues:
            status, problem = 422, _("Write something, up to 2,000 characters.")
    context = {
        "note": note,
        "comments": comments_of(note, annotation_set),
        "may_remove_all": has_role(request.user, note.project, Role.ADMIN),
        "comment_id": uuid4(),
        "problem": problem,
    }
    return render(request, "annotator/_note_comments.html", context, status=status)


@login_required
@require_http_methods(["GET", "POST"])
def key_map(request: UserRequest) -> HttpResponse:
    """Show and change the person's keys; "reset" goes back to the defaults."""
    problems: dict[str, list[str]] = {}
    keys = key_map_of(request.user)
    if request.method == "POST":
        if "reset" in request.POST:
            reset_key_map(user=request.user)
            messages.success(request, _("The keys are as they came."))
            return redirect("key_map")
        sent = {name: request.POST[name] for name in COMMANDS if name in request.POST}
        try:
            change_key_map(user=request.user, keys=sent)
        except InvalidValues as error:
            problems, keys = error.fields, keys | sent
        else:
            messages.success(request, _("Your keys were saved."))
            return redirect("key_map")
    rows = [
        {
            "name": name,
            "text": text,
            "key": keys[name],
            "default": default,
            "problem": " ".join(problems.get(name, [])),
        }
        for name, (default, text) in COMMANDS.items()
    ]
    context = {"rows": rows, "has_problems": bool(problems)}
    status = 422 if problems else 200
    return render(request, "annotator/key_map_edit.html", context, status=status)


def _shown_set(request: UserRequest, note: Note) -> AnnotationSet | None:
    """Return the set that the page shows, with the note that is loaded already."""
    found = choose_set(
        note=note,
        user=request.user,
        is_reviewer=has_role(request.user, note.project, Role.REVIEWER),
        set_id=whole_number(request.GET.get("set", "")),
    )
    if found is not None:
        found.note = note
    return found


def _change_comments(
    request: UserRequest, note: Note, annotation_set: AnnotationSet | None
) -> None:
    for field in ("remove", "restore"):
        if field in request.POST:
            comment = note.comments.filter(pk=_uuid(request.POST[field])).first()
            if comment is None:
                raise Http404
            set_comment_removed(
                comment=comment, actor=request.user, is_removed=field == "remove"
            )
            return
    about = request.POST.get("span_id", "")
    add_comment(
        note=note,
        author=request.user,
        body=request.POST.get("body", ""),
        comment_id=_uuid(request.POST.get("comment_id", "")),
        annotation_set=annotation_set,
        span_id=_uuid(about) if about else None,
    )


def _uuid(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError as error:
        raise Http404 from error
