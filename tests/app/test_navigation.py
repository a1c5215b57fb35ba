"""The one list of pages: complete, and without a page that is not there."""

from pathlib import Path

from leafscope.app import navigation

FOLDER = Path(navigation.__file__).resolve().parents[1] / "pages"


def test_every_script_has_one_entry() -> None:
    scripts = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
    assert sorted(page.name for page in navigation.PAGES) == scripts


def test_entries_name_scripts_titles_and_icons() -> None:
    entry = Path(navigation.__file__).resolve().parent
    for page in navigation.PAGES:
        assert (entry / page.path).resolve() == FOLDER / f"{page.name}.py"
        assert page.icon.startswith(":material/")
    assert len({page.title for page in navigation.PAGES}) == len(navigation.PAGES)
    assert len({page.icon for page in navigation.PAGES}) == len(navigation.PAGES)


def test_links_between_pages_lead_to_pages() -> None:
    links = {value for name, value in vars(navigation).items() if name.endswith("_PAGE")}
    assert links
    assert links <= {page.path for page in navigation.PAGES}
