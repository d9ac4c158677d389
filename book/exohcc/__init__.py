"""ExoHCC: evidence on exosomes as messengers in the hepatocellular-carcinoma microenvironment.

``import exohcc`` in a chapter or an ordinary Python session, then ``exohcc.load("crosstalk")``.
"""

from __future__ import annotations

from exohcc.evidence import EvidenceError, labels, load, order, references, tables

__all__ = ["EvidenceError", "labels", "load", "order", "references", "tables"]
__version__ = "0.1.0"
