"""csource: the project's C files, and their text without comments and literals (line numbers stay)."""
import pathlib
import re

ROOTS = ("include", "lib", "ingest", "worker", "tests")

_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)


def files(*suffixes):
    """All C files below ROOTS, as paths relative to the project's root, sorted."""
    found = (p for root in ROOTS for p in pathlib.Path(root).rglob("*") if p.suffix in suffixes)
    return sorted(p for p in found if p.is_file())


def _blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def _blank_comment(match):
    return _blank(match) if match.group().startswith("/") else match.group()


def code(path, literals=False):
    """Text with comments blanked, and string and character literals too unless literals is true."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return _TOKEN.sub(_blank_comment if literals else _blank, text)


def lines(text):
    return enumerate(text.split("\n"), start=1)
