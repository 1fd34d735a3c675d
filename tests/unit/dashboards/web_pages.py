"""What the tests of the pages share: a client over a catalog, and what a page's tables say."""

from html.parser import HTMLParser

from starlette.testclient import TestClient

from dashboards.web.access import Access
from dashboards.web.application import application
from dashboards.web.site import Site
from orchestrator.catalog import Catalog
from orchestrator.stores import Stores


def client_of(stores: Stores, access: Access | None = None, *, catalog: Catalog | None = None):
    """Return a client of the pages; its catalog is open to be read alone."""
    opened = catalog or Catalog.open(stores.catalog_url, create=False, read_only=True)
    made = application(Site(opened, stores), access or Access())
    return TestClient(made, raise_server_exceptions=False, base_url="http://localhost")


class _Tables(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self._rows: list[list[str]] = []
        self._text: list[str] | None = None
        self._caption = ""
        self._hidden = 0

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th", "caption"):
            self._text = []
        elif tag in ("svg", "small"):
            self._hidden += 1

    def handle_endtag(self, tag):
        if tag in ("td", "th") and self._text is not None:
            self._rows[-1].append(" ".join("".join(self._text).split()))
            self._text = None
        elif tag == "caption" and self._text is not None:
            self._caption, self._text = "".join(self._text), None
        elif tag == "table":
            self.tables[self._caption] = self._rows
        elif tag in ("svg", "small"):
            self._hidden -= 1

    def handle_data(self, data):
        if self._text is not None and not self._hidden:
            self._text.append(data)


def tables_in(html: str) -> dict[str, list[dict[str, str]]]:
    """Return caption → rows of a page's tables, each as heading → text."""
    parser = _Tables()
    parser.feed(html)
    return {
        caption: [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
        for caption, rows in parser.tables.items()
    }
