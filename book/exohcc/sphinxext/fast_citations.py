"""Citations without a search of the disk for each of them.

pybtex looks its plug-ins up among the entry points of all installed packages once per citation, about 20 ms
each; a book has more than a thousand. The answer can't change during a build, so it is kept.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pybtex.plugin

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    """Keep what pybtex finds among the entry points."""
    look_up = pybtex.plugin._load_entry_point
    if not hasattr(look_up, "cache_info"):
        pybtex.plugin._load_entry_point = lru_cache(maxsize=None)(look_up)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
