"""Settings: a variable that is missing or wrong is named, and the service does not start."""

import pytest

from chassis.settings import Settings, SettingsError, load, source


class ShopSettings(Settings, frozen=True, kw_only=True):
    table_name: str
    retry_base_seconds: float = 30
    enabled: bool = True


GIVEN = {"STAGE": "local", "SERVICE": "toys", "TABLE_NAME": "toyshop-local-toys"}


def test_variables_become_typed_fields() -> None:
    settings = load(ShopSettings, GIVEN | {"RETRY_BASE_SECONDS": "1.5", "ENABLED": "false"})
    assert settings == ShopSettings(
        stage="local",
        service="toys",
        table_name="toyshop-local-toys",
        retry_base_seconds=1.5,
        enabled=False,
    )
    assert settings.log_level == "INFO"


def test_other_variables_do_not_matter() -> None:
    assert load(ShopSettings, GIVEN | {"PATH": "/bin", "table_name": "x"}).table_name != "x"


@pytest.mark.parametrize("missing", list(GIVEN))
def test_a_missing_variable_is_named(missing: str) -> None:
    environ = {name: value for name, value in GIVEN.items() if name != missing}
    with pytest.raises(SettingsError, match=f"{missing}: This field is required"):
        load(ShopSettings, environ)


def test_a_wrong_variable_is_named_and_its_value_is_not_told() -> None:
    with pytest.raises(SettingsError, match="RETRY_BASE_SECONDS: Expected `float`") as error:
        load(ShopSettings, GIVEN | {"RETRY_BASE_SECONDS": "soon"})
    assert "soon" not in str(error.value)


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    assert load(ShopSettings).service == "toys"


def test_source_is_what_chalice_deploy_is_told() -> None:
    assert source("charge", {"CHARGE_SOURCE": "arn:aws:sns:r:a:topic"}) == "arn:aws:sns:r:a:topic"
    # a placeholder otherwise, which Chalice takes for a topic's ARN and lets be overridden
    assert source("charge", {}).startswith("arn:aws:sns:")
