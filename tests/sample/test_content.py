"""What the samples say, recomputed from the files: courses, patterns, and the dirt that is wanted."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ingestion.sample.scene import Scene


@pytest.fixture(scope="module")
def punches(landing: Path) -> pd.DataFrame:
    frames = []
    for file in sorted((landing / "bkpsdm/absensi_mesin").iterdir()):
        names = ["pin", "at", "flag", "state", "verify", "work"]
        frame = pd.read_csv(file, sep="\t", names=names, dtype=str)
        frames.append(frame.assign(device=int(file.name.split("_")[0]), file=file.name))
    return pd.concat(frames, ignore_index=True)


def read_complaints(file: Path) -> pd.DataFrame:
    if file.suffix == ".csv":
        table = pd.read_csv(file, sep=";", skiprows=3, encoding="cp1252", dtype=str)
    else:
        table = pd.read_excel(file, header=3, dtype=str, engine="calamine")
    return table[table["Status Pengaduan"].notna()]


def read_budget(file: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Records with amounts as numbers, and the total row."""
    if file.suffix == ".csv":
        table = pd.read_csv(file, sep=";", skiprows=4, encoding="utf-8-sig", dtype=str)
    else:
        table = pd.read_excel(file, header=4, dtype=str, engine="calamine")
    for name in ("Anggaran", "Realisasi s.d. Bulan Ini"):
        text = table[name]
        if file.suffix == ".csv":
            text = text.str.replace(".", "").str.replace(",", ".")
        table[name] = pd.to_numeric(text, errors="coerce")
    return table[table["Kode Rekening"].notna()], table[table["Tahun"] == "JUMLAH"].iloc[0]


def test_punches_end_the_day_before_the_export_and_span_four_months(punches: pd.DataFrame) -> None:
    at = pd.to_datetime(punches["at"], errors="coerce")
    assert at.max() < pd.Timestamp("2026-11-22") and at.max().date().isoformat() == "2026-11-21"
    assert at.min() < pd.Timestamp("2026-08-04")
    assert 0 < at.isna().sum() < 60, "only damaged lines have no time"


def test_one_terminal_an_agency_and_one_of_them_late(punches: pd.DataFrame) -> None:
    assert sorted(punches["device"].unique()) == list(range(101, 145))
    running = punches[punches["file"].str.contains("2026-11")]
    assert set(punches["device"]) - set(running["device"]) == {125}


def test_punches_are_unordered_repeated_and_partly_unknown(punches: pd.DataFrame, landing: Path) -> None:
    whole = punches[punches["work"].notna()]
    at = pd.to_datetime(whole["at"], errors="coerce")
    assert (at.groupby(whole["file"]).diff() < pd.Timedelta(0)).any()
    assert whole.duplicated(["device", "pin", "at", "state"]).sum() > 50
    file = landing / "bkpsdm/pegawai/pegawai_2026-10.xlsx"
    employees = pd.read_excel(file, header=4, dtype=str, engine="calamine").dropna(subset="PIN")
    known = {(int(d), p) for d, p in zip(employees["No Mesin"], employees["PIN"], strict=True)}
    unknown = [(d, p.strip()) not in known for d, p in zip(whole["device"], whole["pin"], strict=True)]
    assert 0.005 < np.mean(unknown) < 0.05


def test_offices_rest_on_holidays_and_hospitals_do_not(punches: pd.DataFrame) -> None:
    at = pd.to_datetime(punches["at"], errors="coerce").dropna()
    scene = Scene.load(seed=1, as_of=pd.Timestamp("2026-11-22").date(), scale=1)
    works = np.is_busday(at.to_numpy().astype("datetime64[D]"), holidays=scene.holidays)
    # Night shifts end on the morning after, so offices alone decide here: no hospital, no Satpol PP.
    round_the_clock = [101 + scene.agencies.index(o) for o in scene.agencies if o.kind in ("rsud", "satpol")]
    office = ~punches.loc[at.index, "device"].isin(round_the_clock).to_numpy()
    assert works[office].all()
    assert (~works[~office]).any()
    assert ((at.dt.hour >= 20) | (at.dt.hour < 6))[~office].any()


