"""A client generated from the document, and a real server that it talks to."""

import importlib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import httpx
import pytest
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType

from api.app import outline
from api.openapi import document
from tests.contract.server import prepare, serving

PACKAGE: Final = "workflows_client"


class Client:
    """The generated package: its operations and models by name, and a session for each key."""

    def __init__(self, package: ModuleType, address: str) -> None:
        self._package = package
        self._address = address
        self.models = importlib.import_module(f"{PACKAGE}.models")

    def call(self, operation: str, secret: str, *given: object, **named: object) -> Any:  # noqa: ANN401 - generated
        """The whole answer; raises on a status, and on a body, that the document does not describe."""
        session = self._package.AuthenticatedClient(
            base_url=self._address, token=secret, raise_on_unexpected_status=True
        )
        with session:
            return _operations()[operation].sync_detailed(*given, client=session, **named)


@cache
def _operations() -> Mapping[str, ModuleType]:
    tags = importlib.import_module(f"{PACKAGE}.api")
    root = Path(tags.__path__[0])
    return {
        file.stem: importlib.import_module(f"{PACKAGE}.api.{file.parent.name}.{file.stem}")
        for file in root.glob("*/*.py")
        if file.stem != "__init__"
    }


def answer_of(package: ModuleType, operation: str, answer: httpx.Response) -> Any:  # noqa: ANN401 - generated
    """What the client makes of an answer that no server gave."""
    arguments = {"transport": httpx.MockTransport(lambda _request: answer)}
    session = package.AuthenticatedClient(
        base_url="http://server", token=operation, raise_on_unexpected_status=True, httpx_args=arguments
    )
    return _operations()[operation].sync_detailed(client=session)


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Generated without a word of warning, from the document as it is published."""
    directory = tmp_path_factory.mktemp("client")
    source = directory / "openapi.json"
    source.write_text(json.dumps(document(outline())), encoding="utf-8")
    errors = generate(config=configuration(source, directory / PACKAGE))
    assert [f"{error.header}: {error.detail}" for error in errors] == []
    sys.path.insert(0, str(directory))
    try:
        yield importlib.import_module(PACKAGE)
    finally:
        sys.path.remove(str(directory))
        shutil.rmtree(directory)


def configuration(source: Path, target: Path) -> Config:
    """No program runs over what was generated, and nothing is fetched."""
    return Config.from_sources(
        ConfigFile(post_hooks=[]), MetaType.NONE, source, "utf-8", overwrite=False, output_path=target
    )


@pytest.fixture
def communes(database_url: str) -> list[str]:
    return prepare(database_url, 4)


@pytest.fixture
def client(package: ModuleType, database_url: str, communes: list[str]) -> Iterator[Client]:
    assert communes
    with serving(database_url) as address:
        yield Client(package, address)
