"""What the loader asks of the process that reads a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from ingestion.readers.reading import Reading

if TYPE_CHECKING:
    from ingestion.contract import Contract


@dataclass(frozen=True)
class Request:
    """One file and what to do with it: read its tables, see which contracts fit, or show its first rows.

    ``module``: path of a Python reader beside the contract (layout ``python``), which gets ``contract``.
    ``parent``: process id of the loader. Limits: address space, CPU seconds.
    """

    OUT_OF_MEMORY: ClassVar[int] = 70

    task: Literal["read", "fit", "peek"]
    path: str
    file_name: str
    readings: tuple[Reading, ...]
    parent: int
    memory_mb: int
    cpu_seconds: int
    module: str = ""
    contract: Contract | None = None
    rows: int = 0
