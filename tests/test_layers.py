"""The three packages import in one direction only: tools, then runtime, then evals."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "agency_tools": {"agency_tools"},
    "agency_runtime": {"agency_tools", "agency_runtime"},
    "agency_evals": {"agency_tools", "agency_runtime", "agency_evals"},
}
HOMES = {"agency_tools": "tools", "agency_runtime": "runtime", "agency_evals": "evals"}


def imported(path: Path) -> set[str]:
    """Top-level names that a module imports, wherever in the module the import stands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0] if node.level == 0 else "")
    return names


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_those_below_it(package: str) -> None:
    modules = sorted((ROOT / HOMES[package] / package).rglob("*.py"))
    assert modules, f"no modules found in {package}"
    wrong = {
        f"{module.relative_to(ROOT)}: {name}"
        for module in modules
        for name in imported(module) & set(MAY_IMPORT) - MAY_IMPORT[package]
    }
    assert wrong == set()


def test_the_tool_host_needs_nothing_but_the_standard_library() -> None:
    import sys

    names = imported(ROOT / "tools" / "agency_tools" / "host.py")
    assert names <= set(sys.stdlib_module_names), names - set(sys.stdlib_module_names)
