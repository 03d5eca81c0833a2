"""Sections of a clinical note: headings found by their words and their form.

Standard library only. Spanish, French and English headings are looked for in every
note: hospitals mix them, and few words mean another heading in another language.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# Kinds of sections, each with its headings: small letters without accents, a line each.
# An abbreviation in capitals counts only in front of a colon or alone in capitals.
_HEADINGS: dict[str, str] = {
    "reason": """
motivo de consulta|motivo de ingreso|motivo de la consulta|motivo|mc|MC
motif de consultation|motif d'hospitalisation|motif d'admission|motif de venue|motif
reason for visit|reason for admission|reason for consultation|chief complaint|CC
presenting complaint
""",
    "family_history": """
antecedentes familiares|historia familiar|AF
antecedents familiaux|histoire familiale|atcd familiaux|ATCDF
family history|FH|FHX
""",
    "history": """
antecedentes|antecedentes personales|antecedentes medicos|antecedentes patologicos
antecedentes quirurgicos|antecedentes de interes|antecedentes medico-quirurgicos
antecedentes personales patologicos|AP|APP|intervenciones quirurgicas|IQ
antecedents|antecedents medicaux|antecedents personnels|antecedents chirurgicaux
antecedents medico-chirurgicaux|ATCD|atcds|atcd medicaux|atcd chirurgicaux
past medical history|past surgical history|medical history|history|PMH|PMHX|PSH
""",
    "allergies": """
alergias|alergias medicamentosas|alergias conocidas|RAM|RAMC|NAMC
allergies|allergie|allergies connues|allergies medicamenteuses|ALL
drug allergies|allergies and intolerances
""",
    "habits": """
habitos|habitos toxicos|habitos y situacion basal|situacion basal|situacion funcional
historia social|mode de vie|habitus|contexte social|social history|SH|habits
""",
    "medication": """
tratamiento habitual|medicacion habitual|medicacion actual|tratamiento previo|TTO
tratamiento domiciliario|medicacion|tratamiento al ingreso|tratamiento actual
traitement habituel|traitement en cours|traitement a l'entree|traitements en cours
traitement d'entree|medicaments|traitement personnel|TTT habituel
medications|current medications|home medications|medication on admission|MEDS
""",
    "illness": """
enfermedad actual|historia actual|historia de la enfermedad actual|EA|HEA
proceso actual|anamnesis|cuadro actual
histoire de la maladie|histoire de la maladie actuelle|anamnese|HDM|histoire recente
interrogatoire|history of present illness|history of presenting illness|HPI
history of presenting complaint|subjective
""",
    "exam": """
exploracion fisica|exploracion|examen fisico|examen clinico|EF|constantes
constantes vitales|signos vitales|exploracion neurologica|exploracion al ingreso
examen clinique|examen physique|examen a l'entree|examen clinique d'entree|examen
constantes a l'entree|physical examination|physical exam|examination|exam|PE|vitals
vital signs|objective|on examination|O/E
""",
    "tests": """
pruebas complementarias|exploraciones complementarias|pruebas|analitica|laboratorio
PC|PPCC|EECC|radiologia|estudios complementarios|resultados|resultados analiticos
examens complementaires|biologie|imagerie|bilan|bilan biologique|resultats|paraclinique
investigations|laboratory|labs|laboratory data|imaging|results|tests
""",
    "diagnosis": """
diagnostico|diagnosticos|diagnostico principal|diagnosticos secundarios|juicio clinico
impresion diagnostica|impresion|JC|DX|ID|diagnostico al alta|orientacion diagnostica
diagnostico diferencial
diagnostic|diagnostics|diagnostic principal|diagnostic retenu|diagnostics associes
hypotheses diagnostiques|hypothese diagnostique
diagnosis|diagnoses|discharge diagnosis|impression|assessment|A/P
assessment and plan|differential diagnosis
""",
    "course": """
evolucion|curso clinico|evolucion y comentarios|evolucion clinica|comentarios
evolution|evolution clinique|evolution dans le service|suites|suivi|discussion
hospital course|course|clinical course|progress
""",
    "treatment": """
tratamiento|tratamientos|tratamiento al alta|tratamiento farmacologico
tratamiento pautado
traitement|traitements|traitement de sortie|traitement a la sortie|ordonnance|TTT
conduite a tenir|CAT|prise en charge|treatment|discharge medications
medications on discharge
""",
    "plan": """
plan|plan de actuacion|plan terapeutico|plan y recomendaciones|recomendaciones
recomendaciones al alta|indicaciones|indicaciones al alta|plan de cuidados|revisiones
plan de soins|projet|projet therapeutique|consignes|consignes de sortie|recommandations
conseils|follow-up|follow up|recommendations|instructions|next steps
discharge instructions
""",
    "conclusion": """
