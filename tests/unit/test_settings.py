"""What a service is told: where each setting comes from, and what is refused."""

from dataclasses import fields
from pathlib import Path

import pytest

from api.kube_settings import KubernetesSettings
from api.settings import DATABASE_URL, read_settings
from aryl.config import read_policy
from aryl.kube.options import KubeOptions
from aryl.model.errors import BadInput

FILE = """
[server]
port = 9_000
[database]
url = "postgresql+psycopg://aryl:geheim@db/aryl"
[cluster]
speed = 1
[policy]
scheme = "sjf"
"""

KUBE = """
[cluster]
kind = "kubernetes"
[kubernetes]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "aryl.toml"
    path.write_text(FILE)
    return path


def test_without_anything_there_are_sensible_settings() -> None:
    settings = read_settings(None, {}, {})
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)
    assert settings.database.url.get_secret_value() == "sqlite:///aryl.db"
    assert settings.policy.scheme == "aryl"
    assert settings.mode == "live"


def test_flags_win_over_the_environment_and_it_over_the_file(file: Path) -> None:
    told = {DATABASE_URL: "sqlite:///told.db"}
    by_file = read_settings(file, {}, {})
    by_environment = read_settings(file, {"database": {"url": None}}, told)
    by_flag = read_settings(file, {"database": {"url": "sqlite:///flag.db"}}, told)

    urls = [s.database.url.get_secret_value() for s in (by_file, by_environment, by_flag)]
    assert urls == [
        "postgresql+psycopg://aryl:geheim@db/aryl",
        "sqlite:///told.db",
        "sqlite:///flag.db",
    ]
    assert by_flag.server.port == 9_000


def test_no_secret_is_shown(file: Path) -> None:
    assert "geheim" not in repr(read_settings(file, {}, {}))


def test_the_file_of_a_service_is_one_that_can_be_simulated(file: Path) -> None:
    assert read_policy(file, None) == read_settings(file, {}, {}).policy


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("[server]\nprot = 1", ("server.prot", "not permitted"), id="unknown key"),
        pytest.param("[sever]\nport = 1", ("sever", "not permitted"), id="unknown table"),
        pytest.param("[server]\nport = 70000", ("server.port", "70000", "65535"), id="range"),
        pytest.param("[cluster]\nkind = 'slurm'", ("cluster.kind", "emulated"), id="kind"),
        pytest.param("[demand]\nsource = 'hpa'", ("demand.source", "kubernetes"), id="demand"),
        pytest.param("[demand]\nurl = 'http://p'", ("demand.source", "promql"), id="unused url"),
        pytest.param("[kubernetes]\nnamespace = 'ml'", ("kubernetes", "kind"), id="no use"),
        pytest.param(KUBE + "placing = 'luck'", ("placing", "luck", "binding"), id="placing"),
        pytest.param(KUBE + "inference_selector = 'a'", ("inference_selector",), id="selector"),
        pytest.param(KUBE + "writes = 1", ("kubernetes.writes", "not permitted"), id="unknown"),
        pytest.param(
            KUBE + "[demand]\nsource = 'promql'\nurl = 'http://p'",
            ("demand.source",),
            id="no query",
        ),
        pytest.param("[policy]\nscheme = 'best'", ("scheme", "'best'", "sjf"), id="policy"),
        pytest.param("policy = 1", ("policy", "[policy]"), id="no table"),
        pytest.param("server = 1", ("server",), id="no server table"),
        pytest.param("[database]\nurl = 7", ("database.url",), id="no url"),
        pytest.param("[server", ("is not TOML",), id="no TOML"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_entry(
    tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    path = tmp_path / "aryl.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as refused:
        read_settings(path, {"server": {"port": None}}, {})
    for word in (str(path), *words):
        assert word in str(refused.value)


def test_a_refused_url_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "aryl.toml"
    path.write_text("[database]\nurl = ['geheim']")
    with pytest.raises(BadInput) as refused:
        read_settings(path, {}, {})
    assert "geheim" not in str(refused.value)


def test_a_kubernetes_cluster_lives_in_wall_time(tmp_path: Path) -> None:
    path = tmp_path / "aryl.toml"
    path.write_text(KUBE)
    settings = read_settings(path, {}, {})
    faster = read_settings(path, {"cluster": {"speed": 60.0}}, {})
    assert (settings.cluster.speed, faster.cluster.speed) == (1.0, 60.0)


def test_what_may_be_chosen_of_kubernetes_is_what_those_who_work_with_it_know() -> None:
    assert KubernetesSettings().options() == KubeOptions()
    assert list(KubernetesSettings.model_fields) == [field.name for field in fields(KubeOptions)]


def test_a_worker_template_may_be_a_table(tmp_path: Path) -> None:
    path = tmp_path / "aryl.toml"
    path.write_text(KUBE + "[kubernetes.worker_template.spec]\nrestartPolicy = 'Never'")
    options = read_settings(path, {}, {}).kubernetes.options()
    assert options.worker_template == {"spec": {"restartPolicy": "Never"}}
