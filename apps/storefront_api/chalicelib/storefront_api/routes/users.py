"""The routes of users and sessions."""

from chalicelib.storefront_api.bootstrap import Components
from chassis.api import ServiceBlueprint
from contracts import storefront as api

routes: ServiceBlueprint[Components] = ServiceBlueprint(__name__)


@routes.serves(api.SIGN_UP)
def sign_up() -> api.User:
    """Create a user."""
    return routes.components.users.sign_up(routes.app.document())


@routes.serves(api.CONFIRM)
def confirm_user() -> None:
    """Confirm a user's email address."""
    routes.components.users.confirm(routes.app.body(api.Confirmation))


@routes.serves(api.SIGN_IN)
def sign_in() -> api.Session:
    """Create or renew a session."""
    return routes.components.users.sign_in(routes.app.body(api.NewSession))
