"""Brings into the book what its pages link to outside of docs/: a hook of the builder (properdocs.yml).

Markdown there becomes a page, a picture is copied, and any other text becomes a page that shows it. Links are turned to
where these come to lie: docs/ is the top of the book, and everything else has its path in the repository. So the links
of the pages are right in the repository and in the book alike. The attributes of fences, which only tests read
(tests/docs/fences.py), are removed: the builder knows a language and nothing else there.
"""

import posixpath
import re
from pathlib import Path

from properdocs.structure.files import File, InclusionLevel

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(\]\()([^)\s#:]+)(#[^)\s]*)?(\))")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
ATTRIBUTES = re.compile(r"^(```\w+) .*$", re.MULTILINE)
PICTURES = {".svg", ".png"}


def in_repository(uri):
    """The path in the repository of a file of the book."""
    return f"docs/{uri}" if (ROOT / "docs" / uri).exists() else uri.removesuffix(".txt.md")


def in_book(path):
    """The path in the book of a file of the repository."""
    if path == "README.md":
        return "index.md"
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return path if Path(path).suffix in {".md", *PICTURES} else f"{path}.txt.md"


def target(page, link):
    """The path in the repository that a link of a page (its own path there) leads to; None if nothing is there."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), link))
    return path if not path.startswith("..") and (ROOT / path).is_file() else None


def outside(page):
    """What a page links to outside of docs/."""
    text = FENCE.sub("", (ROOT / page).read_text())
    found = {target(page, match[2]) for match in LINK.finditer(text)} - {None}
    return {path for path in found if in_book(path) in (path, f"{path}.txt.md")}


def shown(path):
    """A page that shows a text."""
    language = {".py": "python", ".sh": "sh", ".h": "c"}.get(Path(path).suffix, "text")
    return f"# {path}\n\n```{language}\n{(ROOT / path).read_text().rstrip()}\n```\n"


def on_files(files, config):
    """Adds what is linked to, and what that links to in turn."""
    waiting = [f"docs/{file.src_uri}" for file in files.documentation_pages()]
    added = set()
    while waiting:
        for path in outside(waiting.pop()) - added:
            added.add(path)
            waiting += [path] if path.endswith(".md") else []
    for path in sorted(added):
        uri = in_book(path)
        given = {"content": shown(path)} if uri != path else {"abs_src_path": str(ROOT / path)}
        files.append(File.generated(config, uri, inclusion=InclusionLevel.NOT_IN_NAV, **given))
    return files


def on_page_markdown(markdown, page, config, files):
    """Turns the links of a page and makes its fences ordinary; the builder complains of links that lead nowhere."""
    here = page.file.src_uri
    if here.endswith(".txt.md"):
        return markdown

    def turned(match):
        path = target(in_repository(here), match[2])
        link = posixpath.relpath(in_book(path), posixpath.dirname(here) or ".") if path else match[2]
        return match[1] + link + (match[3] or "") + match[4]

    return LINK.sub(turned, ATTRIBUTES.sub(r"\1", markdown))
