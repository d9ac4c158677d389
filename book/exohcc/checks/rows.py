"""Rules over the meaning of the rows, beyond what a schema can say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from exohcc import accuracy
from exohcc.checks.project import Project, Row
from exohcc.findings import Finding

# A summary that leans on another row says nothing on its own.
_LEANS = re.compile(r"^(these|this|the same|it|they|such)\b|\bthe same (vesicles|exosomes|study|paper|authors)\b", re.I)


def _finding(row: Row, rule: str, what: str, remedy: str) -> Finding:
    return Finding(row.path, row.line, rule, f"{row.id}: {what}", remedy)


def unique_messages(project: Project) -> Iterator[Finding]:
    """One row for each (source, sender, cargo, recipient)."""
    seen: dict[tuple[str, ...], Row] = {}
    for row in project.rows.get("crosstalk", []):
        key = tuple(row[name].lower() for name in ("source", "sender", "cargo", "recipient"))
        if key in seen:
            what = f"the same message as {seen[key].id}, line {seen[key].line}"
            yield _finding(row, "row.duplicate-message", what, "Merge the two rows")
        seen.setdefault(key, row)


def _reconstructed(row: Row) -> accuracy.TwoByTwo | None:
    """Return the whole counts nearest to the printed figures, or None where a figure is missing or no figure."""
    names = ("n_cases", "n_controls", "sensitivity", "specificity")
    cases, controls, sensitivity, specificity = (row.number(name) for name in names)
    if cases is None or controls is None or sensitivity is None or specificity is None:
        return None
    try:  # as text, since the digits printed decide what fits
        return accuracy.two_by_two(int(cases), int(controls), row["sensitivity"], row["specificity"])
    except accuracy.AccuracyError:  # out of range: the schema's rule says so
        return None


def whole_patients(project: Project) -> Iterator[Finding]:
    """Whole patients can give the printed sensitivity and specificity, or the caveat speaks of it."""
    for row in project.rows.get("biomarkers", []):
        found = _reconstructed(row)
        if found is not None and not found.exact and not row["caveat"]:
            yield _finding(
                row, "row.whole-patients",
                f"no whole numbers of {row['n_cases']} and {row['n_controls']} people give {row['sensitivity']} and "
                f"{row['specificity']}", "Read the numbers again, or say in the caveat that they do not fit",
            )  # fmt: skip


def counts(project: Project) -> Iterator[Finding]:
    """Two-by-two counts add up to the groups, say where they come from, and derived ones follow from the row."""
    names = ("tp", "fn", "fp", "tn")
    for row in project.rows.get("biomarkers", []):
        numbers = [row.number(name) for name in names]
        if all(number is None for number in numbers):
            continue
        if any(number is None for number in numbers) or not row["counts"]:
            what = "tp, fn, fp, tn and counts go together"
            yield _finding(row, "row.counts", what, "Fill in all five, or none")
            continue
        tp, fn, fp, tn = (int(number or 0) for number in numbers)
        for group, total in (("n_cases", tp + fn), ("n_controls", fp + tn)):
            if row[group] and row.number(group) != total:
                what = f"{group} is {row[group]}, but the counts give {total}"
                yield _finding(row, "row.counts", what, "Read the numbers again")
                break
        else:
            if row["counts"] == "derived" and (tp, fp) != _derived(row):
                what = "the counts do not follow from group sizes, sensitivity and specificity"
                yield _finding(row, "row.counts", what, "Take the counts out, or mark them as printed")


def _derived(row: Row) -> tuple[int, int] | None:
    """Return the only true and false positives that give the printed figures, if there is just one pair."""
    found = _reconstructed(row)
    if found is None or not found.exact or not found.possible_sensitivity == found.possible_specificity == 1:
        return None
    return int(found.tp), int(found.fp)


# What a claim of a topic can be measured in; a topic that is not here takes any unit.
_RATIOS = {"HR", "hazard ratio", "OR", "risk ratio", "ratio"}
_TESTS = {"sensitivity", "specificity", "AUC", "AUROC"}
UNITS = {
    "ev_size": {"nm"},
    "ev_physical": {"g/mL", "mV"},
    "comparator_test": _TESTS | _RATIOS | {"%", "PLR", "NLR", "DOR"},
}
# And what belongs to some topics only.
_HOMES = {
    "nm": {"ev_size", "ev_history", "ev_therapy", "cell_biology"},
    "g/mL": {"ev_physical"},
    "mV": {"ev_physical"},
    "per 100,000": {"burden"},
    "sensitivity": {"comparator_test", "published_meta_analysis", "accuracy_statistics", "surveillance"},
    "specificity": {"comparator_test", "published_meta_analysis", "accuracy_statistics", "surveillance"},
}


def units_fit_topics(project: Project) -> Iterator[Finding]:
    """A claim is measured in what its topic is measured in."""
    for row in project.rows.get("claims", []):
        unit, topic = row["unit"], row["topic"]
        if not unit:
            continue
        bare = re.sub(r"\s*\(.*\)$", "", unit)
        allowed = UNITS.get(topic)
        home = _HOMES.get(bare)
        if (allowed is not None and bare not in allowed) or (home is not None and topic not in home):
            yield _finding(
                row, "row.unit-topic", f"{unit} does not fit the topic {topic}", "Correct the unit or the topic"
            )


def intervals(project: Project) -> Iterator[Finding]:
    """A confidence interval holds its estimate."""
    fields = {
        "biomarkers": ("auc", "auc_ci_low", "auc_ci_high"),
        "prognosis": ("hr", "ci_low", "ci_high"),
        "claims": ("value", "ci_low", "ci_high"),
    }
    for name, (middle, low, high) in fields.items():
        for row in project.rows.get(name, []):
            value, below, above = row.number(middle), row.number(low), row.number(high)
            inside = (value is None or below is None or below <= value) and (
                value is None or above is None or value <= above
            )
            if not inside:
                what = f"{middle} {row[middle]} lies outside {row[low]} to {row[high]}"
                yield _finding(row, "row.interval", what, "Read the three numbers again")


def auc_above_chance(project: Project) -> Iterator[Finding]:
    """An AUC below 0.5 is explained."""
    for row in project.rows.get("biomarkers", []):
        value = row.number("auc")
        if value is not None and value < 0.5 and not row["caveat"]:
            yield _finding(row, "row.auc", f"AUC {row['auc']} is below 0.5", "Explain it in the caveat")


def stands_alone(project: Project) -> Iterator[Finding]:
    """A summary can be read without another row."""
    for name, field in (
        ("crosstalk", "summary"),
        ("claims", "statement"),
        ("cell_types", "role"),
        ("machinery", "role"),
    ):
        for row in project.rows.get(name, []):
            match = _LEANS.search(row[field])
            if match:
                what = f'{field} leans on another row ("{match.group(0)}")'
                yield _finding(row, "row.stands-alone", what, "Name what is meant")


def blood_has_no_sender(project: Project) -> Iterator[Finding]:
    """A level known from vesicles of blood alone does not name the cell that sent them."""
    for row in project.rows.get("crosstalk", []):
        alone = row["level_measured_in"] in ("blood_ev", "blood")
        shown = row["in_vitro"] == "true" or row["in_vivo"] == "true"
        if alone and not shown and row["sender"] not in ("circulating_ev", "not_resolved"):
            what = f"sender {row['sender']}, but only vesicles from blood were measured"
            yield _finding(row, "row.blood-sender", what, "Write circulating_ev")


# Of each table the text, which must name the title as its ground, and the fields that a title can't fill.
_FROM_TITLE = {
    "crosstalk": (
        "summary",
        ("direct_target", "downstream", "pathway", "effects", "tumour_direction", "in_vitro", "in_vivo", "patients_ev"),
    ),
    "cell_types": ("role", ("markers", "secreted", "tumour_direction")),
    "machinery": ("role", ("effect_on_release",)),
    "claims": ("statement", ()),
}


def titles_show_no_mechanism(project: Project) -> Iterator[Finding]:
    """What was read in a title alone supports no target, pathway, effect or direction, and is told as such."""
    for name, (text, fields) in _FROM_TITLE.items():
        for row in project.rows.get(name, []):
            if row["basis"] != "title":
                continue
            if filled := [field for field in fields if row[field]]:
                what = f"basis is title, but {', '.join(filled)} is filled"
                yield _finding(row, "row.title-basis", what, "Empty the fields or read the abstract")
            elif not re.search(r"\btitles?\b", row[text], re.I):
                what = f"basis is title, but the {text} does not say so"
                yield _finding(row, "row.title-basis", what, f"Begin the {text} with 'By its title'")


def tumour_direction_needs_tumour(project: Project) -> Iterator[Finding]:
    """Models that are not tumours have no direction for the tumour."""
    tumours = ("hcc", "cholangiocarcinoma", "liver_cancer_mixed", "other_cancer")
    for row in project.rows.get("crosstalk", []):
        if row["tumour_direction"] and row["setting"] not in tumours:
            what = f"tumour_direction in the setting {row['setting']}"
            yield _finding(row, "row.direction-without-tumour", what, "Empty tumour_direction")


# Effects that the vocabulary defines in the living body, and the words by which a caveat says where they were seen.
_IN_BODY = {"tumorigenesis", "metastasis", "premetastatic_niche", "tumour_self_seeding"}
_WHERE = re.compile(r"\b(animals?|mice|mouse|rats?|zebrafish|models?|patients?|culture|table)\b", re.I)


def body_effects_need_a_body(project: Project) -> Iterator[Finding]:
    """An effect that exists in a living body only was seen in one, or the caveat says what it rests on."""
    for row in project.rows.get("crosstalk", []):
        signs = [sign.split(":") for sign in row["effects"].split(";") if sign]
        found = [parts[0] for parts in signs if parts[0] in _IN_BODY and "inferred" not in parts]
        if found and row["in_vivo"] != "true" and not _WHERE.search(row["caveat"]):
            what = f"{', '.join(found)} without in_vivo, and the caveat does not say where it was seen"
            yield _finding(row, "row.effect-without-body", what, "Take the effect out, or say what it rests on")


_NO_DIRECTION = re.compile(r"no direction|associations? only|only associations?", re.I)


def directions_need_an_effect(project: Project) -> Iterator[Finding]:
    """Pro- or anti-tumour is a verdict on something seen: without a signed effect it comes from the title."""
    for row in project.rows.get("crosstalk", []):
        if row["tumour_direction"] and not row["effects"] and "kind of effect" not in row["caveat"]:
            what = f"tumour_direction is '{row['tumour_direction']}', but no effect is signed"
            do = "Take the direction out, or say in the caveat why the kind of effect is not given"
            yield _finding(row, "row.direction-without-effect", what, do)
    for row in project.rows.get("cell_types", []):
        text = f"{row['role']} {row['caveat']}"
        if row["tumour_direction"] and (row["setting"] == "healthy" or _NO_DIRECTION.search(text)):
            what = (
                f"tumour_direction is '{row['tumour_direction']}', but the row shows no effect of the cell on a tumour"
            )
            yield _finding(row, "row.direction-without-effect", what, "Take the direction out")


def readings_are_of_today(project: Project) -> Iterator[Finding]:
    """What two readers settled on is what stands in the row."""
    known = {row.id: row for name, table in project.rows.items() if name != "readings" for row in table}
    for reading in project.rows.get("readings", []):
        row, field = known.get(reading["row"]), reading["field"]
        if row is None:
            yield _finding(reading, "row.reading", f"there is no row {reading['row']}", "Take the reading out")
        elif field not in row.values:
            yield _finding(reading, "row.reading", f"there is no field {field}", "Correct the field")
        elif _loosely(row[field]) != _loosely(reading["resolved"]):
            what = f"the reading keeps '{reading['resolved']}', but {field} is '{row[field]}'"
            yield _finding(reading, "row.reading", what, "Write what stands now into resolved, and why into note")


def _loosely(text: str) -> list[str]:
    """Return the parts of a list, whatever their order and spaces."""
    return sorted(text.replace(" ", "").split(";"))


# Talk among the people who fill the tables; `readings.csv` is its place.
_TALK = re.compile(
    r"\b(?:first|second) read(?:ing|er)\b|\bproposal: |\bdrop (?:if|this row)\b|\bconsider keep"
    r"|\b(?:not|be) (?:seen|read|displayed|shown) again\b|\bread earlier\b|\b(?:anon|unknown|unseen)(?:\d{4}|nd)\w+",
    re.I,
)


def no_talk_about_the_work(project: Project) -> Iterator[Finding]:
    """Texts of a row speak of the source, not of how the row was made."""
    for name, table in project.rows.items():
        if name == "readings":
            continue
        for row in table:
            for field in ("summary", "statement", "role", "outcome", "context", "caveat"):
                if found := _TALK.search(row[field]):
                    what = f"'{found[0].strip()}' in {field} speaks of the making of the row"
                    yield _finding(row, "row.talk", what, "Say what the source shows; readings.csv is for the rest")


def statuses(project: Project) -> Iterator[Finding]:
    """Each reference with a DOI has a row of its status, with that DOI; a retracted one is named as such in prose."""
    if "retractions" not in project.tables:
        return
    rows = {row["source"]: row for row in project.rows.get("retractions", [])}
    for entry in project.bibliography.entries:
        row = rows.get(entry.key)
        if entry.doi and (row is None or row["doi"] != entry.doi):
            yield Finding(
                project.bibliography_path, entry.line, "retraction.unknown",
                f"{entry.key}: no row of retractions.csv gives the status of {entry.doi}", "Look it up and add the row",
            )  # fmt: skip
    for page in project.pages:
        if not page.path.is_file():
            continue
        for key, line in page.citations:
            if key in project.retracted and "retract" not in page.paragraph(line).lower():
                yield Finding(
                    page.path, line, "retraction.unmarked", f"{key} is retracted, but its paragraph does not say so",
                    "Say that it is retracted, or drop the citation",
                )  # fmt: skip


RULES: tuple[Callable[[Project], Iterator[Finding]], ...] = (
    unique_messages, whole_patients, counts, units_fit_topics, intervals, auc_above_chance, stands_alone,
    blood_has_no_sender, titles_show_no_mechanism, tumour_direction_needs_tumour, body_effects_need_a_body,
    directions_need_an_effect, readings_are_of_today,
    no_talk_about_the_work, statuses,
)  # fmt: skip
