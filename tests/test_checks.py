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


#: patterns that every message matches
ANY_MATCH = {"''", "'.*'", "'.'", "'.+'"}
#: functions that say whether two values are equal
EQUALITIES = {"array_equal", "allclose", "isclose", "equals", "same"}


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
            if isinstance(part, ast.BoolOp) and isinstance(part.op, ast.Or):
                if any(isinstance(v, literal) and not_empty(v) for v in part.values):
                    yield node, "one side of the or is true whatever happens"
            elif isinstance(part, ast.Compare):
                yield from constant_comparisons(node, part)
            elif isinstance(part, ast.Call):
                yield from constant_calls(node, part)


def not_empty(value: ast.expr) -> bool:
    """Whether a literal is true: ``x or ""`` stands for a text that may be absent."""
    if isinstance(value, ast.Constant):
        return bool(value.value)
    return bool(getattr(value, "elts", None) or getattr(value, "keys", None)) or (
        isinstance(value, ast.JoinedStr)
    )


def constant_comparisons(node: ast.Assert, part: ast.Compare) -> Iterator[Fault]:
    """Comparisons of a value with itself, and of a length with less than nothing."""
    sides = [part.left, *part.comparators]
    for left, operator, right in zip(sides, part.ops, sides[1:], strict=False):
        same = ast.dump(left) == ast.dump(right)
        # f() is f(), and a.b is a.b, ask whether an answer is kept; == needs two names, so that a
        # reader sees that it is asked twice on purpose
        kept = isinstance(operator, ast.Is | ast.IsNot)
        called = any(isinstance(n, ast.Call | ast.Attribute) for n in ast.walk(left))
        if same and not (kept and called):
            yield node, f"{ast.unparse(left)} is compared with itself"
        length = isinstance(left, ast.Call) and ast.unparse(left.func) == "len"
        if length and isinstance(operator, ast.GtE) and ast.unparse(right) == "0":
            yield node, "no length is below 0"
        text = isinstance(left, ast.Constant) and left.value in ("", b"")
        if text and isinstance(operator, ast.In):
            yield node, "an empty text is in every other"


def constant_calls(node: ast.Assert, call: ast.Call) -> Iterator[Fault]:
    """Functions that compare two values, given the same one twice."""
    name = ast.unparse(call.func).rpartition(".")[2]
    if name in EQUALITIES and len(call.args) > 1:
        left, right = map(ast.dump, call.args[:2])
        if left == right:
            yield node, f"{ast.unparse(call.args[0])} is compared with itself"


