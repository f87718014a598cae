"""The tests themselves: no check that cannot fail, and no private name patched."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
Fault = tuple[ast.AST, str]

#: functions that take a name and a value to put in its place
PATCHES = {"setattr", "delattr", "patch", "object", "patch.object"}
#: calls that are a check: they raise where what they look at is wrong
CHECKS = re.compile(r"raises|warns|assert_|(^|\.)fail$|check_returncode|^check")


def functions_of_tests(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node


def private_patches(tree: ast.AST) -> Iterator[Fault]:
    """A name that begins with an underscore is replaced, or what a function defaults to."""
    for call in calls(tree):
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in PATCHES:
            continue
        for name in call.args[:2]:
            text = str(
                name.value if isinstance(name, ast.Constant) else ast.unparse(name)
            )
            parts = text.split(".")
            if any(re.match(r"_", part) for part in parts):
                yield (
                    call,
                    f"{text} is private: give the code a parameter or a public name",
                )


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (n for n in ast.walk(tree) if isinstance(n, ast.Call))


def asserts(tree: ast.AST) -> Iterator[ast.Assert]:
    return (n for n in ast.walk(tree) if isinstance(n, ast.Assert))


def constant_asserts(tree: ast.AST) -> Iterator[Fault]:
    """What is asserted is true whatever the code does."""
    for node in asserts(tree):
        test = node.test
        literal = (ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.JoinedStr)
        lazy = (ast.GeneratorExp, ast.Lambda)
        if isinstance(test, (*literal, *lazy)):
            yield node, "it is true whatever happens"
        for part in ast.walk(test):
            if (
                isinstance(part, ast.BoolOp)
                and isinstance(part.op, ast.Or)
                and part is test
            ):
                if any(isinstance(v, literal) for v in part.values):
                    yield node, "one side of the or is true whatever happens"
            elif isinstance(part, ast.Compare):
                yield from constant_comparisons(node, part)


def constant_comparisons(node: ast.Assert, part: ast.Compare) -> Iterator[Fault]:
    """Comparisons of a value with itself, and of a length with less than nothing."""
    sides = [part.left, *part.comparators]
    for left, operator, right in zip(sides, part.ops, sides[1:], strict=False):
        # f() == f() asks whether an answer repeats itself
        repeats = any(isinstance(n, ast.Call) for n in ast.walk(left))
        if not repeats and ast.dump(left) == ast.dump(right):
            yield node, f"{ast.unparse(left)} is compared with itself"
        length = isinstance(left, ast.Call) and ast.unparse(left.func) == "len"
        if length and isinstance(operator, ast.GtE) and ast.unparse(right) == "0":
            yield node, "no length is below 0"


def loose_alternatives(tree: ast.AST) -> Iterator[Fault]:
    """Either of two texts will do: the test does not know what comes out."""
    for node in asserts(tree):
        test = node.test
        if not (isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or)):
            continue
        sought = [
            ast.unparse(v.comparators[0])
            for v in test.values
            if isinstance(v, ast.Compare)
            and isinstance(v.ops[0], ast.In)
            and isinstance(v.left, ast.Constant)
        ]
        if len(sought) > len(set(sought)):
            yield node, f"say which of the texts is in {sought[0]}"


def own_expectations(tree: ast.AST) -> Iterator[Fault]:
    """What is expected is taken from the value that is tested."""
    for function in functions_of_tests(tree):
        taken = {
            target.id: names_of(node.value)
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
            and re.match(r"expect|wanted|right", target.id)
        }
        for node in asserts(function):
            used = names_of(node.test)
            for name in used & set(taken):
                if shared := (taken[name] & used) - {name}:
                    yield node, f"{name} is made of {', '.join(sorted(shared))} itself"


def names_of(node: ast.AST) -> set[str]:
    """Variables whose values an expression holds: not those of indices, nor functions."""
    apart = {id(n) for call in calls(node) for n in ast.walk(call.func)}
    apart |= {
        id(n)
        for part in ast.walk(node)
        if isinstance(part, ast.Subscript)
        for n in ast.walk(part.slice)
    }
    return {
        n.id for n in ast.walk(node) if isinstance(n, ast.Name) and id(n) not in apart
    }


def catches_all(tree: ast.AST) -> Iterator[Fault]:
    """Any error passes, also that of a slip in the test."""
    for call in calls(tree):
        if ast.unparse(call.func) == "pytest.raises" and call.args:
            kinds = {n.id for n in ast.walk(call.args[0]) if isinstance(n, ast.Name)}
            if kinds & {"Exception", "BaseException"}:
                yield call, "name the error that is meant"


def without_a_check(tree: ast.AST) -> Iterator[Fault]:
    """No assert in a test, nor in a function of its module that it calls."""
    functions = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}

    def checks(node: ast.AST, seen: frozenset[str]) -> bool:
        if any(True for _ in asserts(node)):
            return True
        for call in calls(node):
            name = ast.unparse(call.func)
            if CHECKS.search(name) or any(k.arg == "check" and ast.unparse(k.value) == "True" for k in call.keywords):  # fmt: skip
                return True
            if name in functions and name not in seen and checks(functions[name], seen | {name}):  # fmt: skip
                return True
        return False

    for function in functions_of_tests(tree):
        if not checks(function, frozenset({function.name})):
            yield function, "it checks nothing"


def bare_asserts_alone(tree: ast.AST) -> Iterator[Fault]:
    """All that is asked is that something came out."""
    for function in functions_of_tests(tree):
        tests = [node.test for node in asserts(function)]
        if tests and all(isinstance(t, ast.Name) for t in tests):
            others = any(CHECKS.search(ast.unparse(c.func)) for c in calls(function))
            if not others:
                yield function, "say what must come out, not that something does"


def data_without_its_mark(tree: ast.AST) -> Iterator[Fault]:
    """A test that looks for the public corpora, and that ``make quick`` would not leave out."""
    of_module = [
        ast.unparse(n.value)
        for n in ast.walk(tree)
        if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "pytestmark"
    ]
    for function in functions_of_tests(tree):
        text = "\n".join(map(ast.unparse, function.body))
        looks = re.search(
            r"XLATE_DATA_HOME.*environ|environ.*XLATE_DATA_HOME|\bREAL\b|\bCASES\b",
            text,
        )
        skips = "pytest.skip" in text
        marks = of_module + [ast.unparse(d) for d in function.decorator_list]
        if (
            looks
            and skips
            and not {"pytest.mark.data", "pytest.mark.soak"} & set(marks)
        ):
            yield function, "mark it: pytest.mark.data"


RULES: dict[str, Callable[[ast.AST], Iterator[Fault]]] = {
    "private patches": private_patches,
    "constant asserts": constant_asserts,
    "loose alternatives": loose_alternatives,
    "own expectations": own_expectations,
    "catches all": catches_all,
    "tests without a check": without_a_check,
    "bare asserts alone": bare_asserts_alone,
    "data without its mark": data_without_its_mark,
}
FILES = sorted(TESTS.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(TESTS)))
def test_every_check_can_fail(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    faults = [
        f"{path.name}:{getattr(node, 'lineno', 0)}: {said}"
        for rule in RULES.values()
        for node, said in rule(tree)
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("rule", "wrong", "right"),
    [
        ("private patches", "p.setattr(chrome, '_PIECE', 1)", "p.setattr(chrome, 'PIECE', 1)"),
        ("private patches", "p.setattr('xlate.a._b', 1)", "p.setattr('xlate.a.b', 1)"),
        ("private patches", "p.setattr('xlate.a.f.__defaults__', ())", "p.setenv('_X', '1')"),
        ("constant asserts", "assert (a, 'said')", "assert a, 'said'"),
        ("constant asserts", "assert a in b or 'text'", "assert a in b or c"),
        ("constant asserts", "assert a.b[0] == a.b[0]", "assert f(a) == f(a)"),
        ("constant asserts", "assert len(a) >= 0", "assert len(a) >= 1"),
        ("constant asserts", "assert (x for x in a)", "assert all(x for x in a)"),
        ("loose alternatives", "assert 'a b' in err or 'a' in err", "assert n is None or 'a' in err"),
        ("own expectations", "def test_a():\n expected = hat[0] if b else 2\n assert np.allclose(hat, expected)",
         "def test_a():\n expected = truth[0] if b else 2\n assert np.allclose(hat, expected)"),
        ("catches all", "pytest.raises(Exception, match='x')", "pytest.raises(ValueError)"),
        ("tests without a check", "def test_a():\n f()", "def g():\n assert 1 > a\ndef test_a():\n g()"),
        ("data without its mark", "def test_a():\n if 'XLATE_DATA_HOME' in os.environ and not os.environ['XLATE_DATA_HOME']:\n  pytest.skip('x')",
         "@pytest.mark.data\ndef test_a():\n if not REAL.is_dir():\n  pytest.skip('x')"),
        ("bare asserts alone", "def test_a():\n assert out", "def test_a():\n assert out\n assert 'x' in out"),
    ],
)  # fmt: skip
def test_the_rules_find_what_they_are_for(rule: str, wrong: str, right: str) -> None:
    assert list(RULES[rule](ast.parse(wrong)))
    assert not list(RULES[rule](ast.parse(right)))
