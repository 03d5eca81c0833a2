"""Turns of a dialogue in plain text: lines that begin with a speaker's name.

Standard library only. A note with headings ("Tratamiento: ...") must not become a
dialogue: then suggestions and pages would treat its headings as speakers.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from ner_engine.text.sentences import LINE_BREAKS
from ner_engine.types import Turn

_DOCTOR = """
doctor doctora dr dra doc medico medica med medecin docteur docteure dre physician
clinician clinicien clinicienne facultativo facultativa gp cardiologo cardiologa
cardiologue cardiologist psiquiatra psychiatre psychiatrist pediatra pediatre
pediatrician paediatrician oncologo oncologa oncologue oncologist neurologo neurologa
neurologue neurologist cirujano cirujana chirurgien chirurgienne surgeon anestesista
anestesiologo anestesiologa anesthesiste anesthetist anesthesiologist internista
interniste internist residente interne resident regulador reguladora regulateur
consultant registrar therapist terapeuta therapeute psicologo psicologa psychologue
psychologist fisioterapeuta kinesitherapeute kine physiotherapist matrona
"""
_NURSE = """
enfermero enfermera enfermeria enf infirmier infirmiere ide nurse rn sister matron
midwife sage-femme auxiliar aide-soignant aide-soignante
"""
_PHARMACIST = """
farmaceutico farmaceutica farmacia pharmacien pharmacienne pharmacist pharmacy chemist
boticario
"""
_PATIENT = "paciente pac pcte pte patient patiente pt usuario usuaria enfermo enferma"
_RELATIVE = """
familiar familia madre padre mama papa hijo hija hermano hermana esposo esposa marido
mujer pareja abuelo abuela nieto nieta cuidador cuidadora acompanante tutor tutora tio
tia llamante famille mere pere maman fils fille frere soeur epoux epouse mari femme
conjoint conjointe grand-mere grand-pere aidant aidante accompagnant accompagnante
proche appelant appelante family mother father mum mom dad son daughter brother
sister-in-law husband wife partner grandmother grandfather grandma grandpa carer
caregiver relative parent guardian caller spouse
"""
_OTHER = """
interprete interpreter translator interprete-traductor recepcionista receptionist
secretaria secretaire operador operadora operator operateur operatrice estudiante
student etudiant etudiante entrevistador entrevistadora interviewer enqueteur speaker
hablante locuteur trabajador trabajadora social
"""


def _role_table() -> dict[str, str]:
    """Return the role of each known speaker word, without accents."""
    words = {
        "other": _OTHER,
        "relative": _RELATIVE,
        "patient": _PATIENT,
        "pharmacist": _PHARMACIST,
        "nurse": _NURSE,
        "doctor": _DOCTOR,
    }
    return {word: role for role, text in words.items() for word in text.split()}


_ROLES = _role_table()
# One letter names a role only as the whole prefix ("D: ...", "P: ...").
_INITIALS = {"d": "doctor", "m": "doctor", "p": "patient"}

# A prefix longer than this is a sentence with a colon in it.
_MAX_SPEAKER_CHARS = 40
_MAX_SPEAKER_WORDS = 4
# Dialogue when more than half of the lines begin a turn. Hard-wrapped transcripts have
# fewer: two people of known role who both come back are enough from a fifth on.
_MIN_SHARE = 0.5
_MIN_SHARE_KNOWN = 0.2

_LINE = re.compile(rf"[^{''.join(sorted(LINE_BREAKS))}]+")
_PREFIX = re.compile(
    r"\s*(?:[-–—•*>]\s*)?"
    r"(?:\[?\(?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?\)?\]?\s+)?"  # a time of day or tape
    r"(?:"
    rf"\[\s*(?P<bracketed>[^\[\]:]{{1,{_MAX_SPEAKER_CHARS}}}?)\s*\]\s*[:：]?"
    r"|"
    rf"\*{{0,2}}(?P<plain>[^\W\d_][^:：\[\]]{{0,{_MAX_SPEAKER_CHARS - 1}}}?)\*{{0,2}}"
    r"\s*[:：]\*{0,2}(?!\d|//)"
    r")\s*"
)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is not blank; ``speaker`` is None on a continuation."""

    speaker: str | None
    start_char: int  # of the utterance
    end_char: int  # without trailing white space


