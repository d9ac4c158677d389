"""The two services behind one small interface: habanero for Crossref, Bio.Entrez for PubMed."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, cast
from urllib.error import HTTPError

from exohcc.bibliography import Reference

from .records import NonsenseError, Remote, from_crossref, from_medline

TRIES = 4
_PASSING = (429, 500, 502, 503, 504)


class UnavailableError(Exception):
    """A service did not answer, in spite of several tries; the message says why."""


class Service(Protocol):
    """Something that knows works."""

    name: str

    def look_up(self, entry: Reference) -> Remote | None:
        """Return its record of one entry, None if it has none.

        Raises UnavailableError or NonsenseError.
        """


def persist(call: Callable[[], Any], sleep: Callable[[float], object], what: str) -> Any:
    """Call a service; on time-outs, lost connections, 429 and 5xx wait and try again, each time longer.

    Returns None for 404, and raises UnavailableError after `TRIES` failures or on any other refusal.
    """
    for attempt in range(1, TRIES + 1):
        try:
            return call()
        except Exception as error:  # the libraries raise their HTTP layer's errors; sorted out below
            code, wait = _code(error), _retry_after(error)
            if code == 404:
                return None
            if isinstance(error, NonsenseError):
                raise
            passing = code in _PASSING or (code is None and _is_network(error))
            if not passing or attempt == TRIES:
                raise UnavailableError(f"{what}: {type(error).__name__} {code or error}") from error
            sleep(wait if wait is not None else 2.0**attempt)
    raise AssertionError("unreachable")


def _code(error: BaseException) -> int | None:
    """Return the HTTP status behind an error of either library."""
    if isinstance(error, HTTPError):
        return error.code
    response = getattr(error, "response", None)
    code = getattr(response, "status_code", None) or getattr(error, "status_code", None)
    return int(code) if code else None


def _retry_after(error: BaseException) -> float | None:
    headers = getattr(error, "headers", None) or getattr(getattr(error, "response", None), "headers", None) or {}
    value = str(headers.get("Retry-After") or "")
    return min(float(value), 120.0) if value.isdigit() else None


def _is_network(error: BaseException) -> bool:
    """Tell whether no answer came: the HTTP layers' own families of errors, or the sockets'."""
    families = {"HTTPError", "TransportError", "TimeoutException", "RequestError"}
    names = {cls.__name__ for cls in type(error).__mro__}
    return isinstance(error, OSError) or bool(names & families)


class Crossref:
    """Crossref's REST API."""

    name = "Crossref"

    def __init__(
        self, mailto: str, *, timeout: int = 30, base_url: str | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:  # fmt: skip
        from habanero import Crossref as Client

        place = {"base_url": base_url} if base_url else {}
        self._client = Client(mailto=mailto, timeout=timeout, **place)
        self._sleep = sleep

    def look_up(self, entry: Reference) -> Remote | None:
        """Return the record of the entry's DOI, None without a DOI or if Crossref does not have it."""
        if not entry.doi:
            return None

        def call() -> Remote:
            try:
                return from_crossref(self._client.works(ids=[entry.doi]))
            except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
                raise NonsenseError(f"Crossref's answer for {entry.doi} can't be read: {error}") from error

        found = persist(call, self._sleep, f"Crossref, {entry.doi}")
        return found if isinstance(found, Remote) else None


class PubMed:
    """PubMed through NCBI's E-utilities, three requests a second at most (the library sees to it)."""

    name = "PubMed"

    def __init__(self, mailto: str, *, timeout: int = 30, sleep: Callable[[float], object] = time.sleep) -> None:
        from Bio import Entrez

        self._entrez = cast(Any, Entrez)  # the library has no types
        self._entrez.email, self._entrez.tool = mailto, "exohcc"
        self._entrez.max_tries = 1  # we wait and try again ourselves, also on time-outs
        self._timeout = timeout
        self._sleep = sleep

    def look_up(self, entry: Reference) -> Remote | None:
        """Return the record by PMID or else by DOI, None if PubMed does not have it."""
        pmid = entry.fields.get("pmid", "")
        if not pmid and entry.doi:
            pmid = persist(lambda: self._search(entry.doi or ""), self._sleep, f"PubMed, {entry.doi}") or ""
        if not pmid:
            return None
        found = persist(lambda: self._fetch(pmid), self._sleep, f"PubMed, {pmid}")
        return found if isinstance(found, Remote) else None

    def _search(self, doi: str) -> str:
        with _socket_timeout(self._timeout), self._entrez.esearch(db="pubmed", term=f"{doi}[AID]") as handle:
            text = handle.read()
        try:
            found = self._entrez.read(io.BytesIO(text if isinstance(text, bytes) else text.encode()))["IdList"]
        except Exception as error:  # its parser raises errors of its own and of expat
            raise NonsenseError(f"PubMed's list for {doi} can't be read: {error}") from error
        return str(found[0]) if len(found) == 1 else ""

    def _fetch(self, pmid: str) -> Remote:
        from Bio import Medline

        medline = cast(Any, Medline)
        with (
            _socket_timeout(self._timeout),
            self._entrez.efetch(db="pubmed", id=pmid, rettype="medline", retmode="text") as handle,
        ):
            text = handle.read()
        text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return from_medline(medline.read(io.StringIO(text)))


@contextmanager
def _socket_timeout(seconds: int) -> Iterator[None]:
    """Bio.Entrez sets no time limit of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
