"""Sample exports of a local government, as its agencies would hand them in.

Everything in them is invented except the poverty figures (BPS) and the names of places and agencies.
Nobody in them can exist: names are built from words such as "Contoh" and "Rekaan", NIK start with the
impossible region code 99, telephone numbers with 0800, serial numbers of NIP with 9. The files carry
the dirt of real exports (free spelling, title and total rows, mixed date formats, damaged numbers,
duplicates, one late agency, one broken file, one file nobody knows), because that is what the
pipeline has to prove itself on. A source without such a scene gets a plain file drawn from its contract.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

DEFAULT_SEED = 20230523
# A terminal gives PINs of four digits; above this an agency would run out of them.
MAX_SCALE = 20.0
# The calendar of seeds/holiday.csv starts in 2018, and two years of complaints stand before the export.
FIRST_DAY = date(2020, 2, 1)


def generate(
    landing: str | Path,
    seed: int = DEFAULT_SEED,
    *,
    as_of: date,
    scale: float = 1.0,
    before_publish: Callable[[list[Path]], None] | None = None,
) -> list[Path]:
    """Write the sample exports of the region in force below ``landing`` and return their paths.

    ``as_of`` is the day of the export: data end the day before, or with the last month that was
    complete then. ``scale`` multiplies people and events, not agencies, months or files. The same
    (seed, as_of, scale) and region give the same bytes. An existing file of the same name is
    replaced. The files are made in a hidden folder, which no inbox looks into, and moved into place when
    all are there and ``before_publish`` has seen them: so their contents can be known as samples before
    anybody can receive them. Raises ValueError for a scale outside (0, 20], a day before February 2020, or a
    ``landing`` that is no local folder.
    """
    if not 0 < scale <= MAX_SCALE:
        raise ValueError(f"scale must be above 0 and at most {MAX_SCALE:g}, not {scale:g}")
    if as_of < FIRST_DAY:
        raise ValueError(f"as_of must be {FIRST_DAY} or later, not {as_of}")
    if "://" in str(landing):
        raise ValueError(f"sample exports are written to a local folder only, not to {landing}")
    # numpy and openpyxl load here, so that the command line starts without them.
    from ingestion.contract import load_contracts
    from ingestion.sample import (
        absences,
        budget,
        complaint_log,
        complaints,
        employees,
        from_contract,
        poverty,
        punches,
        regional_budget,
        rosters,
        stray,
    )
    from ingestion.sample.scene import Scene

    folder = Path(landing)
    scene = Scene.load(seed=seed, as_of=as_of, scale=scale)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".contoh-", dir=folder) as name:
        workshop = Path(name)
        made = [
            path
            for source in (
                complaints,
                complaint_log,
                employees,
                absences,
                rosters,
                punches,
                poverty,
                budget,
                regional_budget,
                stray,
            )
            for path in source.write(workshop, scene)
        ]
        contracts = {Path(contract.opd, contract.dataset): contract for contract in load_contracts().values()}
        scenes = {path.parent.relative_to(workshop) for path in made}
        made = [path for path in made if path.parent.relative_to(workshop) in {Path(), *contracts}]
        for place, contract in contracts.items():
            if place not in scenes:
                made += from_contract.write(workshop, contract, scene)
        if before_publish:
            before_publish(made)
        return [_publish(path, folder / path.relative_to(workshop)) for path in made]


def _publish(made: Path, place: Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    return made.replace(place)
