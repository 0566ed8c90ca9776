"""Files as documents, by their format: what assertions speak of."""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, TypeAlias, cast

import yaml

from agency_evals.dockerfile_text import instructions
from agency_runtime.wire import json_object

Format = Literal["auto", "yaml", "json", "toml", "hcl", "dockerfile", "text"]
SUFFIXES: Mapping[str, Format] = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".tfstate": "json",
    ".toml": "toml",
    ".tf": "hcl",
    ".hcl": "hcl",
    ".tfvars": "hcl",
}
Documents: TypeAlias = list[Any]
BOOLEAN = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")


def parse(path: str, text: str, form: Format = "auto") -> Documents:
    """The file's documents. Raises ValueError, naming path and fault, for a file that is not of its format."""
    chosen = form_of(path) if form == "auto" else form
    try:
        return PARSERS[chosen](text)
    except Exception as error:  # each library has faults of its own kind; all mean that the file is none
        raise ValueError(f"{path}: not {chosen}: {_brief(error)}") from error


def form_of(path: str) -> Format:
    """The format that a name promises."""
    name = path.rpartition("/")[2]
    if name == "Dockerfile" or name.startswith("Dockerfile.") or name.endswith((".Dockerfile", ".dockerfile")):
        return "dockerfile"
    return SUFFIXES.get("." + name.rpartition(".")[2], "text")


def parse_yaml(text: str) -> Documents:
    """Every document but empty ones. Words are true and false alone: `on` is a key, and dates are texts."""
    return [_plain(each) for each in yaml.load_all(text, Loader=_loader()) if each is not None]


def parse_hcl(text: str) -> Documents:
    """One document: blocks by type, then by label; expressions stand as `${…}`."""
    import hcl2  # slow to load

    loads: Any = vars(hcl2)["loads"]  # its own annotation is partly unknown

    options = hcl2.SerializationOptions(
        with_comments=False, explicit_blocks=False, preserve_heredocs=False, strip_string_quotes=True
    )
    found: Any = loads(text if text.endswith("\n") else text + "\n", serialization_options=options)
    return [found]


def _dockerfile(text: str) -> Documents:
    found = instructions(text)
    return [[{"instruction": each.name, "value": each.value, "line": each.line, "stage": each.stage} for each in found]]


def _json(text: str) -> Documents:
    return [json.loads(text)]


def _toml(text: str) -> Documents:
    return [_plain(tomllib.loads(text))]


def _text(text: str) -> Documents:
    return [text]


PARSERS: Mapping[str, Callable[[str], Documents]] = {
    "yaml": parse_yaml,
    "json": _json,
    "toml": _toml,
    "hcl": parse_hcl,
    "dockerfile": _dockerfile,
    "text": _text,
}


@cache
def _loader() -> Any:
    """A safe loader with YAML 1.2's booleans, without dates, and with tags of their own kept as keys."""
    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: Any = type("Loader", (base,), {})
    dropped = {"tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"}
    loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] not in dropped]
        for first, pairs in base.yaml_implicit_resolvers.items()
    }
    loader.add_implicit_resolver("tag:yaml.org,2002:bool", BOOLEAN, list("tTfF"))
    loader.add_multi_constructor("!", _tagged)
    return loader


def _tagged(loader: Any, tag: str, node: Any) -> Any:
    """CloudFormation's short forms as its long ones; any other tag as a key of its own."""
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if tag in ("Ref", "Condition"):
        return {tag: value}
    if tag == "GetAtt" and isinstance(value, str):
        return {"Fn::GetAtt": value.split(".", 1)}
    return {f"Fn::{tag}" if tag[:1].isupper() else f"!{tag}": value}


def _plain(value: Any) -> Any:
    """The value with text for every key and for whatever JSON has no form for."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in json_object(cast("object", value)).items()}
    if isinstance(value, list | tuple | set):
        return [_plain(each) for each in cast("list[Any]", value)]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
