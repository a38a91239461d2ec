"""Which source a file belongs to: by its name, else by the header that stands in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ingestion import readers
from ingestion.contract import Contract
from ingestion.outcome import FileRefused


def identify(path: Path, file_name: str, contracts: dict[str, Contract]) -> Contract:
    """The one contract the file fits; raises FileRefused (code ``unknown``) when none or several do."""
    by_name = [contract for contract in contracts.values() if contract.matches_file_name(file_name)]
    fitting = by_name if len(by_name) == 1 else _by_header(path, file_name, by_name or contracts.values())
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        titles = " atau ".join(contract.title for contract in fitting)
        raise FileRefused(
            "unknown",
            f"Berkas {file_name} cocok untuk lebih dari satu sumber: {titles}. Letakkan di folder sumbernya.",
        )
    examples = "; ".join(
        f"{contract.title}: {contract.ingest.file_example}" for contract in contracts.values()
    )
    raise FileRefused(
        "unknown",
        f"Berkas {file_name} tidak dikenal: nama dan judul kolomnya tidak cocok dengan sumber mana pun. "
        "Letakkan di folder sumbernya, atau beri nama seperti contoh ini. "
        f"{examples}.",
    )


def _by_header(path: Path, file_name: str, contracts: Iterable[Contract]) -> list[Contract]:
    try:
        return readers.fitting(path, contracts, file_name)
    except FileRefused:
        return []
