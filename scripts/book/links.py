"""Adds linked files outside of docs/ to the book: a hook of the builder (properdocs.yml).

A Markdown file becomes a page, a picture is copied, and any other text becomes a page with the text in a code block.
Links are rewritten: docs/ is the top of the book, and every other file has its path in the repository. So the links of
the pages work in the repository and in the book alike. The attributes of fences are removed, since only tests read them
(tests/docs/fences.py) and the builder accepts just a language there.
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
    """The path in the repository of the target of a link; None if there is no such file. `page`: path of the page."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), link))
    return path if not path.startswith("..") and (ROOT / path).is_file() else None


def outside(page):
    """Paths of the linked files outside of docs/."""
    text = FENCE.sub("", (ROOT / page).read_text())
    found = {target(page, match[2]) for match in LINK.finditer(text)} - {None}
    return {path for path in found if in_book(path) in (path, f"{path}.txt.md")}


def shown(path):
    """A page with a text in a code block."""
    language = {".py": "python", ".sh": "sh", ".h": "c"}.get(Path(path).suffix, "text")
    return f"# {path}\n\n```{language}\n{(ROOT / path).read_text().rstrip()}\n```\n"


def on_files(files, config):
    """Adds the linked files, and the files linked from these."""
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
    """Rewrites the links of a page and makes its fences ordinary; the builder reports broken links."""
    here = page.file.src_uri
    if here.endswith(".txt.md"):
        return markdown

    def turned(match):
        path = target(in_repository(here), match[2])
        link = posixpath.relpath(in_book(path), posixpath.dirname(here) or ".") if path else match[2]
        return match[1] + link + (match[3] or "") + match[4]

    return LINK.sub(turned, ATTRIBUTES.sub(r"\1", markdown))
