"""The pages on which people sign in, choose a child, consent, and see where they are signed in.

They are made here, whole, and need no script.
"""

from functools import partial

from flask import Blueprint

from server.oauth.page import choose, code, consent, password, provider, sessions, sign_in
from server.oauth.page.moment import day, moment
from server.oauth.page.pages import FOLDER, Pages
from server.record.door import Door
from server.settings import Settings

_PARTS = (sign_in, code, password, provider, choose, consent, sessions)


def blueprint(found: Settings, door: Door) -> Blueprint:
    """The routes of the pages."""
    routes = Blueprint(
        "page",
        __name__,
        template_folder=str(FOLDER / "template"),
        static_folder=str(FOLDER / "static"),
        static_url_path="/auth/static",
    )
    for each in (day, moment):
        routes.add_app_template_filter(each)
    pages = Pages(found, door)
    routes.before_request(pages.check)
    routes.after_request(pages.finished)
    routes.register_error_handler(Exception, pages.failed)
    for part in _PARTS:
        for method, path, answer in part.ROUTES:
            endpoint = f"{method}-{path.strip('/').replace('/', '-')}"
            routes.add_url_rule(path, endpoint, partial(answer, pages), methods=[method])
    return routes
