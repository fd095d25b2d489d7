"""Which service to speak to, and as whom: flags, then the environment, then a file of profiles."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from aryl.model.errors import BadInput

DEFAULT_SERVER = "http://127.0.0.1:8080"
DEFAULT_PROFILE = "default"
_KEYS = ("server", "token", "token_file", "ca_file")
_OTHERS = 0o077  # permission bits of group and others


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line says; None: nothing."""

    server: str | None = None
    token_file: Path | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A service to speak to; the token shows up in no representation."""

    server: str
    token: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    warnings: tuple[str, ...] = ()


def config_file(env: Mapping[str, str]) -> Path:
    """Where the profiles are kept."""
    home = env.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "aryl" / "config.toml"


def target_of(flags: Flags, env: Mapping[str, str] = os.environ) -> Target:
    """The service to speak to. Raises `BadInput` for a file, a name or a URL that is none.

    A profile's token and CA go to the profile's own server only: never to one that a flag or the
    environment names instead.
    """
    file = config_file(env)
    name = flags.profile or env.get("ARYL_PROFILE") or None
    profile = _profile(file, name)
    own_server = _url(profile.get("server", DEFAULT_SERVER), str(file))
    asked = flags.server or env.get("ARYL_SERVER")
    server = _url(asked, "--server" if flags.server else "ARYL_SERVER") if asked else own_server
    kept = profile if server == own_server else {}
    token, warnings = _token(flags, env, kept, file)
    ca_file = _beside(file, kept["ca_file"]) if "ca_file" in kept else None
    if token and server.startswith("http:") and not is_near(server):
        warnings.append(f"the token travels to {server} unencrypted; https: would protect it")
    return Target(server, token, ca_file, tuple(warnings))


def is_near(server: str) -> bool:
    """Whether a URL names this machine."""
    return urlsplit(server).hostname in {"127.0.0.1", "::1", "localhost"}


def _profile(file: Path, name: str | None) -> Mapping[str, str]:
    """A profile by its name; no name: the one called `default`, where there is one."""
    profiles = _profiles(file)
    if name is None:
        return profiles.get(DEFAULT_PROFILE, {})
    if name not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise BadInput("--profile", f"is not in {file}", value=name, expected=f"one of: {known}")
    return profiles[name]


def _profiles(file: Path) -> Mapping[str, Mapping[str, str]]:
    if not file.is_file():
        return {}
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(str(file), f"can't be read: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(str(file), f"is not TOML: {error}") from error
    for key in tables.keys() - {"profiles"}:
        raise BadInput(str(file), "is unknown", column=key, expected="[profiles.NAME]")
    profiles = tables.get("profiles", {})
    if not isinstance(profiles, dict):
        raise BadInput(str(file), "is no table", column="profiles", expected="[profiles.NAME]")
    return {name: _checked(profile, name, str(file)) for name, profile in profiles.items()}


def _checked(profile: object, name: str, file: str) -> Mapping[str, str]:
    where = f"profiles.{name}"
    if not isinstance(profile, dict):
        raise BadInput(file, "is no table", column=where, expected=f"[{where}]")
    for key, value in profile.items():
        if key not in _KEYS or not isinstance(value, str) or not value:
            expected = f"a text for one of {', '.join(_KEYS)}"
            raise BadInput(file, "does not belong here", column=f"{where}.{key}", expected=expected)
    if {"token", "token_file"} <= profile.keys():
        raise BadInput(file, "has both a token and a token_file", column=where, expected="one")
    return profile


def _token(
    flags: Flags, env: Mapping[str, str], profile: Mapping[str, str], file: Path
) -> tuple[str | None, list[str]]:
    """The token, and warnings about files that others may read."""
    if flags.token_file:
        return _token_in(flags.token_file), _exposed(flags.token_file)
    if env.get("ARYL_TOKEN"):
        return _sound(env["ARYL_TOKEN"], "ARYL_TOKEN"), []
    if "token_file" in profile:
        path = _beside(file, profile["token_file"])
        return _token_in(path), _exposed(path)
    if "token" in profile:
        return _sound(profile["token"], str(file)), _exposed(file)
    return None, []


def _token_in(path: Path) -> str:
    try:
        return _sound(path.expanduser().read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BadInput(str(path), f"can't be read: {cause}", expected="a token file") from error


def _sound(token: str, source: str) -> str:
    """The token, if it can be a header's value; the message never shows it."""
    stripped = token.strip()
    if not stripped or not stripped.isascii() or not stripped.isprintable() or " " in stripped:
        raise BadInput(source, "holds no token", expected="one line of printable characters")
    return stripped


def _exposed(path: Path) -> list[str]:
    if path.expanduser().stat().st_mode & _OTHERS:
        return [f"{path} holds a token and others may read it; run `chmod 600 {path}`"]
    return []


def _beside(file: Path, name: str) -> Path:
    """A file that a profile names: relative to the file of profiles."""
    return file.parent / Path(name).expanduser()


def _url(text: str, source: str) -> str:
    if not _is_address(text):
        expected = f"a URL such as {DEFAULT_SERVER}"
        raise BadInput(source, "is no address of a service", value=text, expected=expected)
    return text.rstrip("/")


def _is_address(text: str) -> bool:
    """Whether it is a plain http(s) URL: names and passwords have no place in one."""
    try:
        parts = urlsplit(text)
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_web and not ("@" in parts.netloc or parts.query or parts.fragment)
