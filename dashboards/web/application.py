"""The pages as one ASGI application over an open catalog. Nothing here writes anything."""

import logging
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from dashboards.errors import DashboardError
from dashboards.figures.rendering import Theme
from dashboards.web import figure_files, pages, static_files, twins
from dashboards.web.access import COOKIE, SESSION, Access, Gate
from dashboards.web.asked import Asked, AskedError
from dashboards.web.figure_files import NoFigureError
from dashboards.web.site import Site
from dashboards.web.templating import rendered
from dashboards.web.trial_log import end_of_log
from orchestrator.errors import CatalogError, CatalogMissingError, CatalogUnavailableError
from workers.contract.storage.trial_files import LOG

log = logging.getLogger(__name__)

Page = Callable[[Site, Asked, Request], pages.Values]

PAGES: dict[str, tuple[str, Page]] = {
    "/": ("sweeps", pages.sweeps_page),
    "/sweep": ("sweep", pages.sweep_page),
    "/grid": ("grid", pages.grid_page),
    "/group": ("group", pages.groups_page),
    "/trials": ("trials", pages.trials_page),
    "/compare": ("compare", pages.compare_page),
    "/adapters": ("adapters", pages.adapters_page),
    "/trial/{trial}": ("trial", pages.trial_page),
}
"""Path → template, and what it is given."""

_HEADINGS = {
    400: "This cannot be asked",
    401: "A token is needed",
    404: "There is no such page",
    405: "Only reading is possible here",
    421: "This server goes by another name",
    500: "Something went wrong here",
    503: "The catalog does not answer",
}
_WORDS = {
    401: "Give the token that `adaptersweep dashboard` was started with.",
    404: "The page of sweeps has links to everything.",
    405: "These pages answer GET alone, and change nothing.",
    421: "Open the address that `adaptersweep dashboard` printed when it started.",
    500: "Look at what `adaptersweep dashboard` printed: it holds the reason.",
}


def application(site: Site, access: Access) -> ASGIApp:
    """Return the pages over a catalog."""

    def refuse(scope: Scope, status: int) -> ASGIApp:
        return _problem(Request(scope), status, _WORDS[status])

    def told(answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def of_one_state(request: Request) -> Response:
            with site.catalog.one_state():
                return answer(request)

        return of_one_state

    routes = [
        *(Route(path, told(_page(site, path, *made))) for path, made in PAGES.items()),
        Route("/table/{name}.{form}", told(_table(site))),
        Route("/trial/{trial}/{name}.{form}", told(_trial_table(site))),
        Route("/trial/{trial}/log", told(_log(site))),
        Route("/figure/{name}.{form}", told(_figure(site))),
        Route("/changes", told(_changes(site))),
        Route("/static/{name}", _static),
        Route(SESSION, _session(access)),
    ]
    made = Starlette(
        routes=routes,
        middleware=[
            Middleware(Gate, access=access, refuse=refuse),
            Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5),
        ],
        exception_handlers={
            AskedError: _refused(400),
            DashboardError: _refused(400),
            CatalogUnavailableError: _refused(503),
            CatalogMissingError: _refused(503),
            CatalogError: _refused(404),
            NoFigureError: _refused(404),
            404: _refused(404),
            405: _refused(405),
        },
    )
    # Whatever is not expected is logged by the server; its page must be ours as well.
    made.add_exception_handler(Exception, _refused(500))
    return made


def _page(site: Site, path: str, template: str, page: Page) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        asked = Asked.of(request.query_params)
        values = pages.around(site, asked, request.url.path)
        return rendered(template, **values, **page(site, asked, request))

    return answer


def _table(site: Site) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        name, form = request.path_params["name"], request.path_params["form"]
        if name not in pages.FILES or form not in twins.FORMS:
            raise AskedError(
                f"expected /table/NAME.FORM with one of {', '.join(pages.FILES)} and one of "
                f"{', '.join(twins.FORMS)}"
            )
        return _file(pages.FILES[name](site, Asked.of(request.query_params)), form)

    return answer