def test_most_come_in_time(punches: pd.DataFrame) -> None:
    whole = punches[punches["work"].notna()]
    at = pd.to_datetime(whole["at"], errors="coerce")
    first = at[at.dt.hour < 12].groupby([whole["device"], whole["pin"], at.dt.date]).min()
    late = (first.dt.hour * 60 + first.dt.minute > 450).mean()
    assert 0.05 < late < 0.25


@pytest.fixture(scope="module")
def seen(landing: Path, punches: pd.DataFrame) -> pd.DataFrame:
    """Who punched when, by NIP; damaged NIP and PINs that nobody entered are left out."""
    file = landing / "bkpsdm/pegawai/pegawai_2026-10.xlsx"
    employees = pd.read_excel(file, header=4, dtype=str, engine="calamine").dropna(subset="PIN")
    employees = employees.assign(
        device=pd.to_numeric(employees["No Mesin"]), nip=employees["NIP"].str.replace(" ", "")
    )
    employees = employees[employees["Berlaku Sampai"].fillna("-") == "-"]
    at = pd.to_datetime(punches["at"], errors="coerce")
    known = punches.assign(at=at, PIN=punches["pin"].str.strip()).dropna(subset="at")
    return known.merge(employees[["device", "PIN", "nip"]], on=["device", "PIN"])


def test_who_is_on_leave_is_hardly_seen(landing: Path, seen: pd.DataFrame) -> None:
    folder = landing / "bkpsdm/ketidakhadiran"
    letters = pd.concat(
        pd.read_excel(folder / f"ketidakhadiran_2026-{end}.xlsx", header=3, dtype=str, engine="calamine")
        for end in ("08", "09_rev2", "10")
    ).dropna(subset=["Tanggal Selesai", "NIP"])
    at_work = set(zip(seen["nip"], seen["at"].dt.normalize(), strict=True))
    hits = days = 0
    for _, letter in letters.iterrows():
        first, last = (
            pd.to_datetime(
                letter[f"Tanggal {name}"],
                format="mixed",
                dayfirst="/" in letter[f"Tanggal {name}"],
                errors="coerce",
            )
            for name in ("Mulai", "Selesai")
        )
        if pd.isna(first):
            continue
        for day in pd.date_range(first, last):
            days += day <= pd.Timestamp("2026-10-31")
            hits += (letter["NIP"].replace(" ", ""), day) in at_work
    assert days > 150 and 0 < hits < 0.06 * days
    assert letters.duplicated("NIP").any(), "letters overlap"


def test_shift_workers_come_as_the_roster_says(landing: Path, seen: pd.DataFrame) -> None:
    roster = pd.read_csv(landing / "bkpsdm/jadwal_kerja/jadwal_kerja_2026-10.csv", sep=";", skiprows=3)
    roster = roster[
        roster["Giliran"].isin(list("PSM")) & ~roster["Tanggal"].fillna("").str.startswith("31/02")
    ]
    start = pd.to_datetime(roster["Tanggal"], format="%d/%m/%Y") + pd.to_timedelta(
        roster["Giliran"].map({"P": 7, "S": 14, "M": 21}), unit="h"
    )
    shifts = roster.assign(nip=roster["NIP"].astype(str), start=start)
    came = shifts.merge(seen[["nip", "at"]], on="nip")
    minutes = (came["at"] - came["start"]) / pd.Timedelta("1min")
    in_time = came[minutes.between(-60, 15)].drop_duplicates(["nip", "start"])
    assert len(shifts) > 200 and len(in_time) > 0.75 * len(shifts)


def test_a_correction_replaces_a_month_and_a_broken_one_does_not(landing: Path) -> None:
    folder = landing / "diskominfo/aduan"
    first, second = (read_complaints(folder / f"aduan_2026-07{end}.csv") for end in ("", "_rev2"))
    assert set(first["No. Tiket"]) < set(second["No. Tiket"])
    broken = pd.read_excel(folder / "aduan_2026-10_rev2.xlsx", header=3, engine="calamine")
    assert "Waktu Dibuat" not in broken.columns and len(broken) > 10


def test_complaints_cover_two_years_and_a_running_month(landing: Path) -> None:
    files = [f for f in (landing / "diskominfo/aduan").iterdir() if "_rev" not in f.name]
    months = sorted(re.findall(r"\d{4}-\d{2}", file.name)[0] for file in files)
    assert len(months) == 25 and (months[0], months[-1]) == ("2024-11", "2026-11")
    table = pd.concat(read_complaints(file) for file in files)
    assert 20 * 25 < len(table) < 45 * 25
    assert table["OPD Tujuan"].nunique() > 60, "agencies are spelled freely"
    created = table["Waktu Dibuat"].fillna("")
    assert created.str.startswith("31/02").any() and (created == "").any()
    assert table["No. Tiket"].duplicated().any()


