"""Installed plugins are found by their metadata, loaded one by one, and cannot harm each other."""

import importlib
import sys
import textwrap
import threading
import warnings

import pytest

import dynsamp
from dynsamp import hookspecs
from dynsamp.plugins import (
    PluginError,
    PluginWarning,
    builtin,
    estimators,
    metrics,
    plugins,
    registry,
    reload,
    system,
    systems,
)

VARIABLES = ("DYNSAMP_PLUGINS", "DYNSAMP_DISABLE_PLUGINS", "DYNSAMP_PLUGINS_STRICT")

GOOD = """
    import dynsamp

    def rhs(t, y, theta, dy):
        dy[0] = -y[0]

    {name} = dynsamp.ODESystem(name="{name}", states=[dynsamp.State("x")], rhs=rhs)

    @dynsamp.hookimpl
    def dynsamp_systems():
        return [{name}]
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Lay out a distribution as pip leaves it: a module and a .dist-info folder on sys.path."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    installed = []

    def lay_out(source, distribution="foo", version="1.0", **names):
        module = distribution.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(source.format(**names) if names else source))
        info = tmp_path / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[dynsamp.plugins]\n{module} = {module}\n")
        installed.append(module)
        importlib.invalidate_caches()
        reload()

    yield lay_out
    monkeypatch.undo()
    for module in installed:
        sys.modules.pop(module, None)
    reload()


def record_of(name):
    return next(record for record in plugins() if record.name == name)


def test_a_plugin_of_another_distribution_is_found(install):
    install(GOOD, "dynsamp-decay", "2.3", name="decay")
    assert systems()["decay"].name == "decay"
    record = record_of("dynsamp_decay")
    assert (record.distribution, record.version, record.status) == ("dynsamp-decay", "2.3", "ok")
    assert record.systems == ("decay",)


def test_dynsamp_brings_its_own_estimators_and_metrics_as_a_plugin():
    core = plugins()[0]
    assert (core.name, core.distribution, core.status) == ("core", "dynsamp", "ok")
    assert {"hamiltonian", "flow-map", "drift-diffusion", "persistence"} <= set(core.estimators)
    assert {"nrmse", "valid_prediction_time", "energy_error", "crps"} <= set(core.metrics)
    assert estimators()["flow-map"] is dynsamp.FlowMap
    assert metrics()["nrmse"].name == "nrmse"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError"),
        ("raise RuntimeError('no\\nlicence')", "RuntimeError: no licence"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("def (", "SyntaxError"),
        ("x = 1", "implements no hook"),
        ("def dynsamp_systems():\n    return []", "put @dynsamp.hookimpl above it"),
        ("import dynsamp\n@dynsamp.hookimpl\ndef dynsamp_system():\n    return []", "did you mean 'dynsamp_systems'?"),
        ("import dynsamp\n@dynsamp.hookimpl\ndef dynsamp_systems(config):\n    return []", "config"),
        ("import dynsamp\n@dynsamp.hookimpl\ndef dynsamp_systems():\n    raise OSError('offline')", "OSError: offline"),
        ("import dynsamp\n@dynsamp.hookimpl\ndef dynsamp_systems():\n    raise SystemExit", "SystemExit"),
        ("import dynsamp\n@dynsamp.hookimpl\ndef dynsamp_systems():\n    pass", "must return a list, got None"),
        ("import dynsamp\n@dynsamp.hookimpl\ndef dynsamp_systems():\n    return 'a'", "must return a list, got str"),
        ("import dynsamp\n@dynsamp.hookimpl\ndef dynsamp_systems():\n    return ['a']", "must return System objects"),
        ("import dynsamp\n@dynsamp.hookimpl\ndef dynsamp_systems():\n    yield 1 / 0", "ZeroDivisionError"),
        (
            "import dynsamp\n@dynsamp.hookimpl\ndef dynsamp_estimators():\n    return [dynsamp.FlowMap()]",
            "not instances",
        ),
        ("import dynsamp\n@dynsamp.hookimpl\ndef dynsamp_metrics():\n    return [len]", "@dynsamp.metric"),
        ("import dynsamp\ndynsamp.ODESystem(name='No', states=[dynsamp.State('x')], rhs=len)", "lower-case identifier"),
        (GOOD.format(name="a").replace("return [a]", "return [a, a]"), "two objects named 'a'"),
        (GOOD.format(name="a").replace("rhs=rhs", "rhs=rhs, estimator='flow-map'"), "dynsamp.FlowMap()"),
        (GOOD.format(name="a").replace("rhs=rhs", "rhs=rhs, metrics='nrmse'"), "list of names"),
        (GOOD.format(name="a") + "\n    __dynsamp_api__ = '1'", "must be an integer"),
    ],
)
def test_a_broken_plugin_harms_nobody(install, source, said):
    install(GOOD, "dynsamp-decay", name="decay")
    install(source)
    with pytest.warns(PluginWarning, match=r"plugin 'foo' \(foo 1\.0\) is broken .* DYNSAMP_DISABLE_PLUGINS=foo"):
        assert "decay" in systems()
    record = record_of("foo")
    assert record.status == "broken"
    assert said in record.error
    assert "\n" not in record.error
    assert record_of("dynsamp_decay").status == "ok"
    assert "flow-map" in estimators()


def test_a_broken_plugin_is_reported_once(install):
    install("raise ValueError('no')")
    with pytest.warns(PluginWarning):
        systems()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        systems(), metrics(), plugins()
    assert "ValueError: no" in record_of("foo").traceback


def test_a_plugin_that_fails_late_leaves_nothing_behind(install):
    install(
        GOOD + "\n    @dynsamp.hookimpl\n    def dynsamp_metrics():\n        raise ValueError('late')\n", name="half"
    )
    with pytest.warns(PluginWarning, match="late"):
        assert "half" not in systems()
    with pytest.raises(ValueError, match="unknown system 'foo:half'"):
        system("foo:half")
    assert record_of("foo").systems == ()


@pytest.mark.parametrize(("version", "remedy"), [(2, "upgrade dynsamp"), (0, "upgrade the plugin")])
def test_another_version_of_the_contract_is_unsupported(install, version, remedy):
    install(GOOD + f"\n    __dynsamp_api__ = {version}", name="later")
    with pytest.warns(PluginWarning, match=remedy):
        assert "later" not in systems()
    assert record_of("foo").status == "unsupported"


@pytest.mark.parametrize("declared", [None, 1, 3, 0, 4])
def test_a_range_of_versions_is_supported(install, monkeypatch, declared):
    monkeypatch.setattr(hookspecs, "SUPPORTED", range(1, 4))
    install(GOOD + (f"\n    __dynsamp_api__ = {declared}" if declared is not None else ""), name="between")
    if declared in (None, 1, 3):
        assert "between" in systems()
        return
    remedy = "upgrade the plugin" if declared == 0 else "upgrade dynsamp"
    with pytest.warns(PluginWarning, match=f"for version {declared} .* has versions 1 to 3; {remedy}"):
        assert "between" not in systems()
    assert record_of("foo").status == "unsupported"


def test_a_plugin_that_declares_no_version_is_one_of_the_first(install, monkeypatch):
    monkeypatch.setattr(hookspecs, "UNDECLARED", 0)
    monkeypatch.setattr(builtin, "__dynsamp_api__", 1)
    install(GOOD, name="old")
    with pytest.warns(PluginWarning, match="written for version 0 of the plugin contract"):
        assert "old" not in systems()


def test_a_keyboard_interrupt_is_not_swallowed(install):
    with pytest.raises(KeyboardInterrupt):
        install("raise KeyboardInterrupt")


def test_strict_mode_raises(install, monkeypatch):
    install("raise ValueError('no')")
    with pytest.raises(PluginError, match="ValueError: no"):
        reload(strict=True)
    monkeypatch.setenv("DYNSAMP_PLUGINS_STRICT", "1")
    with pytest.raises(PluginError, match="ValueError: no"):
        reload()
    monkeypatch.setenv("DYNSAMP_PLUGINS_STRICT", "0")
    reload()
    with pytest.warns(PluginWarning):
        systems()


@pytest.mark.parametrize("name", ["foo", "foo:foo", " foo , "])
def test_a_disabled_plugin_is_not_imported(install, monkeypatch, name):
    monkeypatch.setenv("DYNSAMP_DISABLE_PLUGINS", name)
    install("raise ValueError('never reached')")
    assert "foo" not in systems()
    assert (record_of("foo").status, record_of("foo").error) == ("disabled", "disabled by DYNSAMP_DISABLE_PLUGINS")


def test_only_the_plugins_asked_for_are_loaded(install, monkeypatch):
    monkeypatch.setenv("DYNSAMP_PLUGINS", "dynsamp_decay")
    install(GOOD, "dynsamp-decay", name="decay")
    install(GOOD, "dynsamp-growth", name="growth")
    assert list(systems()) == ["decay"]
    assert record_of("dynsamp_growth").error == "not among DYNSAMP_PLUGINS"
    monkeypatch.setenv("DYNSAMP_PLUGINS", "")
    reload()
    assert systems() == {}
    assert "flow-map" in estimators()  # dynsamp's own always


def test_a_misspelt_selection_is_reported(install, monkeypatch):
    monkeypatch.setenv("DYNSAMP_DISABLE_PLUGINS", "pendulun")
    reload()
    with pytest.warns(PluginWarning, match="DYNSAMP_DISABLE_PLUGINS names 'pendulun'"):
        systems()


def test_a_name_claimed_twice_stays_with_the_first_distribution(install):
    install(GOOD, "zeta", name="decay")
    install(GOOD, "alpha", name="decay")
    assert system("decay") is system("alpha:decay")
    assert system("zeta:decay") is not system("decay")
    assert {"decay", "zeta:decay"} <= set(systems())
    assert "alpha:decay" not in systems()
    assert record_of("zeta").systems == ("zeta:decay",)
    assert record_of("zeta").clashes == ("'decay' belongs to plugin 'alpha' of alpha; use 'zeta:decay'",)


def test_names_of_dynsamp_itself_come_first(install):
    install(GOOD, "aaa", name="pendulum")
    assert system("pendulum").title == "Planar pendulum"
    assert system("dynsamp:pendulum") is system("pendulum")
    assert system("aaa:pendulum").kind == "ode"


def test_two_plugins_of_one_distribution_cannot_share_a_name(install, tmp_path):
    install(GOOD, "foo", name="decay")
    (tmp_path / "twin.py").write_text(textwrap.dedent(GOOD.format(name="decay")))
    (tmp_path / "foo-1.0.dist-info" / "entry_points.txt").write_text("[dynsamp.plugins]\nfoo = foo\ntwin = twin\n")
    importlib.invalidate_caches()
    reload()
    with pytest.warns(PluginWarning, match="already in plugin 'foo' of the same distribution"):
        assert "decay" in systems()
    sys.modules.pop("twin")


def test_threads_that_ask_at_once_fill_the_registry_once(monkeypatch):
    fillings, original = [], registry._filled

    def counted(*arguments):
        fillings.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(registry, "_filled", counted)
    monkeypatch.setattr(registry, "_registry", None)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(sorted(systems()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fillings) == 1
    assert answers == [sorted(systems())] * 8


def test_a_plugin_that_asks_for_systems_while_it_is_imported_is_told_so(install):
    install("import dynsamp\ndynsamp.systems()")
    with pytest.warns(PluginWarning, match="plugins are still being loaded"):
        systems()


def test_an_unknown_system_suggests_the_nearest():
    with pytest.raises(ValueError, match=r"unknown system 'pendulun'; did you mean 'pendulum'\?"):
        system("pendulun")
    with pytest.raises(ValueError, match=r"did you mean 'lorenz63'\?"):
        system("Lorenz-63")
    with pytest.raises(ValueError, match=r"there are: .*pendulum"):
        system("qqqqqq")
    with pytest.raises(ValueError, match="load_system_file"):
        system("./spring.py")
    with pytest.raises(TypeError, match="must be a name or a System, got int"):
        system(3)


def test_a_system_object_is_returned_as_it_is():
    assert system(system("pendulum")) is system("pendulum")


def test_the_package_shows_functions_where_modules_have_the_same_name():
    importlib.import_module("dynsamp.system")
    assert dynsamp.system("pendulum").name == "pendulum"
    assert dynsamp.plugins()[0].name == "core"
