"""Poverty figures of BPS in the layout of its regional tables: one file an indicator and year.

Unlike the other samples these values are real. They come from the releases named in each file's last
line (domain reference 3.2); what was not found is left out, never filled in.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingestion.sample import files
from ingestion.sample.scene import Scene

FIRST_YEAR = 2018


@dataclass(frozen=True)
class Indicator:
    """A table of BPS: file name, title with unit, heading, and whether names carry "Kabupaten"."""

    code: str
    file_title: str
    title: str
    heading: str
    full_names: bool


_SHORT, _LONG = "Kab/Kota", "Kabupaten/Kota Se {province}"
INDICATORS = (
    Indicator(
        "p0",
        "Persentase Penduduk Miskin Menurut Kabupaten_Kota di {province}",
        "Persentase Penduduk Miskin Menurut Kabupaten/Kota di {province} (Persen)",
        _SHORT,
        False,
    ),
    Indicator(
        "poor_population_thousand",
        "Jumlah Penduduk Miskin Menurut Kabupaten_Kota di {province}",
        "Jumlah Penduduk Miskin Menurut Kabupaten/Kota di {province} (Ribu Jiwa)",
        _SHORT,
        False,
    ),
    Indicator(
        "poverty_line",
        "Garis Kemiskinan Menurut Kabupaten_Kota di {province}",
        "Garis Kemiskinan Menurut Kabupaten/Kota di {province} (Rupiah/Bulan/Kapita)",
        _LONG,
        True,
    ),
    Indicator(
        "p1",
        "Indeks Kedalaman Kemiskinan (P1) Menurut Kabupaten_Kota di {province}",
        "Indeks Kedalaman Kemiskinan (P1) Menurut Kabupaten/Kota di {province} (Indeks)",
        _LONG,
        True,
    ),
    Indicator(
        "p2",
        "Indeks Keparahan Kemiskinan (P2) Menurut Kabupaten_Kota di {province}",
        "Indeks Keparahan Kemiskinan (P2) Menurut Kabupaten/Kota di {province} (Indeks)",
        _LONG,
        True,
    ),
)


@dataclass(frozen=True)
class Series:
    """Values of one area from 2018 on, "-" where none was found, and the releases they come from."""

    province: str
    name: str
    publication: str
    values: dict[str, str]


SERIES = (
    Series(
        "Jawa Timur",
        "Kabupaten Trenggalek",
        "BPS Kabupaten Trenggalek (Tribun Jatim 11-09-2024; Ragam Warta 16-10-2025; Kabar Trenggalek;"
        " Open Data Jatim)",
        {
            "p0": "- - - - 10.96 10.63 10.5 10.29",
            "poor_population_thousand": "- - - - - 74.58 73.75 72.35",
            "poverty_line": "- - - - 381448 411527 434146 450334",
            "p1": "- - - - - 1.26 1.43 1.09",
            "p2": "- - - - - 0.21 0.28 0.2",
        },
    ),
    Series(
        "Jawa Timur",
        "Kabupaten Pasuruan",
        "BPS Kabupaten Pasuruan (Databoks; Open Data Jatim)",
        {
            "p0": "- - - - 8.96 9.24 8.63 -",
            "poor_population_thousand": "- - - - - - 144.84 -",
            "poverty_line": "- - - - 394016 429624 450088 -",
            "p1": "- - - - - - - -",
            "p2": "- - - - - - - -",
        },
    ),
    Series(
        "Jawa Timur",
        "Kabupaten Tuban",
        "BPS Kabupaten Tuban (rilis 2019; Suara Indonesia 2021; Blok Tuban 24-12-2021; Diskominfo Tuban;"
        " Beranda Online; Open Data Jatim)",
        {
            "p0": "15.31 14.58 15.91 16.31 15.02 14.91 14.36 14.13",
            "poor_population_thousand": "178.64 170.8 187.13 192.58 178.05 177.25 171.24 168.9",
            "poverty_line": "328268 348503 371465 388176 421287 454336 488131 504823",
            "p1": "2.55 2.84 2.27 3.26 2.89 1.95 1.95 1.89",
            "p2": "0.65 0.75 0.48 0.86 0.81 0.42 0.39 0.42",
        },
    ),
    Series(
        "Jawa Timur",
        "Kota Pasuruan",
        "BPS Kota Pasuruan (Radar Bromo 03-03-2023; Tadatodays 17-10-2025)",
        {
            "p0": "- - - - 6.37 6.6 6.32 6.18",
            "poor_population_thousand": "- - - 13.97 13.02 - - 12.83",
            "poverty_line": "- - - - 486893 529512 554195 588312",
            "p1": "- - - 1.15 0.93 - 0.7 1.03",
            "p2": "- - - 0.27 0.22 - 0.12 0.22",
        },
    ),
    Series(
        "Jawa Timur",
        "Jawa Timur",
        "BPS Provinsi Jawa Timur (Selalu Kabar/Antara; Open Data Jatim)",
        {
            "p0": "- - - - 10.38 10.35 9.79 -",
            "poor_population_thousand": "- - - - - - - -",
            "poverty_line": "- - - - 460909 507286 536122 -",
            "p1": "- - - - - - - -",
            "p2": "- - - - - - - -",
        },
    ),
    Series(
        "Jawa Barat",
        "Kota Tasikmalaya",
        "BPS Kota Tasikmalaya (rilis 2019; Kilang Bara 2022; Radar Tasik 22-08-2025; Open Data Jabar)",
        {
            "p0": "12.71 11.6 12.97 13.13 12.72 11.53 11.1 -",
            "poor_population_thousand": "84.22 76.98 86.13 89.46 87.13 79.37 76.71 -",
            "poverty_line": "447008 457899 470150 480341 498711 537497 565377 -",
            "p1": "1.52 1.98 - - 2.34 - - -",
            "p2": "0.31 0.53 - - 0.65 - - -",
        },
    ),
)


def write(landing: Path, scene: Scene) -> list[Path]:
    """Write every table for which the province of the region has a value; returns the paths."""
    province = scene.region["province"]["name"]
    areas = [series for series in SERIES if series.province == province]
    folder = landing / "bps" / "kemiskinan"
    years = max(len(values.split()) for series in areas for values in series.values.values()) if areas else 0
    return [
        path
        for indicator in INDICATORS
        for year in range(FIRST_YEAR, FIRST_YEAR + years)
        if (path := _write_table(folder, scene, province, indicator, areas, year))
    ]


def _write_table(
    folder: Path, scene: Scene, province: str, indicator: Indicator, areas: list[Series], year: int
) -> Path | None:
    published_by = year + 1
    rows = [(area, area.values[indicator.code].split()[year - FIRST_YEAR]) for area in areas]
    rows = [(area, value) for area, value in rows if value != "-"]
    if not rows or scene.as_of.year < published_by:
        return None
    lines = [
        indicator.heading.format(province=province) + ",",
        "," + indicator.title.format(province=province),
        f",{year}",
        *(
            f"{area.name if indicator.full_names else area.name.removeprefix('Kabupaten ')},{value}"
            for area, value in rows
        ),
        f"Sumber: {'; '.join(area.publication for area, _ in rows)},",
    ]
    # As BPS writes them: a byte order mark, and no end of line after the last one.
    name = f"{indicator.file_title.format(province=province)}, {year}.csv"
    return files.write_bytes(folder / name, ("\ufeff" + "\n".join(lines)).encode())
