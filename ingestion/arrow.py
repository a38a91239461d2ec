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

# One thread makes batches and another frees them; the default pool keeps such memory (120 MB in a big load).
if "jemalloc" in pyarrow.supported_memory_backends():
    pyarrow.set_memory_pool(pyarrow.jemalloc_memory_pool())
    # Milliseconds until freed memory goes back; in a second as much is freed as the loader holds.
    pyarrow.jemalloc_set_decay_ms(200)

Array: TypeAlias = Any
"""One column of a batch, a ``pyarrow.Array``."""
