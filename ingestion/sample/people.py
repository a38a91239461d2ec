"""Invented persons, and the way clerks write the names of agencies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ingestion.sample.scene import Opd

_FIRST_NAMES = (
    "Adi Agus Ani Ayu Bagus Bambang Budi Citra Dewi Dian Dwi Edi Eka Endang Fajar Fitri Galih Hadi Hana"
    " Hendra Ika Imam Indah Joko Kartika Lestari Lilik Maya Mega Nanik Nur Oki Putri Rahmat Ratna Retno Rini"
    " Rudi Sari Sigit Siti Slamet Sri Sugeng Tri Umi Wahyu Wati Wulan Yanto Yuni"
)
FIRST_NAMES = _FIRST_NAMES.split()
# Nobody can be called like this: whoever sees a row knows that the person is invented.
FAMILY_NAMES = ("Contoh", "Fiktif", "Peraga", "Rekaan", "Sampel")
DEGREES = ("", "", "", "", ", S.E.", ", S.Sos.", ", S.Kom.", ", S.Pd.", ", A.Md.", ", S.T.", ", S.H.")


def names(rng: np.random.Generator, count: int, *, degrees: bool = False) -> list[str]:
    first, second = (rng.choice(FIRST_NAMES, count) for _ in range(2))
    family = rng.choice(FAMILY_NAMES, count)
    ends = rng.choice(DEGREES, count) if degrees else [""] * count
    return [
        f"{a} {b} {c}{end}" if a != b else f"{a} {c}{end}"
        for a, b, c, end in zip(first, second, family, ends, strict=True)
    ]


def niks(rng: np.random.Generator, count: int) -> list[str]:
    """NIK of the region 99, which does not exist."""
    return [f"99{number:014d}" for number in rng.integers(0, 10**14, count)]


def phones(rng: np.random.Generator, count: int) -> list[str]:
    """Numbers under 0800, which no mobile subscriber has."""
    return [f"0800{number:08d}" for number in rng.integers(0, 10**8, count)]


def nips(rng: np.random.Generator, is_pppk: Sequence[bool]) -> list[str]:
    """18 digits, all different: birth date, month of appointment (PPPK: 21), sex, serial from 900."""
    seen: set[str] = set()
    result: list[str] = []
    for pppk in is_pppk:
        while True:
            year, month, day, serial = (int(n) for n in rng.integers((1967, 1, 1, 900), (2001, 13, 29, 1000)))
            years, since, sex = (int(n) for n in rng.integers((22, 2021, 1), (33, 2025, 3)))
            start = f"{since}21" if pppk else f"{min(year + years, 2024)}03"
            nip = f"{year}{month:02d}{day:02d}{start}{sex}{serial}"
            if nip not in seen:
                break
        seen.add(nip)
        result.append(nip)
    return result


def spell(rng: np.random.Generator, opds: Sequence[Opd], *, typos: float = 0.015) -> list[str]:
    """Names of agencies as clerks write them: mostly right, often short, sometimes beyond recognition."""
    dice = rng.random(len(opds))
    which = rng.integers(0, 1000, len(opds))
    return [_spelling(opd, x, int(n), typos) for opd, x, n in zip(opds, dice, which, strict=True)]


def _spelling(opd: Opd, dice: float, number: int, typos: float) -> str:
    if dice < typos:
        cut = number % (len(opd.name) - 2) + 1
        return opd.name[:cut] + opd.name[cut + 1 :]
    if dice < 0.62:
        return opd.name
    if dice < 0.74:
        return opd.short_name
    if dice < 0.92:
        return opd.spellings[number % len(opd.spellings)] if opd.spellings else opd.name
    variants = (opd.name.upper(), f" {opd.name} ", opd.name.replace(" ", "  ", 1), opd.name.replace(",", ""))
    return variants[number % len(variants)]
