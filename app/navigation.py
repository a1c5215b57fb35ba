"""The pages of the app: each is a script in `pages` and one entry here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """An entry of the navigation."""

    name: str
    """The script's name without `.py`; also the last part of the page's address."""
    title: str
    icon: str

    @property
    def path(self) -> str:
        """Path of the script relative to the app's entry script, as links name it."""
        return f"../pages/{self.name}.py"


PAGES = (
    Page("playground", "Playground", ":material/play_circle:"),
    Page("leaves", "Leaves", ":material/account_tree:"),
    Page("balance", "Balance", ":material/balance:"),
    Page("overfitting", "Overfitting", ":material/show_chart:"),
    Page("capacity", "Capacity", ":material/speed:"),
    Page("routing", "Routing", ":material/alt_route:"),
    Page("compare", "Compare", ":material/compare_arrows:"),
    Page("present", "Present", ":material/co_present:"),
    Page("runs", "Runs", ":material/list:"),
    Page("data", "Data", ":material/table:"),
)
"""All pages, in the order of the navigation."""

DEFAULT = PAGES[0]
"""The page that an address without a page opens."""

_BY_NAME = {page.name: page.path for page in PAGES}

PLAYGROUND_PAGE = _BY_NAME["playground"]
LEAVES_PAGE = _BY_NAME["leaves"]
OVERFITTING_PAGE = _BY_NAME["overfitting"]
COMPARE_PAGE = _BY_NAME["compare"]
PRESENT_PAGE = _BY_NAME["present"]
DATA_PAGE = _BY_NAME["data"]
"""Pages that others link to."""