def read_log(file: Path) -> pd.DataFrame:
    table = pd.read_csv(file, sep=";", skiprows=3, dtype=str)
    table = table[table["Aktivitas"].notna()]
    return table.assign(at=pd.to_datetime(table["Waktu"], format="%d-%m-%Y %H:%M:%S", errors="coerce"))


@pytest.fixture(scope="module")
def log(landing: Path) -> pd.DataFrame:
    files = [f for f in sorted((landing / "diskominfo/aduan_riwayat").iterdir()) if "_rev" not in f.name]
    return pd.concat([read_log(file).assign(file=file.name) for file in files], ignore_index=True)


def test_the_log_tells_a_year_of_the_register_in_full(landing: Path, log: pd.DataFrame) -> None:
    months = sorted(log["file"].str.extract(r"(\d{4}-\d{2})")[0].unique())
    assert len(months) == 13 and (months[0], months[-1]) == ("2025-11", "2026-11")
    assert (log["at"].dt.strftime("%Y-%m") == log["file"].str[14:21])[log["at"].notna()].all()
    assert log["at"].max() < pd.Timestamp("2026-11-22")
    table = read_complaints(landing / "diskominfo/aduan/aduan_2026-05.csv").drop_duplicates("No. Tiket")
    table = table.set_index("No. Tiket")
    received = log[log["Aktivitas"] == "Diterima"].drop_duplicates("No. Tiket").set_index("No. Tiket")
    both = table.index.intersection(received.index)
    written = received.loc[both, "Waktu"].str.replace("-", "/")
    assert len(both) > 20
    assert (written == table.loc[both, "Waktu Dibuat"]).mean() > 0.9, "all but the damaged ones"
    closed = log[log["Aktivitas"] == "Selesai"].groupby("No. Tiket")["at"].max()
    finished = pd.to_datetime(table["Waktu Selesai"], format="%d/%m/%Y %H:%M:%S", errors="coerce")
    finished = finished[(table["Status Pengaduan"] == "Selesai") & (finished.dt.day > 1)]
    assert (closed.reindex(finished.index) == finished).mean() > 0.9


def test_the_log_holds_chains_reopenings_silent_closings_and_dirt(log: pd.DataFrame) -> None:
    handed_on = log[log["Aktivitas"].isin(["Disposisi", "Bukan Wewenang"])].groupby("No. Tiket").size()
    assert {1, 2, 3} <= set(handed_on) and 0.05 < (handed_on > 1).mean() < 0.25
    assert log["Aktivitas"].value_counts()["Buka Kembali"] > 10
    assert log["Catatan"].str.startswith("Ditutup sistem").sum() > 10
    assert {"Tunda", "Arsipkan", "Ditolak", "Slesai"} <= set(log["Aktivitas"])
    assert log["at"].isna().sum() > 5 and log.duplicated(["No. Tiket", "No. Log"]).any()
    received = log[log["Aktivitas"] == "Diterima"].drop_duplicates("No. Tiket").set_index("No. Tiket")["at"]
    assert (log["at"] < log["No. Tiket"].map(received)).any(), "a clock of the log is slow"


def test_a_month_of_the_log_was_corrected(landing: Path) -> None:
    folder = landing / "diskominfo/aduan_riwayat"
    first, second = (set(read_log(folder / f"riwayat_aduan_2026-08{end}.csv")["at"]) for end in ("", "_rev2"))
    assert first < second


def test_some_reporters_come_again(landing: Path) -> None:
    folder = landing / "diskominfo/aduan"
    table = pd.concat(read_complaints(file) for file in folder.iterdir() if "_rev" not in file.name)
    table = table.drop_duplicates("No. Tiket")
    again = table[table["NIK Pelapor"].str.len() == 16].groupby(["NIK Pelapor", "Kategori"]).size()
    assert 5 <= (again > 1).sum() <= 12


def test_cp1252_months_need_cp1252(landing: Path) -> None:
    content = (landing / "diskominfo/aduan/aduan_2026-05.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")
    assert "–" in content.decode("cp1252")


