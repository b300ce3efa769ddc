"""Write the ABI of every deployable contract with all of its NatSpec, and lint the NatSpec.

Usage: ``python -m offchain.tools.natspec`` rewrites interfaces/abi/*.json; ``--check`` fails when
these differ from the sources. Vyper's own documentation output has only the functions of the
contract file. Here functions that are exported from modules have theirs too, an interface that
is implemented fills what an implementation leaves out, and events and public variables, which
can have no docstring, are described by tags in the comment right above them::

    # @notice Deposits of a chain.
    # @param arg0 Chain id.
    deposit_count: public(HashMap[uint256, uint256])
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vyper import ast as vy_ast
from vyper.ast.natspec import _parse_docstring
from vyper.compiler.output import build_abi_output
from vyper.exceptions import VyperException

from offchain.tools import contract_lock

FOLDER = "interfaces/abi"
OUTDATED = "run make compile"

Json = dict[str, Any]


class NatspecError(Exception):
    """A contract does not compile, or its NatSpec is malformed."""


@dataclass(frozen=True, slots=True)
class Document:
    """What is written for one contract.

    Attributes
    ----------
    content
        ``contract`` (name), ``natspec`` (of the file) and ``abi``. Each entry of the ABI has the
        members of the ABI specification and ``natspec``: ``notice``, ``dev``, ``params`` by
        name, ``returns`` in order, ``custom:...``.
    holes
        One sentence per thing that is not documented.
    """

    content: Json
    holes: list[str]


def document(path: Path) -> Document:
    """Compile one contract and collect its NatSpec.

    Parameters
    ----------
    path
        Source of a deployable contract.

    Raises
    ------
    NatspecError
        If it does not compile, or has a tag that Vyper's NatSpec does not know.
    """
    compiler = contract_lock.compiler(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `ape compile` has shown the compiler's warnings
            _ = compiler.bytecode  # all phases: an ABI can exist where no code does
            abi_names = [entry.get("name") for entry in build_abi_output(compiler)]
        documented = list(_entries(compiler.annotated_vyper_module))
        module_doc = _parse(compiler.annotated_vyper_module)
    except VyperException as error:
        raise NatspecError(f"{_display(path)}: {error}") from error
    entries = [entry for entry, _ in documented]
    assert [entry.get("name") for entry in entries] == abi_names, "an entry of the ABI is lost"
    holes = [hole for _, found in documented for hole in found]
    if "notice" not in module_doc:
        holes.insert(0, f"{_display(path)}: the contract has no @notice")
    content = {"contract": path.stem, "natspec": module_doc, "abi": entries}
    return Document(content, holes)


def _entries(contract: Any) -> Iterator[tuple[Json, list[str]]]:
    """Yield the entries of the ABI in the compiler's order, each with its holes."""
    module = _of_compiler(contract, "type")
    for event in module.interface.events.values():
        declaration = event.decl_node
        doc = _parse(declaration, list(event.arguments))
        holes = _holes(declaration, f"event {event.name}", doc, event.arguments)
        for entry in event.to_toplevel_abi_dict():
            yield entry | {"natspec": doc}, holes
    functions = list(module.interface.functions.values())
    if module.init_function:
        functions.append(module.init_function)
    for function in functions:
        names = [argument.name for argument in function.arguments]
        doc = _function_doc(contract, function, names)
        declaration, is_getter = _declaration(function.decl_node)
        # The notice of a public variable says what its getter returns.
        returns = 0 if is_getter else _return_count(function.decl_node)
        holes = _holes(declaration, function.name, doc, names, returns)
        for entry in function.to_toplevel_abi_dict():
            yield entry | {"natspec": _without_absent_params(doc, entry)}, holes


def _function_doc(contract: Any, function: Any, names: list[str]) -> Json:
    """Merge a function's own NatSpec with that of the interfaces it implements."""
    node = function.decl_node
    declaration, is_getter = _declaration(node)
    doc = _parse(declaration, names, 0 if is_getter else _return_count(node))
    for module in (contract, node.module_node):
        for implemented in _of_compiler(module, "type").implements_decls:
            interface = _of_compiler(implemented, "interface_type")
            declared = interface.functions.get(function.name)
            if declared is None or declared.decl_node is None:
                continue
            theirs = [argument.name for argument in declared.arguments]
            other = _parse(declared.decl_node, theirs, _return_count(declared.decl_node))
            # An implementation may name a parameter differently: the position counts.
            renamed = dict(zip(theirs, names, strict=False))
            params = {renamed[name]: text for name, text in other.get("params", {}).items()}
            params |= doc.get("params", {})
            ordered = {name: params[name] for name in names if name in params}
            doc = other | doc | ({"params": ordered} if ordered else {})
    return doc


