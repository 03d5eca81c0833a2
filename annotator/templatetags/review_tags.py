"""Marks, blocks and the list of spans as HTML.

Written by hand rather than by template loops: a long note has thousands of segments.
Every piece of text goes through `_text`; nothing else of a note reaches the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from annotator.enums import Attribute
from annotator.models import Label
from annotator.selectors.blocks import Block, Mark, Segment
from annotator.selectors.copied import Copied
from annotator.selectors.layouts import Place
from annotator.selectors.notes import UNSURE_BELOW
from annotator.services.attributes import guess_in

register = template.Library()

ROLES = frozenset({"doctor", "nurse", "pharmacist", "patient", "relative", "other"})
_MAX_NAMED_CHARS = 80
# From here on the page calls a suggestion sure.
_SURE = 0.8


@dataclass(frozen=True, slots=True)
class LabelPaint:
    """What the page needs of a label, escaped once."""

    name: str
    shown: str
    short: str
    slot: int

    @classmethod
    def of(cls, label: Label, language: str) -> LabelPaint:
        shown = label.local_names.get(language) or label.name
        return cls(
            escape(label.name),
            escape(shown),
            escape(label.short_name),
            label.colour_slot,
        )


@dataclass(frozen=True, slots=True)
class Paint:
    """All that the blocks of one answer share."""

    text: str
    labels: dict[int, LabelPaint]
    levels: dict[str, int]
    # Key of the mark that the page opens with; its link and mark say so.
    current: str = ""
    # Query of the page's own address, before "in_hand=".
    query: str = "?"
    # Of the note: rules guess the context of suggestions in it.
    language: str = ""
    guessed: dict[Place, tuple[str, ...]] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=lambda: _words())
    roles: dict[str, str] = field(default_factory=lambda: _roles())

    def mention(self, mark: Mark) -> str:
        """Return the mention on one line, escaped, cut when it is long."""
        mention = " ".join(self.text[mark.start_char : mark.end_char].split())
        if len(mention) > _MAX_NAMED_CHARS:
            mention = f"{mention[:_MAX_NAMED_CHARS]}…"
        return escape(mention)

    def how_sure(self, mark: Mark) -> str:
        confidence = mark.confidence or 0.0
        if confidence >= _SURE:
            return self.words["sure"]
        return self.words["unsure" if confidence < UNSURE_BELOW else "fairly sure"]

    def attributes(self, mark: Mark) -> tuple[str, ...]:
        """Return the context of the mark, or what accepting it would make of it."""
        if not mark.is_suggestion or not self.language:
            return mark.attributes
        place = (mark.start_char, mark.end_char, self.labels[mark.label_id].name)
        found = self.guessed.get(place)
        if found is None:
            found = guess_in(self.text, *place, self.language)
            self.guessed[place] = found
        return found


def _words() -> dict[str, str]:
    return {
        # Signs of the context, in a mark's tag: as short as "no".
        "negated": escape(_("no")),
        "hypothetical": escape(_("if")),
        "family": escape(_("fam")),
        "historical": escape(_("past")),
        "suggestion": escape(_("suggestion")),
        "annotation": escape(_("annotation")),
        "sure": escape(_("sure")),
        "fairly sure": escape(_("fairly sure")),
        "unsure": escape(_("unsure")),
        # xgettext:no-python-format
        "percent sure": escape(_("% sure")),
    }


def _roles() -> dict[str, str]:
    """Return what stands under a speaker's name that does not tell the role."""
    return {
        "doctor": escape(_("doctor")),
        "nurse": escape(_("nurse")),
        "pharmacist": escape(_("pharmacist")),
        "patient": escape(_("patient")),
        "relative": escape(_("family")),
    }


def percent(confidence: float | None) -> int:
    """Return whole percent, never 100 for what is not certain."""
    return min(99, round(100 * (confidence or 0.0)))


@register.simple_tag
def preload_modules(names: str) -> SafeString:
    """Return links that have these modules fetched at once, not import by import."""
    return mark_safe(  # noqa: S308 - our own names
        "".join(
            f'<link rel="modulepreload" href="{static(f"js/{name}.js")}">'
            for name in names.split()
        )
    )


@register.simple_tag
def note_text(
    blocks: Sequence[Block],
    paint: Paint,
    packed: Sequence[str],
    copied: Mapping[int, Copied] | None = None,
) -> SafeString:
    """Return the blocks of a note; *packed* holds the tokens of each."""
    return mark_safe(  # noqa: S308 - escaped in _block
        "".join(
            _block(block, paint, packed[block.plan.index], copied) for block in blocks
        )
    )


@register.simple_tag
def mark_lists(blocks: Sequence[Block], paint: Paint) -> SafeString:
    """Return a list for each block, so that an answer swaps those it touches."""
    return mark_safe(  # noqa: S308 - escaped in _entry
        "".join(
            f'<ol class="mentions" id="list-{block.plan.index}">'
            f"{mention_list(block, paint)}</ol>"
            for block in blocks
        )
    )


def _block(
    block: Block, paint: Paint, packed: str, copied: Mapping[int, Copied] | None
) -> str:
    """Return a block with its frame, which stays when the inside is swapped."""
    plan = block.plan
    classes = f"block block--{plan.kind}"
    inside: str = block_inside(block, paint)
    if copied and plan.index in copied:
        classes += " block--copied"
        inside = _folded(copied[plan.index], plan.index, inside)
    if plan.kind == "turn":
        classes += f" role-{plan.role if plan.role in ROLES else 'other'}"
    speaker = ""
    if plan.speaker and plan.words_start == plan.start_char:
        # Turns of a table have no prefix in the text: the chip is drawn by CSS.
        speaker = f' data-speaker="{escape(plan.speaker)}"'
    if plan.turn >= 0:
        speaker += f' data-turn="{plan.turn}"'
    if " " in plan.speaker.strip() and plan.role in paint.roles:
        speaker += f' data-role="{paint.roles[plan.role]}"'
    return (
        f'<div class="{classes}" id="block-{plan.index}" data-start="{plan.start_char}"'
        f' data-end="{plan.end_char}" data-tokens="{packed}"{speaker}>'
        f"{inside}</div>"
    )


