"""The door for a format that nobody foresaw: a Python module of the contract's name beside it.

The module (layout ``python``) defines ``open_tables(path, contract, file_name) -> list[Table]`` and runs in
the reading process, under its limits: it can read the file and answer, it cannot write one.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from ingestion.readers.table import Table


def open_tables(module_file: Path, path: Path, contract: Any, file_name: str) -> list[Table]:
    """The tables as the module reads them; raises whatever it raises."""
    specification = importlib.util.spec_from_file_location(module_file.stem, module_file)
    if specification is None or specification.loader is None:
        raise ImportError(f"{module_file} is no Python module")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return list(module.open_tables(path, contract, file_name))