def _without_absent_params(doc: Json, entry: Json) -> Json:
    """Drop what describes parameters that this overload leaves at their defaults."""
    if "params" not in doc:
        return doc
    present = {argument["name"] for argument in entry.get("inputs", [])}
    params = {name: text for name, text in doc["params"].items() if name in present}
    rest = {key: value for key, value in doc.items() if key != "params"}
    return rest | ({"params": params} if params else {})


def _of_compiler(node: Any, key: str) -> Any:
    return node._metadata[key]  # noqa: SLF001 (the compiler's results have no public name)


def _declaration(node: Any) -> tuple[Any, bool]:
    """Return the node that carries a function's NatSpec, and whether it is a public variable."""
    original = node.get_original_node()
    return original, isinstance(original, vy_ast.VariableDecl)


def _return_count(node: Any) -> int:
    if node.returns is None:
        return 0
    return len(node.returns.elements) if isinstance(node.returns, vy_ast.Tuple) else 1


def _parse(node: Any, names: Sequence[str] = (), returns: int = 0) -> Json:
    """Parse the docstring of a node, or the comment above it, by the compiler's own rules."""
    if isinstance(node, vy_ast.EventDef | vy_ast.VariableDecl):
        text = _comment_above(node)
        source = text
    else:
        text = node.doc_string.value if node.get("doc_string") else ""
        source = node.full_source_code
    if not text:
        return {}
    raw = _parse_docstring(source, text, (), tuple(names), returns)
    doc = {"dev" if key == "details" else key: value for key, value in raw.items()}
    if "returns" in doc:
        doc["returns"] = list(doc["returns"].values())
    return doc


def _comment_above(node: Any) -> str:
    """Return the comment that ends right above a node, from its first tag; empty without one."""
    comment: list[str] = []
    for line in reversed(node.module_node.full_source_code.splitlines()[: node.lineno - 1]):
        if not line.startswith("#"):
            break
        comment.insert(0, line.removeprefix("#").strip())
    while comment and not comment[0].startswith("@"):
        comment.pop(0)
    return "\n".join(comment)


def _holes(node: Any, subject: str, doc: Json, names: Sequence[str], returns: int = 0) -> list[str]:
    place = f"{_display(Path(node.module_node.resolved_path))}:{node.lineno}: {subject}"
    found = [] if "notice" in doc else [f"{place} has no @notice"]
    undocumented = [name for name in names if name not in doc.get("params", {})]
    found += [f"{place} does not document its parameter {name}" for name in undocumented]
    described = len(doc.get("returns", []))
    if described < returns:
        found.append(f"{place} documents {described} of {returns} returned values")
    return found


def _display(path: Path) -> str:
    root = contract_lock.ROOT
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or compare them with ``--check``.

    Returns
    -------
    int
        0; 1 if a contract does not compile, something is not documented (then nothing is
        written) or, with ``--check``, a file is not current.
    """
    parser = argparse.ArgumentParser(prog="natspec", description="Document the contracts' ABI.")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args(arguments).check
    try:
        documents = [document(path) for path in contract_lock.deployable_contracts()]
    except NatspecError as error:
        print(error, file=sys.stderr)
        return 1
    # Contracts share modules: each hole once.
    holes = dict.fromkeys(hole for found in documents for hole in found.holes)
    if holes:
        print("\n".join(holes), file=sys.stderr)
        return 1
    folder = contract_lock.ROOT / FOLDER
    current = {
        folder / f"{found.content['contract']}.json": json.dumps(found.content, indent=2) + "\n"
        for found in documents
    }
    surplus = sorted(set(folder.glob("*.json")) - current.keys())
    if check:
        old = [path for path, text in current.items() if not _has_text(path, text)]
        for path in old + surplus:
            print(f"{_display(path)} is not current; {OUTDATED}", file=sys.stderr)
        return 1 if old or surplus else 0
    folder.mkdir(parents=True, exist_ok=True)
    for path in surplus:
        path.unlink()
    for path, text in current.items():
        path.write_text(text)
    return 0


def _has_text(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main())
