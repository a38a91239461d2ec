"""pyarrow for the checks: its compute kernels without the stubs' overloads.

The stubs describe each kernel by the exact types of scalars and arrays and lose them after the first step of
a chain; what a column's kernels get is decided by the contract at run time anyway.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow
import pyarrow.compute

pa: Any = pyarrow
pc: Any = pyarrow.compute

Array: TypeAlias = Any
"""One column of a batch, a ``pyarrow.Array``."""
