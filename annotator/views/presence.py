"""What an open page of a note asks in the background: who else is here, what is new."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import JsonResponse
from django.views.decorators.http import require_POST, require_safe

from annotator.selectors.review import find_set
from annotator.services import presence
from annotator.views._access import UserRequest, get_note
from annotator.views._review import answer_gesture


@login_required
@require_POST
def note_presence(request: UserRequest, note_id: int) -> JsonResponse:
    """Take a sign of life of a page, or its good-bye; name the others on the note."""
    note = get_note(request, note_id, defer=("text", "tokens", "metadata"))
    if "leaving" in request.POST:
        presence.note_left(note=note, user=request.user)
        return JsonResponse({"others": []})
    others = presence.note_seen(note=note, user=request.user)
    annotation_set = find_set(note, request.user)
    return JsonResponse(
        {
            "others": [
                {"name": other.get_full_name() or other.username} for other in others
            ],
            "revision": annotation_set.revision if annotation_set else 0,
        }
    )


@login_required
@require_safe
def note_state(request: UserRequest, note_id: int) -> JsonResponse:
    """Return the person's marks as they are now, for a page that fell behind.

    The text comes with them, so who read it is written down.
    """
    note = get_note(request, note_id, defer=("tokens", "metadata"))
    annotation_set = find_set(note, request.user)
    if annotation_set is None:
        return JsonResponse({"revision": 0})
    annotation_set.note = note
    presence.note_read(note=note, user=request.user)
    return JsonResponse(answer_gesture(note, annotation_set, None))