def _folded(source: Copied, index: int, inside: str) -> str:
    """Fold a paragraph under a line that says where it was before.

    The line is generated content, as tags are: find, selection and copy see the note's
    text only. What is hidden until found opens when the browser's find comes to it.
    """
    words = {"name": source.name, "order": source.order, "date": source.date}
    if source.date:
        line = escape(_("Same as note %(name)s of %(date)s") % words)
    else:
        line = escape(_("Same as note %(name)s, no. %(order)s of the patient") % words)
    address = reverse("note_review", kwargs={"note_id": source.note_id})
    opened = escape(_("Open that note"))
    return (
        f'<button class="copied__line" type="button" data-fold data-line="{line}"'
        f' aria-label="{line}" aria-expanded="false" aria-controls="copied-{index}">'
        f'</button><a class="copied__from" href="{address}" data-line="{opened}"'
        f' aria-label="{opened}"></a>'
        f'<div class="copied" id="copied-{index}" hidden="until-found">{inside}</div>'
    )


def block_inside(block: Block, paint: Paint) -> SafeString:
    """Return the segments of a block; a turn's prefix is its chip."""
    plan = block.plan
    prefix = [s for s in block.segments if s.start_char < plan.words_start]
    rest = block.segments[len(prefix) :]
    parts = [_segment(segment, paint) for segment in rest]
    if plan.kind == "turn":
        chip = "".join(_segment(segment, paint) for segment in prefix)
        parts.insert(0, f'<span class="speaker">{chip}</span><span class="words">')
        parts.append("</span>")
    return mark_safe("".join(parts))  # noqa: S308 - escaped in _segment


def mention_list(block: Block, paint: Paint) -> SafeString:
    """Return the entries of the marks that begin in the block."""
    return mark_safe(  # noqa: S308 - escaped in _entry
        "".join(_entry(mark, paint) for mark in block.begins)
    )


def _entry(mark: Mark, paint: Paint) -> str:
    label = paint.labels[mark.label_id]
    state = "suggestion" if mark.is_suggestion else "annotation"
    current = ' aria-current="true"' if mark.key == paint.current else ""
    sure = f"{percent(mark.confidence)} %" if mark.is_suggestion else "✓"
    signs = "".join(
        f' <span class="sign">{paint.words[name]}</span>'
        for name in paint.attributes(mark)
    )
    return (
        f'<li><a class="mention is-{state} label-{label.slot}" data-go="{mark.key}"'
        f' href="{paint.query}in_hand={mark.key}"{current}>'
        f'<span class="mention__label">{label.short}</span>'
        f'<span class="mention__text">{paint.mention(mark)}{signs}</span>'
        f'<span class="mention__sure">{sure}</span></a></li>'
    )


def _segment(segment: Segment, paint: Paint) -> str:
    if not segment.marks:
        return f'<span data-at="{segment.start_char}">{_text(segment.text)}</span>'
    innermost = len(segment.marks) - 1
    opening = "".join(
        _opening(mark, segment, paint, is_leaf=index == innermost)
        for index, mark in enumerate(segment.marks)
    )
    return f"{opening}{_text(segment.text)}{'</mark>' * len(segment.marks)}"


def _opening(mark: Mark, segment: Segment, paint: Paint, *, is_leaf: bool) -> str:
    """Open one layer: the first segment of a mark names it, the last has its tag."""
    label = paint.labels[mark.label_id]
    state = "suggestion" if mark.is_suggestion else "annotation"
    classes = f"mark is-{state} label-{label.slot} level-{paint.levels[mark.key]}"
    if mark.confidence is not None:
        classes += f" c{min(9, int(10 * mark.confidence))}"
    if mark.key == paint.current:
        classes += " is-current"
    rest = f' data-key="{mark.key}"'
    if is_leaf:
        rest += f' data-at="{segment.start_char}"'
    if segment.start_char == mark.start_char:
        classes += " is-first"
        rest += _name(mark, label, paint, state)
    if segment.end_char == mark.end_char:
        classes += " is-last"
        signs = [label.short, *(paint.words[name] for name in paint.attributes(mark))]
        rest += f' data-tag="{" · ".join(signs)}"'
    return f'<mark class="{classes}"{rest}>'


def _name(mark: Mark, label: LabelPaint, paint: Paint, state: str) -> str:
    """Return what focus, screen readers and the inspector need, once a mark."""
    named = f"{paint.words[state]}: {label.shown}, {paint.mention(mark)}"
    sure = ""
    if held := paint.attributes(mark):
        named += "".join(f", {escape(Attribute(name).label)}" for name in held)
        sure = f' data-attributes="{" ".join(held)}"'
    if mark.is_suggestion:
        named += f", {percent(mark.confidence)} {paint.words['percent sure']}"
        sure += (
            f' data-sure="{percent(mark.confidence)}" data-how="{paint.how_sure(mark)}"'
        )
    return (
        f' role="group" tabindex="-1" aria-label="{named}"'
        f' data-from="{mark.start_char}" data-to="{mark.end_char}"'
        f' data-label="{label.name}" data-shown="{label.shown}"'
        f' data-slot="{label.slot}"{sure}'
    )


def _text(text: str) -> str:
    """Escape a text node; a carriage return would be read back as a line feed."""
    return str(escape(text)).replace("\r", "&#13;")
