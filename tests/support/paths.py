"""Where things are in the repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ROOT / "apps"
DOCS = ROOT / "docs"
TESTS = ROOT / "tests"
TOOLS = ROOT / "tools"
SAMPLE_APPS = TESTS / "support" / "sample_apps"
SAMPLE_STAGES = TESTS / "support" / "stages.toml"
