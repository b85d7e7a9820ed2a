"""`_quarto.yml` and what it names: what both engines and the cache rely on."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from support.git import git, tracked_files

from mmn13lib.foundation.settings import Settings
from mmn13lib.rendering.book import read_book
from mmn13lib.rendering.execution import neutral_kernel

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return dict(yaml.safe_load((PROJECT / "_quarto.yml").read_text("utf-8")))


def test_every_chapter_is_listed_once_and_none_uses_what_an_engine_does_not_know() -> None:
    book = read_book(PROJECT)
    listed = [chapter.path for chapter in book.chapters]
    script = PROJECT / "report/video-script.qmd"  # of the video: a document of its own
    there = {PROJECT / "index.qmd", *PROJECT.glob("report/*.qmd")} - {script}
    assert sorted(listed) == sorted(there)


def test_the_hooks_are_files_of_this_package(config: dict[str, Any]) -> None:
    for name, argument in (("pre-render", "before"), ("post-render", "after")):
        file, given = config["project"][name].split()
        assert (PROJECT / file).is_file()
        assert given == argument


def test_a_plain_quarto_render_starts_kernels_without_personal_settings(tmp_path: Path) -> None:
    lines = (PROJECT / "_environment").read_text("utf-8").splitlines()
    variables = dict(line.split("=") for line in lines if not line.startswith("#"))
    folder = Settings(PROJECT).cache.relative_to(PROJECT) / "kernel"  # which the first hook makes
    expected = neutral_kernel(tmp_path)
    assert {name: Path(variables[name]).relative_to(folder) for name in expected} == {
        name: Path(path).relative_to(tmp_path) for name, path in expected.items()
    }


def test_quarto_builds_beside_the_finished_report(config: dict[str, Any]) -> None:
    built = PROJECT / config["project"]["output-dir"]
    assert built != Settings(PROJECT).report
    assert f"{built.name.split('.')[0]}.*/" in (PROJECT / ".gitignore").read_text("utf-8")


def test_both_formats_share_the_figure_options_or_chapters_would_run_twice(
    config: dict[str, Any],
) -> None:
    assert config["execute"]["cache"] is True
    assert config["execute"]["daemon"] is False  # a kernel would outlive its preview
    assert {"fig-format", "fig-width", "fig-height", "fig-dpi"} <= set(config)
    for options in config["format"].values():
        shared = [name for name in options if name.startswith("fig-")]
        assert not shared
        assert not set(options.get("execute", {})) - {"echo"}


def test_the_sites_first_page_links_to_the_notebook_that_is_made(config: dict[str, Any]) -> None:
    assert config["notebook"] == f"{config['book']['output-file']}.ipynb"
    partial = (PROJECT / config["format"]["html"]["template-partials"][0]).read_text("utf-8")
    # without the third word Quarto looks for a chapter of this name, and warns that there is none
    assert '<a href="$notebook$" download data-noresolveinput>' in partial


def test_the_site_needs_no_network(config: dict[str, Any]) -> None:
    html = config["format"]["html"]
    assert html["html-math-method"] == "mathml"
    for layers in html["theme"].values():
        own = [PROJECT / layer for layer in layers if layer.endswith(".scss")]
        assert any("$web-font-path: false" in file.read_text("utf-8") for file in own)


def test_whom_the_report_is_by_has_a_place_that_git_ignores(config: dict[str, Any]) -> None:
    assert set(config["student"]) == {"id", "video"}
    assert config["book"]["author"]
    # Quarto adds to .gitignore what it does not find there word for word
    ignored = (PROJECT / ".gitignore").read_text("utf-8").splitlines()
    wanted = {"/.quarto/", "**/*.quarto_ipynb", "/_*.local", "_quarto.yml.local"}
    assert wanted | {"/report/_dependencies/", "**/*.quarto_ipynb_*"} <= {*ignored}


def test_what_an_interrupted_quarto_render_leaves_is_ignored_and_sources_are_not() -> None:
    pages = {
        chapter.path.relative_to(PROJECT).as_posix() for chapter in read_book(PROJECT).chapters
    }
    left = {page.replace(".qmd", ending) for page in pages for ending in (".html", "_files/x.svg")}
    left |= {"site_libs/x.js", "index.typ", "index.pdf"}
    sources = {"report/title-block.html", "report/typst-show.typ", *pages}
    assert not {*tracked_files(PROJECT)} & left
    asked = git(PROJECT, "check-ignore", "--no-index", *sorted(left | sources))
    assert set(asked.split()) == left
