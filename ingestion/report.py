"""The outcome of a file as a clerk reads it: what was taken, what was refused and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from ingestion.outcome import Outcome, Reject

# What a skipped row is.
KINDS = {
    "blank": "baris kosong",
    "total": "baris jumlah",
    "footer": "catatan kaki",
    "header": "judul berulang",
    "machine": "baris mesin",
    "no_value": "baris tanpa nilai",
    "duplicate": "baris yang sama persis",
    "file_refused": "baris baik yang menunggu perbaikan",
    "resolved": "baris yang sudah diperbaiki sebelumnya",
    "still_refused": "baris yang masih salah",
}
STATUS = {
    "loaded": "DIMUAT",
    "already_loaded": "SUDAH PERNAH DIMUAT",
    "refused": "DITOLAK",
    "accepted": "DAPAT DIMUAT",
}


def as_text(outcome: Outcome) -> str:
    """The whole report, one thing a line."""
    source = f" ({outcome.source})" if outcome.source else ""
    lines = [f"{outcome.file_name}{source}: {STATUS[outcome.status]}"]
    if outcome.read:
        verb = "dapat dimuat" if outcome.status == "accepted" else "dimuat"
        lines.append(
            f"  Dibaca {number(outcome.read)} baris: {number(outcome.loaded)} {verb}, "
            f"{number(outcome.rejected)} ditolak, {number(outcome.skipped)} dilewati{kinds(outcome)}."
        )
    lines += [f"  {message}" for message in outcome.messages]
    lines += [f"  {line}" for reject in outcome.rejects for line in sentences(reject)]
    if outcome.rejected > len(outcome.rejects) > 0:
        lines.append(f"  … dan {number(outcome.rejected - len(outcome.rejects))} baris lain.")
    if outcome.load_id is not None and outcome.rejected and outcome.status in ("loaded", "refused"):
        lines.append(f"  Berkas dengan sel yang salah ditandai: pendopo report {outcome.load_id}")
    if outcome.form_of is not None:
        name = f"perbaikan_{outcome.form_of}.xlsx"
        lines.append(f"  Formulir perbaikan: pendopo corrections {outcome.form_of} --output {name}")
    return "\n".join(lines)


def write_json(outcome: Outcome, rejects: Iterable[Reject], marked: Path | None, out: TextIO) -> None:
    """One JSON object with every refused row, written bit by bit: there may be millions of them.

    Keys and their order as ``Outcome.as_json``, then ``marked`` (path of the marked workbook or null).
    """
    document = outcome.as_json() | {"marked": str(marked) if marked else None}
    del document["rejects"]
    out.write(json.dumps(document, ensure_ascii=False)[:-1] + ', "rejects": [')
    for number_, reject in enumerate(rejects):
        out.write((",\n" if number_ else "\n") + json.dumps(reject.as_json(), ensure_ascii=False))
    out.write("]}\n")


def sentences(reject: Reject) -> list[str]:
    """One sentence for every reason: "Baris 17, kolom Tanggal: '31/02/2025' bukan tanggal. …"."""
    sheet = f"Lembar {reject.sheet}, baris" if reject.sheet else "Baris"
    return [
        f"{sheet} {reject.row_no}{', ' if reason.column else ': '}{reason.message}"
        for reason in reject.reasons
    ]


def kinds(outcome: Outcome) -> str:
    """The skipped rows by kind: " (2 baris kosong, 1 baris jumlah)"."""
    if not outcome.skipped_by_kind:
        return ""
    parts = (f"{number(count)} {KINDS.get(kind, kind)}" for kind, count in outcome.skipped_by_kind.items())
    return f" ({', '.join(parts)})"


def number(value: int) -> str:
    """Thousands with the Indonesian point."""
    return f"{value:,}".replace(",", ".")