def parse_turns(text: str) -> tuple[Turn, ...]:
    """Find the turns of a dialogue.

    Returns
    -------
    tuple of Turn
        In order; ranges leave out the speaker's prefix and take in the lines that
        follow without one. Empty when the text is not a dialogue. Lines before the
        first turn (a title) belong to none.
    """
    lines = _read_lines(text)
    counts = Counter(_key(line.speaker) for line in lines if line.speaker is not None)
    accepted = {
        key for key, count in counts.items() if count > 1 or _role_of_key(key) != ""
    }
    if not _is_dialogue(lines, counts, accepted):
        return ()
    turns: list[Turn] = []
    for line in lines:
        if line.speaker is not None and _key(line.speaker) in accepted:
            role = role_of(line.speaker)
            turns.append(Turn(line.speaker, role, line.start_char, line.end_char))
        elif turns:
            last = turns.pop()
            turns.append(Turn(last.speaker, last.role, last.start_char, line.end_char))
    return tuple(turns)


def role_of(speaker: str) -> str:
    """Return the role that a speaker's name tells, ``other`` when it tells none.

    Examples
    --------
    >>> role_of("Médecin"), role_of("[patient_1]"), role_of("Dra. Gil"), role_of("Ana")
    ('doctor', 'patient', 'doctor', 'other')
    """
    return _role_of_key(_key(speaker)) or "other"


def _is_dialogue(lines: list[_Line], counts: Counter[str], accepted: set[str]) -> bool:
    """Weigh the prefixed lines against the others."""
    n_turns = sum(counts[key] for key in accepted)
    known = {key for key in accepted if _role_of_key(key) != ""}
    if n_turns < 2 or not known:
        return False
    recurring = {key for key in accepted if counts[key] > 1}
    if not recurring:
        # "Paciente: ..." and "Médico: ..." once each is the head of a form
        return n_turns == len(lines)
    share = n_turns / len(lines)
    if len(known & recurring) > 1:
        return share >= _MIN_SHARE_KNOWN
    return share > _MIN_SHARE


def _read_lines(text: str) -> list[_Line]:
    """Cut the text into lines that are not blank, with the prefix told apart."""
    lines: list[_Line] = []
    for match in _LINE.finditer(text):
        start_char, end_char = match.span()
        end_char = start_char + len(match.group().rstrip())
        if end_char == start_char:
            continue
        prefix = _PREFIX.match(text, start_char, match.end())
        speaker = _speaker(prefix)
        if prefix is not None and speaker is not None:
            utterance_start = min(prefix.end(), end_char)
            lines.append(_Line(speaker, utterance_start, end_char))
        else:
            lines.append(_Line(None, start_char, end_char))
    return lines


def _speaker(prefix: re.Match[str] | None) -> str | None:
    """Return the name in a prefix when it may be one."""
    if prefix is None:
        return None
    name = (prefix["bracketed"] or prefix["plain"] or "").strip()
    if not name or len(name.split()) > _MAX_SPEAKER_WORDS:
        return None
    return name


def _key(speaker: str) -> str:
    """Fold case, accents, numbering and punctuation: ``Doctor_2`` is ``doctor``."""
    plain = unicodedata.normalize("NFD", speaker.casefold())
    letters = "".join(char for char in plain if not unicodedata.combining(char))
    return " ".join(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", letters))


def _role_of_key(key: str) -> str:
    """Return the role of a folded name, empty when no word of it is known.

    A relative is named by the patient ("madre de la paciente", "guest family"), so the
    relative's word goes before any other; else the first known word counts.
    """
    if key in _INITIALS:
        return _INITIALS[key]
    roles = [_ROLES[word] for word in key.split() if word in _ROLES]
    if "relative" in roles:
        return "relative"
    return roles[0] if roles else ""
