"""What Crossref and PubMed say today of the works that the book cites, as a report for a person to decide.

Nothing here writes into the bibliography or a table: every curated field stays as it was read. The report
lists, first of all, retractions, corrections and expressions of concern that the project does not know yet.
"""

from __future__ import annotations

from .run import Outcome, refresh

__all__ = ["Outcome", "refresh"]
