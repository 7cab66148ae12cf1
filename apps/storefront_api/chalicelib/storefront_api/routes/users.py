"""The routes of users and sessions."""

from chalicelib.storefront_api.bootstrap import Components
from chalicelib.storefront_api.caller import access_token_of
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


@routes.serves(api.RESEND_CODE)
def resend_code() -> None:
    """Send a new code to confirm an email address."""
    routes.components.users.resend_code(routes.app.body(api.CodeRequest))


@routes.serves(api.REQUEST_PASSWORD_RESET)
def request_password_reset() -> None:
    """Send a code to set a new password."""
    routes.components.users.request_password_reset(routes.app.body(api.CodeRequest))


@routes.serves(api.RESET_PASSWORD)
def reset_password() -> None:
    """Set a new password with a code."""
    routes.components.users.reset_password(routes.app.document())


@routes.serves(api.GET_PROFILE)
def get_profile() -> api.User:
    """Return the caller's profile."""
    return routes.components.users.profile(access_token_of(routes.app))


@routes.serves(api.CHANGE_PROFILE)
def change_profile() -> api.User:
    """Change the caller's name."""
    app = routes.app
    return routes.components.users.change_profile(access_token_of(app), app.document(patch=True))


@routes.serves(api.SIGN_IN)
def sign_in() -> api.Session:
    """Create or renew a session."""
    return routes.components.users.sign_in(routes.app.body(api.NewSession))
