"""One colour a region, so that no two lines of a comparison look alike and the home region stands out."""

from __future__ import annotations

import csv

from ingestion import settings

SEED = settings.ROOT / "dbt_project" / "seeds" / "region.csv"
HOME = "#0072B2"
PROVINCE = "#5F6B76"
# Okabe and Ito without the home region's blue and without yellow, which a white page swallows; then greys.
OTHERS = ("#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#949494", "#B8B8B8")


def colours_by_name(codes: list[str]) -> dict[str, str]:
    """Region name as the marts write it → colour; ``codes`` begins with the home region."""
    names = _names()
    others = iter(OTHERS)
    colours = {}
    for place, code in enumerate(codes):
        if code in names:
            # Beyond the palette a line stays grey: the chart is then about the home region alone.
            colours[names[code]] = (
                HOME if place == 0 else PROVINCE if "." not in code else next(others, OTHERS[-1])
            )
    return colours


def _names() -> dict[str, str]:
    """Code → name of provinces, regencies and cities; the rule of ``int_shared__region``."""
    names = {}
    with SEED.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["level"] in ("province", "regency"):
                bare = row["region_name"].split(" ", 1)
                name = bare[1] if bare[0] in ("Provinsi", "Kabupaten", "Kota") else row["region_name"]
                is_city = row["level"] == "regency" and row["region_code"].split(".")[1] >= "71"
                names[row["region_code"]] = f"Kota {name}" if is_city else name
    return names
