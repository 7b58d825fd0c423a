"""One whole task by keys alone: an account is found, and an adjustment of it is asked for."""

from typing import Any, Final

import pytest

from billing.accounts.models import Account
from billing.corrections.models import Adjustment
from billing.operators.roles import Role
from tests import factories
from tests.console.desk import Album, Desk, Sit, done
from tests.payments.peer.browser import CHROMIUM

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here."),
    pytest.mark.django_db(transaction=True),
]
TABS_MAX: Final = 30  # of a page's content, until what one wants
TO_SEARCH_MAX: Final = 5
# What has the focus, how it looks with it, and whether what had it before looks another way now.
_FOCUSED: Final = """(() => {
    const look = one => { const s = getComputedStyle(one);
        return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow].join(' ') };
    const one = document.activeElement, box = one.getBoundingClientRect(), last = window.walked;
    const outline = getComputedStyle(one).outlineStyle;
    window.walked = {one, look: look(one)};
    return {id: one.id, name: one.name || '', said: one.innerText.trim().split('\\n')[0],
        seen: outline !== 'none' && box.width > 0 && box.bottom > 0 && box.right > 0,
        plain: !last || last.one === one || look(last.one) !== last.look,
        later: !last || last.one === one  // a date has several parts
            || !!(last.one.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING),
        inside: !!one.closest('#content')} })()"""


class Keys:
    """Hands that touch no mouse."""

    def __init__(self, desk: Desk) -> None:
        self._browser = desk.browser

    def next(self) -> dict[str, Any]:
        """Go on to what has the focus next, and see that one sees it, and that it is further on."""
        self._browser.strike("Tab")
        found: Any = self._browser.run(_FOCUSED)
        assert found["seen"], f"nobody sees the focus at {found}"
        assert found["plain"], f"what is before {found} looks as if it had the focus still"
        assert found["later"], f"the focus went back to {found}"
        return dict(found)

    def walk_to(self, wanted: str, *, most: int = TABS_MAX) -> None:
        """Go on until that has the focus which has this id or name, or says so."""
        passed = []
        for _step in range(most):
            found = self.next()
            if wanted in (found["id"], found["name"], found["said"]):
                return
            passed.append(found)
        pytest.fail(f"{wanted} is not reached: {passed}")

    def skip(self) -> None:
        """Go past the sidebar: by the first key of a page, and the content is next."""
        self._browser.run("window.walked = null")
        assert self.next()["id"] == "skip"
        self._browser.strike("Enter")
        self._browser.run("window.walked = null")

    def type(self, text: str) -> None:
        """Type a text, key by key."""
        for letter in text:
            self._browser.strike("Space" if letter == " " else letter)

    def enter(self, *, leads: bool = True) -> None:
        """Press what has the focus."""
        self._browser.strike("Enter", leads=leads)


def test_an_adjustment_is_asked_for_by_keys_alone(ada: Account, sit: Sit) -> None:
    factories.give(ada, 20)
    sam = sit(Album("by-keys", in_handbook=False), "sam", Role.SUPPORT)
    keys = Keys(sam)
    keys.walk_to("text", most=TO_SEARCH_MAX)
    keys.type("ada")
    keys.enter()
    assert sam.browser.url.endswith(f"/admin/console/accounts/{ada.pk}/")

    keys.skip()
    assert keys.next()["inside"]
    keys.walk_to("Give or take credits")
    sam.look("where-the-focus-is")
    keys.enter()
    keys.skip()
    keys.walk_to("amount_micros")
    keys.type("2.5")
    keys.walk_to("reason")
    keys.type("m")  # for "mistake"
    keys.walk_to("text")
    keys.type("Ticket 7")
    keys.walk_to("do-look")
    keys.enter()
    assert "2.5 credits" in sam.reads("preview")
    assert not Adjustment.objects.exists()
    keys.walk_to("do-ask")  # the page begins at its content, as the one did that it answers
    sam.look("asking-by-keys", at="#preview")
    keys.enter()

    asked = Adjustment.objects.get()
    assert (asked.account, asked.amount_micros, asked.text) == (ada, 2_500_000, "Ticket 7")
    assert done() == [("sam", "adjustment.ask", asked.pk)]


def test_a_group_of_the_sidebar_unfolds_by_a_key_and_one_can_go_back(
    ada: Account, sit: Sit
) -> None:
    sam = sit(Album("sidebar-by-keys", in_handbook=False), "sam", Role.SUPPORT)
    keys = Keys(sam)
    keys.walk_to("Credits", most=12)
    keys.enter(leads=False)
    sam.wait_for("Adjustments", within="#nav-sidebar")
    keys.walk_to("Adjustments")
    sam.look("unfolded")
    sam.browser.strike("Tab", shifted=True)
    back: Any = sam.browser.run("document.activeElement.innerText.trim()")
    assert back != "Adjustments"
    sam.browser.strike("Tab")
    keys.enter()

    assert sam.browser.url.endswith("/admin/billing/adjustment/")