def test_budget_grows_and_its_total_row_is_the_sum(landing: Path) -> None:
    files = sorted((landing / "bpkad/realisasi_apbd").iterdir())
    assert len(files) == 22
    totals = []
    for file in files:
        records, total = read_budget(file)
        totals.append(total["Realisasi s.d. Bulan Ini"])
        clean = records[~records.duplicated(["Perangkat Daerah", "Kode Rekening"])]
        assert clean["Anggaran"].sum() == total["Anggaran"], file.name
        damaged = clean["Realisasi s.d. Bulan Ini"].isna().any()
        assert damaged or clean["Realisasi s.d. Bulan Ini"].sum() == total["Realisasi s.d. Bulan Ini"]
    assert totals[:12] == sorted(totals[:12]) and totals[12:] == sorted(totals[12:])
    records, total = read_budget(files[11])
    assert 0.8 < total["Realisasi s.d. Bulan Ini"] / total["Anggaran"] < 0.97


def test_budget_has_the_mishaps_that_were_seen(landing: Path) -> None:
    folder = landing / "bpkad/realisasi_apbd"
    may, _ = read_budget(folder / "realisasi_apbd_2026-05.csv")
    silent = may.groupby("Perangkat Daerah")["Realisasi s.d. Bulan Ini"].sum()
    assert (silent == 0).sum() == 1
    last, _ = read_budget(folder / "realisasi_apbd_2026-10.csv")
    before, _ = read_budget(folder / "realisasi_apbd_2026-09.csv")
    assert before["Perangkat Daerah"].nunique() == last["Perangkat Daerah"].nunique() + 1
    codes = set(last["Kode Rekening"])
    assert {"5.1.02", "5.1.2"} <= codes


def test_the_treasury_agrees_with_itself_and_with_the_region(landing: Path) -> None:
    table = pd.concat(pd.read_csv(file, sep=";") for file in (landing / "djpb/apbd").iterdir())
    assert (table["SILPA"] == table["pendapatan"] - table["belanja"] + table["pembiayaan"]).all()
    assert table.groupby("thang")["bulan"].max().to_dict() == {2025: 12, 2026: 9}
    home = table[(table["nama_pemda"] == "Kabupaten Tuban") & (table["thang"] == 2025)].set_index("bulan")
    _, total = read_budget(landing / "bpkad/realisasi_apbd/realisasi_apbd_2025-12.csv")
    assert home.loc[12, "belanja"] == total["Realisasi s.d. Bulan Ini"]


def read_bps(file: Path) -> tuple[str, dict[str, float], str]:
    """Title, value by area, footer."""
    lines = file.read_text(encoding="utf-8-sig").split("\n")
    footer = lines.pop() if lines[-1].startswith("Sumber: ") else ""
    return lines[1], {name: float(value) for name, value in (x.split(",") for x in lines[3:])}, footer


def test_poverty_figures_are_those_of_bps(landing: Path, shared_real: Path) -> None:
    compared = 0
    for real in sorted((shared_real / "poverty").glob("*.csv")):
        title, values, footer = read_bps(landing / "bps/kemiskinan" / real.name)
        real_title, real_values, _ = read_bps(real)
        assert title == real_title
        assert footer.startswith("Sumber: BPS ") and footer.endswith(",")
        assert values == {name: real_values[name] for name in values}
        compared += len(values)
    assert compared == 20


@pytest.mark.parametrize(
    ("name", "year", "tuban"),
    [
        ("Persentase Penduduk Miskin", 2018, 15.31),
        ("Persentase Penduduk Miskin", 2025, 14.13),
        ("Jumlah Penduduk Miskin", 2021, 192.58),
        ("Garis Kemiskinan", 2024, 488131),
        ("Indeks Kedalaman Kemiskinan (P1)", 2021, 3.26),
        ("Indeks Keparahan Kemiskinan (P2)", 2023, 0.42),
    ],
)
def test_tuban_has_all_five_indicators(landing: Path, name: str, year: int, tuban: float) -> None:
    _, values, _ = read_bps(
        landing / "bps/kemiskinan" / f"{name} Menurut Kabupaten_Kota di Jawa Timur, {year}.csv"
    )
    assert (values.get("Tuban") or values.get("Kabupaten Tuban")) == tuban
