"""What became of a file: counts, reasons and messages, free of any heavy import."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ingestion import settings

# Refused rows that an outcome shows; the ledger holds all of them.
SHOWN_REJECTS = 20
Status = Literal["loaded", "already_loaded", "refused", "unknown", "accepted"]


class FileRefused(settings.PendopoError):
    """A file that cannot be loaded at all; the message is an Indonesian sentence with the way out."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Reason:
    """One thing that is wrong with a row. ``column`` is the contract's name, None for the row as a whole.

    ``header``: the column's header as the file spells it; where columns became rows, the one of this value.
    """

    code: str
    column: str | None
    value: str | None
    message: str
    header: str | None = None

    def as_json(self) -> dict[str, str | None]:
        return {
            "code": self.code,
            "column": self.column,
            "header": self.header,
            "value": self.value,
            "message": self.message,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Reason:
        """What ``as_json`` wrote, also by a version that knew no header."""
        return cls(
            document["code"],
            document["column"],
            document["value"],
            document["message"],
            document.get("header"),
        )


@dataclass(frozen=True)
class Reject:
    """A refused row with every reason; ``row_no`` is the row as a spreadsheet program counts it."""

    sheet: str
    row_no: int
    reasons: tuple[Reason, ...]
    raw_text: str

    def as_json(self) -> dict[str, Any]:
        reasons = [reason.as_json() for reason in self.reasons]
        return {"sheet": self.sheet or None, "row_no": self.row_no, "reasons": reasons}


@dataclass
class Outcome:
    """Result of loading or checking one file; ``read`` = ``loaded`` + ``rejected`` + ``skipped``, always.

    ``accepted`` is the status of a check that would load. ``rejects`` holds the first refused rows only.
    ``form_of``: the load whose form (``pendopo corrections``) holds the refused rows that are still open.
    """

    file_name: str
    source: str | None = None
    load_id: int | None = None
    delivery_id: int | None = None
    read: int = 0
    loaded: int = 0
    rejected: int = 0
    skipped: int = 0
    skipped_by_kind: dict[str, int] = field(default_factory=dict)
    status: Status = "refused"
    slices: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    form_of: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The machine-readable form of ``pendopo load --json`` and ``pendopo check --json``."""
        return {
            "load_id": self.load_id,
            "source": self.source,
            "read": self.read,
            "loaded": self.loaded,
            "rejected": self.rejected,
            "skipped": self.skipped,
            "status": self.status,
            "file": self.file_name,
            "delivery_id": self.delivery_id,
            "skipped_by_kind": self.skipped_by_kind,
            "slices": self.slices,
            "messages": self.messages,
            "rejects": [reject.as_json() for reject in self.rejects],
        }
