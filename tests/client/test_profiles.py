"""Which service is spoken to, and as whom."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from aryl.client.profiles import DEFAULT_SERVER, Flags, Target, target_of
from aryl.model.errors import BadInput
from tests.simulation.command import aryl

FILE = """
[profiles.default]
server = "https://default.example"
token = "default-secret"

[profiles.lab]
server = "http://lab.example:8080/aryl"
token_file = "lab.token"
ca_file = "lab.pem"

[profiles.here]
token = "here-secret"
"""


def configured(home: Path, text: str = FILE) -> Path:
    folder = home / "aryl"
    folder.mkdir()
    file = folder / "config.toml"
    file.write_text(text)
    file.chmod(0o600)
    return file


def target(home: Path, flags: Flags | None = None, **env: str) -> Target:
    return target_of(flags or Flags(), {"XDG_CONFIG_HOME": str(home)} | env)


def test_without_anything_it_is_this_machine_and_nobody(tmp_path: Path) -> None:
    assert target(tmp_path) == Target(DEFAULT_SERVER)


@pytest.mark.parametrize(
    ("flags", "env", "server", "token"),
    [
        (Flags(), {}, "https://default.example", "default-secret"),
        (Flags(profile="here"), {}, DEFAULT_SERVER, "here-secret"),
        (Flags(), {"ARYL_PROFILE": "here"}, DEFAULT_SERVER, "here-secret"),
        (Flags(profile="here"), {"ARYL_PROFILE": "lab"}, DEFAULT_SERVER, "here-secret"),
        (Flags(), {"ARYL_TOKEN": "env-secret"}, "https://default.example", "env-secret"),
        (Flags(), {"ARYL_SERVER": "https://env.example"}, "https://env.example", None),
        (
            Flags(server="https://flag.example/"),
            {"ARYL_SERVER": "https://env.example", "ARYL_TOKEN": "env-secret"},
            "https://flag.example",
            "env-secret",
        ),
        (Flags(server="https://default.example"), {}, "https://default.example", "default-secret"),
    ],
    ids=[
        "the profile called default",
        "a profile without a server",
        "a profile by the environment",
        "a flag before the environment",
        "a token by the environment",
        "a profile's token stays with its server",
        "flags win over all",
        "the same server by a flag keeps the token",
    ],
)
def test_flags_win_over_the_environment_and_that_over_the_file(
    tmp_path: Path, flags: Flags, env: Mapping[str, str], server: str, token: str | None
) -> None:
    configured(tmp_path)

    found = target(tmp_path, flags, **env)

    assert (found.server, found.token) == (server, token)


def test_files_that_a_profile_names_lie_beside_it(tmp_path: Path) -> None:
    file = configured(tmp_path)
    secret = file.with_name("lab.token")
    secret.write_text("lab-secret\n")
    secret.chmod(0o600)

    found = target(tmp_path, Flags(profile="lab"))

    assert found.token == "lab-secret"  # noqa: S105 - it is none
    assert found.ca_file == file.with_name("lab.pem")
    assert found.warnings == (
        "the token travels to http://lab.example:8080/aryl unencrypted; https: would protect it",
    )


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_token_that_others_may_read_is_warned_about(tmp_path: Path, mode: int) -> None:
    configured(tmp_path).chmod(mode)

    (warning,) = target(tmp_path).warnings

    assert "others may read it" in warning
    assert "chmod 600" in warning


def test_a_file_without_a_token_may_be_read_by_all(tmp_path: Path) -> None:
    configured(tmp_path, '[profiles.default]\nserver = "https://a.example"\n').chmod(0o644)

    assert target(tmp_path).warnings == ()


def test_a_token_file_by_flag_is_read_and_warned_about(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(" flag-secret \n")
    file.chmod(0o644)

    found = target(tmp_path, Flags(token_file=file), ARYL_TOKEN="env-secret")  # noqa: S106 - it is none

    assert found.token == "flag-secret"  # noqa: S105 - it is none
    assert "others may read it" in found.warnings[0]


def test_a_token_shows_up_nowhere(tmp_path: Path) -> None:
    configured(tmp_path)

    assert "default-secret" not in repr(target(tmp_path))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("server = 'x'", "server: is unknown; expected [profiles.NAME]"),
        ("profiles = 1", "profiles: is no table"),
        ("profiles.default = 1", "profiles.default: is no table"),
        ("[profiles.default]\nsever = 'x'", "profiles.default.sever: does not belong here"),
        ("[profiles.default]\ntoken = 7", "profiles.default.token: does not belong here"),
        ("[profiles.default]\ntoken = 'a'\ntoken_file = 'b'", "has both a token and a token_file"),
        ("[profiles.default]\ntoken_file = 'none'", "can't be read: No such file"),
        ("[profiles.default]\ntoken = 'two words'", "holds no token"),
        ("[profiles.default]\nserver = 'ftp://x'", "'ftp://x' is no address of a service"),
        ("[profiles.default", "is not TOML"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path: Path, text: str, problem: str) -> None:
    configured(tmp_path, text)

    with pytest.raises(BadInput) as refused:
        target(tmp_path)

    assert problem in str(refused.value)
    assert "two words" not in str(refused.value)


@pytest.mark.parametrize(
    "server",
    ["localhost:8080", "http://", "http://a:b@c", "http://a?b=c", "http://[::1", "http://a:x"],
)
def test_what_is_no_address_is_refused(tmp_path: Path, server: str) -> None:
    with pytest.raises(BadInput, match="is no address of a service"):
        target(tmp_path, Flags(server=server))


def test_a_profile_that_is_not_there_is_refused_with_those_that_are(home: Path) -> None:
    configured(home)

    answer = aryl("jobs", "--profile", "nobody")

    assert answer.exit_code == 2
    assert "expected one of: default, here, lab" in answer.err


def test_nobody_there_is_said_with_what_to_do(home: Path) -> None:
    assert home.is_dir()

    answer = aryl("jobs", "--server", "http://127.0.0.1:9")

    assert answer.exit_code == 1
    assert answer.err.startswith("aryl: no answer from http://127.0.0.1:9: Connection refused")
    assert "aryl serve" in answer.err
