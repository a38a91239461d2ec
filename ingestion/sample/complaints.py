"""Complaints as SP4N-LAPOR! and the regency's own channels export them: one file a month.

Most months are workbooks; some are CSV with ``;`` in cp1252. One month was corrected and delivered
again (``_rev2``), one correction lost a required column and must be refused as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ingestion.sample import files, people
from ingestion.sample.scene import Kecamatan, Opd, Scene, month_end, month_title, months_before

HEADER = (
    "No. Tiket",
    "Klasifikasi",
    "Kategori",
    "Judul Laporan",
    "Detail Pengaduan",
    "Nama Pelapor",
    "NIK Pelapor",
    "Alamat Pelapor",
    "No HP Pelapor",
    "Sumber",
    "OPD Tujuan",
    "Kecamatan",
    "Desa/Kelurahan",
    "Tanggal Kejadian",
    "Waktu Dibuat",
    "Waktu Verifikasi",
    "Waktu Tanggapan",
    "Waktu Selesai",
    "Status Pengaduan",
)
COMPLETE_MONTHS = 24
REGULARS = 12


@dataclass(frozen=True)
class Topic:
    """What people complain about: LAPOR category, share, agencies that may handle it, titles."""

    category: str
    weight: float
    opds: tuple[str, ...]
    titles: tuple[str, ...]


TOPICS = (
    Topic(
        "Pekerjaan Umum dan Penataan Ruang",
        0.24,
        ("dpuprprkp", "dpupr"),
        ("Jalan berlubang", "Jalan poros desa rusak", "Drainase tersumbat", "Jembatan retak"),
    ),
    Topic(
        "Perhubungan",
        0.09,
        ("dlhp", "dishub"),
        ("Lampu penerangan jalan mati", "Rambu lalu lintas hilang", "Parkir liar", "Truk bermuatan lebih"),
    ),
    Topic(
        "Lingkungan Hidup dan Kehutanan",
        0.11,
        ("dlhp", "dlh"),
        ("Sampah menumpuk", "Pembakaran sampah", "Bau limbah", "Debu kendaraan tambang"),
    ),
    Topic(
        "Kependudukan",
        0.10,
        ("disdukcapil",),
        ("Cetak KTP-el lama", "Akta kelahiran belum jadi", "NIK tidak terbaca", "Pindah datang terkendala"),
    ),
    Topic(
        "Kesehatan",
        0.06,
        ("dinkes",),
        ("Antrean puskesmas panjang", "Fogging demam berdarah", "Obat tidak tersedia"),
    ),
    Topic(
        "Pelayanan Publik",
        0.05,
        ("rsud_koesma", "rsud", "setda"),
        ("Antrean pendaftaran rumah sakit", "Petugas kurang ramah", "Jadwal dokter berubah"),
    ),
    Topic(
        "Pendidikan dan Kebudayaan",
        0.07,
        ("disdik",),
        ("Pungutan di sekolah", "Atap kelas bocor", "Penerimaan siswa baru", "Kekurangan guru"),
    ),
    Topic(
        "Sosial dan Kesejahteraan",
        0.10,
        ("dinsosp3apmd", "dinsos"),
        ("Bantuan sosial tidak tepat sasaran", "Kartu bantuan tidak aktif", "Data kemiskinan keliru"),
    ),
    Topic(
        "Ketentraman, Ketertiban Umum, dan Perlindungan Masyarakat",
        0.05,
        ("satpolpp",),
        ("Pedagang di trotoar", "Suara bising malam hari", "Sarang tawon di rumah"),
    ),
    Topic(
        "Penanggulangan Bencana",
        0.03,
        ("bpbd",),
        ("Banjir luapan sungai", "Pohon tumbang", "Krisis air bersih"),
    ),
    Topic(
        "Pertanian dan Peternakan",
        0.03,
        ("dkp2p",),
        ("Pupuk bersubsidi langka", "Hama tikus", "Penyakit mulut dan kuku"),
    ),
    Topic(
        "Ketenagakerjaan",
        0.02,
        ("disnakerin",),
        ("Upah di bawah ketentuan", "Informasi lowongan kerja"),
    ),
    Topic(
        "Teknologi Informasi dan Komunikasi",
        0.02,
        ("diskominfo",),
        ("Wi-Fi balai desa mati", "Aplikasi layanan tidak bisa dibuka"),
    ),
    Topic(
        "Pembangunan Desa, Daerah Tertinggal, dan Transmigrasi",
        0.03,
        ("kecamatan",),
        ("Pelayanan kantor kecamatan", "Pembangunan jalan lingkungan"),
    ),
    # Its content calls for supervision: the clock of such a complaint is the longest.
    Topic(
        "Manajemen ASN",
        0.02,
        ("inspektorat", "itda"),
        ("Pungutan liar oleh petugas", "Pegawai tidak berada di tempat pada jam kerja"),
    ),
)
# Kind of report, its share, and how long it takes against a complaint.
CLASSES = (("Pengaduan", 0.78, 1.0), ("Aspirasi", 0.12, 0.3), ("Permintaan Informasi", 0.10, 0.1))
CHANNELS = (
    ("SP4N-LAPOR!", 0.42),
    ("WhatsApp", 0.24),
    ("Taprose", 0.14),
    ("Tatap Muka", 0.07),
    ("Instagram", 0.07),
    ("SMS 1708", 0.06),
)
# Rain fills the roads with holes: share of a normal month, January to December.
SEASON = (1.25, 1.2, 1.1, 1.0, 0.95, 0.9, 0.9, 0.88, 0.9, 0.95, 1.05, 1.2)
REMARKS = (
    "Mohon segera ditindaklanjuti.",
    "Sudah dilaporkan lewat RT namun belum ada perbaikan.",
    "Kondisi ini berlangsung sekitar dua pekan – membahayakan pengguna jalan.",
    "Warga meminta kepastian jadwal penanganan; terima kasih.",
    "Foto menyusul melalui WhatsApp.",
    "Dekat warung “Kafé Rekaan”, suhu siang hari sampai 35°.",
)


@dataclass(frozen=True)
class Regular:
    """Somebody who complains again and again about one thing."""

    name: str
    nik: str
    phone: str
    topic: Topic
    place: Kecamatan


@dataclass(frozen=True)
class Complaint:
    """One complaint as it is, before clerks and spreadsheets touch it."""

    ticket: str
    classification: str
    topic: Topic
    title: str
    body: str
    name: str
    nik: str
    address: str
    phone: str
    channel: str
    opd: Opd
    opd_name: str
    kecamatan: str
    desa: str
    incident_on: date
    received_at: datetime
    verified_at: datetime | None
    first_response_at: datetime | None
    closed_at: datetime | None
    status: str


def write(landing: Path, scene: Scene) -> list[Path]:
    """Write the months up to the day before the export; returns the paths."""
    folder = landing / "diskominfo" / "aduan"
    months = covered_months(scene)
    corrected = months_before(scene.as_of, 4)

    paths = []
    for month in months:
        complaints = received_in(scene, month)
        style = _style(month)
        if month == corrected:
            late = max(1, len(complaints) // 60)
            first = _with_dirt(scene, month, _rows(complaints[:-late], style))
            paths.append(_write_file(folder, scene, month, first, style))
            paths.append(_write_file(folder, scene, month, _rows(complaints, style), style, revision=2))
        else:
            rows = _with_dirt(scene, month, _rows(complaints, style))
            paths.append(_write_file(folder, scene, month, rows, style))
    paths.append(_broken_revision(folder, scene))
    return paths


def covered_months(scene: Scene) -> list[date]:
    """First days of the months of which there are complaints, the running one last."""
    months = [months_before(scene.as_of, age) for age in range(COMPLETE_MONTHS, 0, -1)]
    return [*months, scene.as_of.replace(day=1)] if scene.as_of.day > 1 else months


def _style(month: date) -> str:
    """How the clerk of that month saved the file: csv, or a workbook with or without date cells."""
    number = (month.year * 12 + month.month) % 6
    return {1: "csv", 3: "cells", 5: "csv"}.get(number, "text")


def _write_file(
    folder: Path, scene: Scene, month: date, rows: list[list[Any]], style: str, revision: int = 0
) -> Path:
    name = f"aduan_{month:%Y-%m}" + (f"_rev{revision}" if revision else "")
    sheet = _sheet(scene, month, HEADER, rows)
    if style == "csv":
        width = len(HEADER)
        return files.write_csv(
            folder / f"{name}.csv", ([*row, *[""] * (width - len(row))] for row in sheet), encoding="cp1252"
        )
    return files.write_workbook(folder / f"{name}.xlsx", "Aduan", sheet)


def _sheet(scene: Scene, month: date, header: tuple[str, ...], rows: list[list[Any]]) -> list[list[Any]]:
    return [
        [f"DATA CONTOH - REKAP PENGADUAN MASYARAKAT {scene.region['name'].upper()}"],
        [scene.pick_opd("diskominfo").name],
        [f"Periode: {month_title(month)}"],
        list(header),
        *rows,
        ["Jumlah laporan", len(rows)],
        ["Sumber: aplikasi SP4N-LAPOR! dan kanal daerah (data contoh)"],
    ]


def _broken_revision(folder: Path, scene: Scene) -> Path:
    """A correction from which somebody deleted the column that every record needs."""
    month = scene.last_month
    lost = HEADER.index("Waktu Dibuat")
    header = HEADER[:lost] + HEADER[lost + 1 :]
    rows = [row[:lost] + row[lost + 1 :] for row in _rows(received_in(scene, month), "text")]
    sheet = _sheet(scene, month, header, rows)
    return files.write_workbook(folder / f"aduan_{month:%Y-%m}_rev2.xlsx", "Aduan", sheet)


def received_in(scene: Scene, month: date) -> list[Complaint]:
    """Complaints received in a month, in order of arrival, as they stand on the day of the export."""
    rng = scene.rng("complaints", month)
    expected = scene.region["sample"]["complaints_per_month"] * scene.scale * SEASON[month.month - 1]
    received = _arrivals(rng, scene, month, max(3, int(rng.normal(expected, expected**0.5))))
    count = len(received)
    topics = [TOPICS[i] for i in rng.choice(len(TOPICS), count, p=_shares([t.weight for t in TOPICS]))]
    where = [scene.kecamatan[i] for i in rng.integers(0, len(scene.kecamatan), count)]
    regulars = _regulars(scene, month, count)
    for i, person in regulars.items():
        topics[i], where[i] = person.topic, person.place
    opds = [_handler(scene, topic, place.name) for topic, place in zip(topics, where, strict=True)]
    classes = rng.choice([c for c, *_ in CLASSES], count, p=[share for _, share, _ in CLASSES])
    hurry = np.array([{c: pace for c, _, pace in CLASSES}[c] for c in classes])
    times = _handling(rng, scene, received, opds, hurry)
    channels = rng.choice([c for c, _ in CHANNELS], count, p=[share for _, share in CHANNELS])
    spelled = people.spell(rng, opds)
    persons = zip(people.names(rng, count), people.niks(rng, count), people.phones(rng, count), strict=True)
    picks = rng.integers(0, 10_000, (count, 5))
    base = ((month.year - 2018) * 12 + month.month) * 100_000 + 20_000_000

    result = []
    for i, (name, nik, phone) in enumerate(persons):
        topic, place, pick = topics[i], where[i], [int(n) for n in picks[i]]
        if regular := regulars.get(i):
            name, nik, phone = regular.name, regular.nik, regular.phone
        desa = place.desa[pick[0] % len(place.desa)]
        title = topic.titles[pick[1] % len(topic.titles)]
        contact = f" Hubungi saya di {phone}." if pick[2] % 12 == 0 else ""
        result.append(
            Complaint(
                ticket=str(base + i),
                classification=str(classes[i]),
                topic=topic,
                title=f"{title} di {desa}",
                body=f"{title} di {desa}, Kecamatan {place.name}. {REMARKS[pick[3] % len(REMARKS)]}{contact}",
                name=name,
                nik=nik,
                address=f"RT {pick[4] % 9 + 1:02d} RW {pick[4] % 5 + 1:02d} {desa}",
                phone=phone,
                channel=str(channels[i]),
                opd=opds[i],
                opd_name=spelled[i],
                kecamatan=place.name,
                desa=desa,
                incident_on=received[i].date() - timedelta(days=pick[2] % 9),
                received_at=received[i],
                **times[i],
            )
        )
    return result


def _regulars(scene: Scene, month: date, count: int) -> dict[int, Regular]:
    """Who of the month's reporters has complained about the same before: about one in thirty."""
    rng = scene.rng("regular reporters")
    persons = zip(
        people.names(rng, REGULARS), people.niks(rng, REGULARS), people.phones(rng, REGULARS), strict=True
    )
    topics, places = (rng.integers(0, n, REGULARS) for n in (len(TOPICS), len(scene.kecamatan)))
    known = [
        Regular(*person, TOPICS[topic], scene.kecamatan[place])
        for person, topic, place in zip(persons, topics, places, strict=True)
    ]
    rng = scene.rng("regular reporters", month)
    chosen = rng.choice(count, min(count, 1 + count // 30), replace=False)
    return {int(i): known[int(rng.integers(0, REGULARS))] for i in chosen}


def _shares(weights: list[float]) -> list[float]:
    return [weight / sum(weights) for weight in weights]


def _handler(scene: Scene, topic: Topic, kecamatan: str) -> Opd:
    if topic.opds == ("kecamatan",):
        return scene.pick_opd(f"kec_{kecamatan.lower()}")
    return scene.pick_opd(*topic.opds)


def _arrivals(rng: np.random.Generator, scene: Scene, month: date, count: int) -> list[datetime]:
    """Moments of arrival, fewer at weekends and at night; a month that still runs is cut off."""
    days = [month + timedelta(days=n) for n in range(month_end(month).day)]
    weights = [1.0 if day.weekday() < 5 else 0.45 for day in days]
    chosen = rng.choice(len(days), count, p=_shares(weights))
    seconds = np.clip(rng.normal(13 * 3600, 4 * 3600, count), 0, 86_399).astype(int)
    moments = (
        datetime(month.year, month.month, 1) + timedelta(days=int(d), seconds=int(s))
        for d, s in zip(chosen, seconds, strict=True)
    )
    return sorted(moment for moment in moments if moment.date() < scene.as_of) or [
        datetime(month.year, month.month, 1, 9)
    ]


def _handling(
    rng: np.random.Generator,
    scene: Scene,
    received: list[datetime],
    opds: list[Opd],
    hurry: npt.NDArray[np.float64],
) -> list[dict[str, Any]]:
    """Verification, first response, completion and status, in working days and per agency's pace.

    Nearly all are verified within 3 working days, about four of five answered within 5 and closed within
    14 (who only asks or wishes something is served sooner); what had not happened on the day of the export
    stays empty.
    """
    count = len(received)
    pace = {opd.code: float(scene.rng("pace", opd.code).uniform(0.5, 2.0)) for opd in set(opds)}
    slow = np.array([pace[opd.code] for opd in opds]) * hurry
    verified_after = rng.choice([0, 1, 2, 3, 4, 6], count, p=[0.45, 0.27, 0.14, 0.08, 0.04, 0.02])
    verified_after = (verified_after * np.sqrt(hurry)).astype(int)
    answered_after = verified_after + rng.gamma(1.3, 1.7 * slow).astype(int)
    closed_after = answered_after + rng.gamma(1.8, 3.8 * slow).astype(int)
    days = np.array([moment.date() for moment in received], dtype="datetime64[D]")
    clock = rng.integers(8 * 3600, 15 * 3600, (count, 3))
    clock.sort(axis=1)
    rejected = rng.random(count) < 0.04
    never = rng.random(count) < 0.025
    cut = datetime(scene.as_of.year, scene.as_of.month, scene.as_of.day)

    steps: list[list[datetime | None]] = []
    for number, after in enumerate((verified_after, answered_after, closed_after)):
        on = np.busday_offset(days, after, roll="forward", holidays=scene.holidays)
        steps.append(
            [
                _not_before(received[i], datetime.combine(day, datetime.min.time()), int(clock[i, number]))
                for i, day in enumerate(on.astype(object))
            ]
        )
    result = []
    for i in range(count):
        verified, answered, closed = (
            moment if moment and moment < cut else None for moment in (step[i] for step in steps)
        )
        if rejected[i] and verified:
            status, answered, closed = "Ditolak", None, verified
        elif verified is None:
            status, answered, closed = "Belum Terverifikasi", None, None
        elif answered is None:
            status, closed = "Belum Ditindaklanjuti", None
        elif closed is None or never[i]:
            status, closed = "Proses", None
        else:
            status = "Selesai"
        result.append(
            {"verified_at": verified, "first_response_at": answered, "closed_at": closed, "status": status}
        )
    return result


def _not_before(received: datetime, day: datetime, seconds: int) -> datetime:
    """A moment of the day, moved behind the arrival when both fall on the same day."""
    moment = day + timedelta(seconds=seconds)
    return moment if moment > received else received + timedelta(seconds=300 + seconds // 12)


def _rows(complaints: list[Complaint], style: str) -> list[list[Any]]:
    return [_row(number, item, style) for number, item in enumerate(complaints, start=1)]


def _row(number: int, item: Complaint, style: str) -> list[Any]:
    # A clerk who pastes from two systems leaves date cells next to text, as in a real permit export.
    cells = style == "cells" and number % 9 == 0
    blank = ("", "-", "N/A")[number % 3]
    incident: Any = f"{item.incident_on:%d/%m/%Y}"
    if cells:
        incident = item.incident_on
    elif number % 37 == 5:
        incident = f"{item.incident_on.day} {month_title(item.incident_on)}"
    elif number % 29 == 3:
        incident = blank
    return [
        item.ticket,
        item.classification,
        item.topic.category,
        item.title,
        item.body,
        item.name,
        item.nik if number % 11 else blank,
        item.address,
        item.phone if number % 7 else blank,
        item.channel,
        item.opd_name if number % 83 else blank,
        item.kecamatan.upper() if number % 17 == 0 else item.kecamatan,
        item.desa if number % 23 else blank,
        incident,
        *(
            blank if moment is None else moment if cells else f"{moment:%d/%m/%Y %H:%M:%S}"
            for moment in (item.received_at, item.verified_at, item.first_response_at, item.closed_at)
        ),
        item.status,
    ]


def _with_dirt(scene: Scene, month: date, rows: list[list[Any]]) -> list[list[Any]]:
    """Add what clerks get wrong: about one row in a hundred must be refused, one is closed too early."""
    rng = scene.rng("complaint dirt", month)
    column = {name: number for number, name in enumerate(HEADER)}
    dirty = [list(row) for row in rows]
    for number in rng.choice(len(dirty), max(1, len(dirty) // 100), replace=False):
        row = dirty[number]
        match int(rng.integers(0, 5)):
            case 0:
                row[column["Waktu Dibuat"]] = f"31/02/{month.year} 08:15:00"
            case 1:
                row[column["Waktu Dibuat"]] = ""
            case 2:
                row[column["Status Pengaduan"]] = "Slesai"
            case 3:
                # Pasted twice, once with a change: which one is true, nobody can know.
                again = list(row)
                again[column["Kategori"]] = "Topik Lainnya"
                dirty.append(again)
            case _:
                # Pasted twice, word for word: counted, not refused.
                dirty.append(list(row))
    closed = [row for row in rows if row[column["Status Pengaduan"]] == "Selesai"]
    if closed:
        chosen = closed[int(rng.integers(0, len(closed)))][0]
        for row in dirty:
            if row[0] == chosen:
                row[column["Waktu Selesai"]] = f"01/{month:%m/%Y} 00:00:00"
    return dirty