conclusion|conclusiones|resumen|en resumen|sintesis|comentario final
conclusions|au total|synthese|en conclusion|resume|summary|in summary
""",
}

_LINE = re.compile(r"[^\r\n]+")
# "## 1. **Tratamiento**: ...": what may stand around the words of a heading.
_LEAD = re.compile(
    r"[ \t]*(?:[-–—•*#>=_]+[ \t]*)*"
    r"(?:(?:\d{1,2}(?:\.\d{1,2})*[.)-]?|[IVX]{1,4}[.)-])[ \t]+)?"
    r"[*_]{0,2}"
)
_WORDS = re.compile(
    r"[^\W\d_][^:\r\n]{0,69}?(?=[*_]{0,2}[ \t]*(?:[:：]|\.-|[*_ \t]*$))"
)
_TAIL = re.compile(r"[*_]{0,2}[ \t]*(?:[:：]|\.-)?[*_]{0,2}[ \t]*")
_UNDERLINE = re.compile(r"[ \t]*([-=_~*])\1{2,}[ \t]*$")
_MAX_HEADING_CHARS = 70
_MIN_HEADING_LETTERS = 5  # "RAS", "HTA" alone on a line are findings
_MAX_OWN_WORDS = 6  # of a heading that no list knows, alone on its line


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it.

    ``start_char`` is where the heading's words begin, ``heading_end`` where they end,
    ``end_char`` where the next heading begins; half-open, in code points. ``kind`` is
    one of reason, history, family_history, allergies, habits, medication, illness,
    exam, tests, diagnosis, course, treatment, plan, conclusion, other.
    """

    kind: str
    title: str
    start_char: int
    heading_end: int
    end_char: int


def find_sections(text: str) -> tuple[Section, ...]:
    """Find the headings of a note, in order.

    A line begins a section when it opens with a known heading and a colon (as does
    "AP: HTA"), or holds nothing but a heading: a known one, one in capitals, one with
    a colon behind it or a line of dashes below.

    Examples
    --------
    >>> [s.kind for s in find_sections("AP: HTA\\nTRATAMIENTO\\nEnalapril")]
    ['history', 'treatment']
    """
    found: list[tuple[str, int, int]] = []
    lines = list(_LINE.finditer(text))
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else None
        is_underlined = below is not None and bool(_UNDERLINE.match(below.group()))
        heading = _heading(text, line, is_underlined=is_underlined)
        if heading is not None:
            found.append(heading)
    if not found:
        return ()
    ends = [start for _, start, _ in found[1:]] + [len(text)]
    return tuple(
        Section(kind, _title(text[start:end]), start, end, section_end)
        for (kind, start, end), section_end in zip(found, ends, strict=True)
    )


def section_at(sections: tuple[Section, ...], char: int) -> Section | None:
    """Return the section that a code point lies in, None before the first."""
    for section in sections:
        if section.start_char <= char < section.end_char:
            return section
    return None


def _heading(
    text: str, line: re.Match[str], *, is_underlined: bool
) -> tuple[str, int, int] | None:
    """Return kind, start and end of the heading that a line opens with."""
    lead = _LEAD.match(text, line.start(), line.end())
    start = lead.end() if lead else line.start()
    words = _WORDS.match(text, start, line.end())
    if words is None:
        return None
    name = words.group().rstrip()
    end = start + len(name)
    tail = _TAIL.match(text, end, line.end())
    rest_start = tail.end() if tail else end
    is_alone = rest_start >= line.end()
    has_colon = text[end:rest_start].strip(" \t*_") != ""
    kind = _kind(name, has_colon=has_colon)
    if kind is not None and (has_colon or is_alone):
        return kind, start, end
    if kind is None and is_alone and _looks_like_one(name, has_colon, is_underlined):
        return "other", start, end
    return None


def _kind(name: str, *, has_colon: bool) -> str | None:
    """Return the kind that a heading's words name."""
    known, abbreviations = _tables()
    if name in abbreviations:
        return abbreviations[name]
    key = _fold(name)
    if key.upper() in abbreviations and has_colon:
        return abbreviations[key.upper()]
    return known.get(key)


def _looks_like_one(name: str, has_colon: bool, is_underlined: bool) -> bool:
    if len(name) > _MAX_HEADING_CHARS or any(map(str.isdigit, name)):
        return False
    if sum(map(str.isalpha, name)) < _MIN_HEADING_LETTERS:
        return False
    if name == name.upper():
        return True
    is_short = len(name.split()) <= _MAX_OWN_WORDS and name[:1].isupper()
    return is_short and (has_colon or is_underlined)


def _title(name: str) -> str:
    """Write a heading in capitals as a sentence; abbreviations stay."""
    name = " ".join(name.split())
    is_shouted = name == name.upper() and max(map(len, name.split())) > 4
    return name.capitalize() if is_shouted else name


@lru_cache(maxsize=1)
def _tables() -> tuple[dict[str, str], dict[str, str]]:
    """Return the kinds of full headings and of abbreviations."""
    known: dict[str, str] = {}
    abbreviations: dict[str, str] = {}
    for kind, lines in _HEADINGS.items():
        for name in re.split(r"[|\n]", lines.strip()):
            if name == name.upper():
                abbreviations[name] = kind
            else:
                known[name.lower()] = kind
    return known, abbreviations


def _fold(name: str) -> str:
    plain = unicodedata.normalize("NFD", name.lower().replace("’", "'"))
    letters = "".join(char for char in plain if not unicodedata.combining(char))
    return " ".join(letters.split())