def _trial_table(site: Site) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        given = request.path_params
        if given["name"] not in pages.TRIAL_FILES or given["form"] not in twins.FORMS:
            raise AskedError(
                f"expected /trial/ID/NAME.FORM with one of {', '.join(pages.TRIAL_FILES)} and one "
                f"of {', '.join(twins.FORMS)}"
            )
        return _file(pages.trial_file(site, given["trial"], given["name"]), given["form"])

    return answer


def _file(panel: Any, form: str) -> Response:
    name = f"{panel.name}.{form}"
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return Response(twins.file_of(panel, form), headers=headers, media_type=twins.FORMS[form])


def _log(site: Site) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        row = site.catalog.trial(request.path_params["trial"])
        text = end_of_log(site.stores.workspace, row.trial_id)
        if text is None:
            path = site.stores.workspace.trial(row.trial_id).place(LOG)
            raise CatalogError(
                f"expected the log of trial {row.trial_id} in {path}, found none that this machine "
                "can read; give the workspace's place with --workspace"
            )
        return PlainTextResponse(text)

    return answer


def _figure(site: Site) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        form = request.path_params["form"]
        if form not in figure_files.FORMS:
            raise AskedError(
                f"expected /figure/NAME.FORM with one of {', '.join(figure_files.FORMS)}"
            )
        asked = Asked.of(request.query_params)
        if asked.theme not in (Theme.LIGHT, Theme.DARK):
            raise AskedError(f"theme: expected light or dark; found {asked.theme[:80]!r}")
        made = figure_files.drawn(site, request.path_params["name"], asked)
        key = ("file", made.figure.name, asked.where, asked.c, form, asked.theme)
        content = site.while_unchanged(
            key, lambda: figure_files.content(made, form, Theme(asked.theme))
        )
        headers = {"X-Drawn-Of": made.of} if made.of else {}
        return Response(content, headers=headers, media_type=figure_files.FORMS[form])

    return answer


def _changes(site: Site) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        asked = Asked.of(request.query_params)
        if asked.sweep is None:
            raise AskedError("changes are of one sweep: give sweep=NAME")
        found = site.catalog.changes(asked.sweep, asked.since)
        return JSONResponse(
            {
                "cursor": found.cursor,
                "changed": found.cursor != asked.since,
                "counts": found.counts,
                "trials": [
                    {name: getattr(row, name) for name in ("trial_id", "label", "state", "score")}
                    for row in found.trials
                ],
            },
            headers={"Cache-Control": "no-store"},
        )

    return answer


def _static(request: Request) -> Response:
    return static_files.serve(request) or _problem(request, 404, _WORDS[404])


def _session(access: Access) -> Callable[[Request], Response]:
    """Exchange the token, shown as a bearer, for a cookie that scripts cannot read."""

    def answer(request: Request) -> Response:
        if not access.knows(request.headers):
            return JSONResponse({"known": False}, status_code=401)
        response = JSONResponse({"known": True}, headers={"Cache-Control": "no-store"})
        if access.token is not None:
            response.set_cookie(
                COOKIE,
                access.session,
                httponly=True,
                samesite="strict",
                secure=request.url.scheme == "https",
            )
        return response

    return answer


def _refused(status: int) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        words = str(error) if isinstance(error, DashboardError | CatalogError) else ""
        return _problem(request, status, words or _WORDS.get(status, ""))

    return answer


def _problem(request: Request, status: int, words: str) -> Response:
    """Return a page that says what is wrong, or for a file plain text."""
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 405:
        headers["Allow"] = "GET, HEAD"
    is_file = "." in request.url.path.rpartition("/")[2] or request.url.path == "/changes"
    if is_file:
        return PlainTextResponse(f"{words}\n", status_code=status, headers=headers)
    response = rendered("problem", title=_HEADINGS[status], words=words, status=status)
    response.status_code = status
    response.headers.update(headers)
    return response
