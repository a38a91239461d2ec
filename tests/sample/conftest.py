"""One generated drop folder for all tests of this folder."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ingestion.sample import generate

AS_OF = date(2026, 11, 22)


@pytest.fixture(scope="session")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Samples of Tuban at a tenth of their size, as of 22 November 2026."""
    patch = pytest.MonkeyPatch()
    patch.setenv("REGION", "35.23")
    folder = tmp_path_factory.mktemp("landing")
    generate(folder, as_of=AS_OF, scale=0.1)
    patch.undo()
    return folder
