"""ExoHCC: evidence on exosomes as messengers in the hepatocellular-carcinoma microenvironment.

``import exohcc`` in a chapter or an ordinary Python session, then ``exohcc.load("crosstalk")``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exohcc.evidence import EvidenceError, in_words, labels, load, names, order, references, tables

__all__ = ["EvidenceError", "in_words", "labels", "load", "names", "order", "references", "tables"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load the tables' module, and polars with it, on first use: building and checking often do without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module("exohcc.evidence"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
