"""Settings: a missing or invalid variable is named, and the service does not start."""

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


def test_other_variables_are_ignored() -> None:
    assert load(ShopSettings, GIVEN | {"PATH": "/bin", "table_name": "x"}).table_name != "x"


@pytest.mark.parametrize("missing", list(GIVEN))
def test_a_missing_variable_is_named(missing: str) -> None:
    environ = {name: value for name, value in GIVEN.items() if name != missing}
    with pytest.raises(SettingsError, match=f"{missing}: This variable is required"):
        load(ShopSettings, environ)


def test_an_invalid_variable_is_named_without_its_value() -> None:
    with pytest.raises(SettingsError, match="RETRY_BASE_SECONDS: Must be a number") as error:
        load(ShopSettings, GIVEN | {"RETRY_BASE_SECONDS": "soon"})
    assert "soon" not in str(error.value)


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    assert load(ShopSettings).service == "toys"


def test_source_is_the_arn_that_chalice_deploy_is_given() -> None:
    assert source("charge", {"CHARGE_SOURCE": "arn:aws:sns:r:a:topic"}) == "arn:aws:sns:r:a:topic"
    # otherwise a placeholder that Chalice accepts as the ARN of a topic
    assert source("charge", {}).startswith("arn:aws:sns:")


def test_an_unknown_log_level_is_named() -> None:
    with pytest.raises(SettingsError, match="LOG_LEVEL: 'LOUD' is not one of the allowed values"):
        load(ShopSettings, GIVEN | {"LOG_LEVEL": "LOUD"})