def loose_alternatives(tree: ast.AST) -> Iterator[Fault]:
    """Either of two texts will do: the test does not know what comes out."""
    for node in asserts(tree):
        for part in ast.walk(node.test):
            if not (isinstance(part, ast.BoolOp) and isinstance(part.op, ast.Or)):
                continue
            sought = [
                ast.unparse(v.comparators[0])
                for v in part.values
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
            for keyword in call.keywords:
                if keyword.arg == "match" and ast.unparse(keyword.value) in ANY_MATCH:
                    yield call, "every message matches"


def unreached(tree: ast.AST) -> Iterator[Fault]:
    """An assert where the error is awaited: it is passed over, or is that error."""
    for node in ast.walk(tree):
        if isinstance(node, ast.With):
            entered = {ast.unparse(item.context_expr).partition("(")[0] for item in node.items}  # fmt: skip
            if "pytest.raises" in entered and any(True for _ in asserts(node)):
                yield node, "what stands behind the error is not run"
        elif isinstance(node, ast.Try) and any(True for s in node.body for _ in asserts(s)):  # fmt: skip
            caught = {ast.unparse(h.type) if h.type else "" for h in node.handlers}
            if caught & {"", "AssertionError", "Exception", "BaseException"}:
                yield node, "a failed assert is caught"


def never_run(tree: ast.AST) -> Iterator[Fault]:
    """Every check stands in a loop over what may be empty, or in a branch."""
    helpers = {
        n.name
        for n in ast.walk(tree)
        if isinstance(n, ast.FunctionDef) and any(True for _ in asserts(n))
    }
    for function in functions_of_tests(tree):
        given = {
            name.strip()
            for d in function.decorator_list
            if isinstance(d, ast.Call) and ast.unparse(d.func).endswith("parametrize")
            for text in ast.walk(d.args[0])
            if isinstance(text, ast.Constant)
            for name in str(text.value).split(",")
        }
        if not surely_checked(function.body, given, helpers):
            yield function, "say first that there is something to check"


def surely_checked(body: list[ast.stmt], given: set[str], helpers: set[str]) -> bool:
    """Whether a check is run however the code behaves, short of an error."""
    nonempty = set(given)

    def filled(value: ast.expr) -> bool:
        if isinstance(value, ast.Tuple | ast.List | ast.Set | ast.Dict | ast.Constant):
            return not_empty(value)
        if isinstance(value, ast.Name):
            return value.id in nonempty or value.id.isupper()
        if isinstance(value, ast.Attribute):
            return value.attr.isupper()
        if isinstance(value, ast.Call):
            if isinstance(value.func, ast.Attribute):
                return value.func.attr in ("items", "keys", "values", "split") and filled(value.func.value)  # fmt: skip
            name = ast.unparse(value.func)
            return name == "range" or (
                name in ("enumerate", "reversed", "set", "sorted", "zip")
                and all(map(filled, value.args))
            )
        return False

    def is_check(node: ast.AST) -> bool:
        if not isinstance(node, ast.Call):
            return False
        name = ast.unparse(node.func)
        options = {f"{k.arg}={ast.unparse(k.value)}" for k in node.keywords}
        return bool(CHECKS.search(name)) or name in helpers or "check=True" in options

    for node in body:
        if isinstance(node, ast.Assert):
            test = node.test
            if not (isinstance(test, ast.Call) and ast.unparse(test.func) == "all"):
                return True
            parts = getattr(test.args[0], "generators", [])
            if all(filled(part.iter) for part in parts):
                return True
        elif isinstance(node, ast.Assign):
            if filled(node.value):
                nonempty |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None and filled(node.value):
                nonempty.add(ast.unparse(node.target))
        elif isinstance(node, ast.With):
            if any(is_check(item.context_expr) for item in node.items):
                return True
            if surely_checked(node.body, nonempty, helpers):
                return True
        elif isinstance(node, ast.For):
            # what a literal holds is a literal too, and taken as not empty
            names = {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
            if filled(node.iter) and surely_checked(
                node.body, nonempty | names, helpers
            ):
                return True
        elif isinstance(node, ast.If):
            if all(
                surely_checked(b, nonempty, helpers) for b in (node.body, node.orelse)
            ):
                return True
        elif isinstance(node, ast.Try):
            if any(surely_checked(b, nonempty, helpers) for b in (node.body, node.finalbody)):  # fmt: skip
                return True
        elif isinstance(node, ast.Expr) and any(map(is_check, ast.walk(node))):
            return True
    return False


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
    "unreached": unreached,
    "never run": never_run,
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
        ("constant asserts", "assert a.b[0] == a.b[0]", "assert f(a) == f(b)"),
        ("constant asserts", "assert f(a) == f(a)", "assert f(a) is f(a)"),
        ("constant asserts", "assert not (a or 'text')", "assert 'b' in (a or '')"),
        ("constant asserts", "assert np.array_equal(a.b, a.b)", "assert np.array_equal(a.b, a.c)"),
        ("constant asserts", "assert '' in a", "assert '' not in a"),
        ("constant asserts", "assert len(a) >= 0", "assert len(a) >= 1"),
        ("constant asserts", "assert (x for x in a)", "assert all(x for x in a)"),
        ("loose alternatives", "assert 'a b' in err or 'a' in err", "assert n is None or 'a' in err"),
        ("own expectations", "def test_a():\n expected = hat[0] if b else 2\n assert np.allclose(hat, expected)",
         "def test_a():\n expected = truth[0] if b else 2\n assert np.allclose(hat, expected)"),
        ("catches all", "pytest.raises(Exception, match='x')", "pytest.raises(ValueError)"),
        ("catches all", "pytest.raises((ValueError, Exception))", "pytest.raises((ValueError, KeyError))"),
        ("catches all", "pytest.raises(ValueError, match='.*')", "pytest.raises(ValueError, match='.*x')"),
        ("loose alternatives", "assert a and ('a b' in err or 'a' in err)", "assert 'a' in err or 'a' in out"),
        ("unreached", "with pytest.raises(ValueError):\n f()\n assert a", "with pytest.raises(ValueError):\n f()\nassert a"),
        ("unreached", "try:\n assert f()\nexcept Exception:\n pass", "try:\n assert f()\nexcept OSError:\n pass"),
        ("never run", "def test_a():\n for x in f():\n  assert x > 1", "def test_a():\n for x in (1, f()):\n  assert x > 1"),
        ("never run", "def test_a():\n assert all(x > 1 for x in f())", "def test_a():\n a = f()\n assert a\n assert all(x > 1 for x in a)"),
        ("never run", "def test_a():\n if f():\n  assert g() > 1", "def test_a():\n if f():\n  assert g() > 1\n else:\n  assert g() < 1"),
        ("never run", "def test_a():\n x = []\n for y in x:\n  assert y > 1", "def test_a():\n x = [f()]\n for y in x:\n  assert y > 1"),
        ("tests without a check", "def test_a():\n f()", "def g():\n assert 1 > a\ndef test_a():\n g()"),
        ("data without its mark", "def test_a():\n if 'XLATE_DATA_HOME' in os.environ and not os.environ['XLATE_DATA_HOME']:\n  pytest.skip('x')",
         "@pytest.mark.data\ndef test_a():\n if not REAL.is_dir():\n  pytest.skip('x')"),
        ("bare asserts alone", "def test_a():\n assert out", "def test_a():\n assert out\n assert 'x' in out"),
    ],
)  # fmt: skip
def test_the_rules_find_what_they_are_for(rule: str, wrong: str, right: str) -> None:
    assert list(RULES[rule](ast.parse(wrong)))
    assert not list(RULES[rule](ast.parse(right)))


#: lines of code that the formatter leaves alone though they are not tables; only fewer
LINES_SKIPPED = 52


def test_the_formatter_is_kept_off_tables_alone() -> None:
    """A table ends with its bracket; other lines that it skips may only become fewer."""
    skipped = [
        f"{path.name}: {line.strip()}"
        for room in ("xlate", "experiments", "examples")
        for path in sorted((TESTS.parent / room).rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if "# fmt: skip" in line and line.strip()[0] not in ")]}"
    ]
    assert len(skipped) <= LINES_SKIPPED
