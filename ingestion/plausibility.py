"""Findings about a whole file that refuse nothing: sums that do not add up, totals that fall, wrong order."""

from __future__ import annotations

from typing import Any

from ingestion.contract import Contract


class Plausibility:
    """Collects what the contract's plausibility rules need, batch by batch; ``warnings`` tells at the end."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract

    def note(self, good: Any) -> None:
        """Look at the accepted rows of a batch (columns of the raw table except ``_load_id``)."""

    def warnings(self) -> list[str]:
        """Indonesian sentences for the outcome's messages."""
        return []
