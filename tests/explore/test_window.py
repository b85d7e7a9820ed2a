"""Question 1's figure to play with computes what the package computes, at any address."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from support.explored import needs_chromium, shown

from mmn13lib.q1_convolution.layer import Conv2d, patches

pytestmark = needs_chromium

IMAGE = [[1, 2, 0, 1, 3], [3, 1, 2, 0, 1], [0, 4, 1, 2, 0], [2, 0, 3, 1, 4], [1, 3, 0, 2, 1]]
DATA = {"image": IMAGE, "kernel": [[1, -1], [2, 0]], "position": 1, "caption": "On a screen.",
        "presets": {"blur": [[1 / 9] * 3] * 3}}  # fmt: skip
READ = """
    const texts = cells => cells.map(cell => cell.textContent.replace("−", "-"));
    return {
      title: figure.querySelector(".explore-drag").firstChild.textContent,
      image: figure.pixels.map(texts), columns: figure.patches.map(texts), sums: texts(figure.sums),
      output: figure.outputs.map(texts), call: figure.querySelector("code").textContent,
      unread: figure.pixels.map(row => row.map(cell => cell.classList.contains("unread"))),
      lit: figure.patches.map(row => row.findIndex(cell => cell.classList.contains("lit"))),
      facts: figure.querySelector(".explore-facts").textContent, settings: figure.settings,
    };
"""


def drawn(count: int) -> list[dict[str, Any]]:
    """Draw settings, each with the last position, at which every output is shown."""
    generator = random.Random(13)
    settings = []
    for _ in range(count):
        high, wide = generator.choices([1, 2, 3], k=2)
        stride, padding = generator.choice([1, 2, 3]), generator.choice([0, 1, 2])
        rows, columns = ((5 + 2 * padding - side) // stride + 1 for side in (high, wide))
        weights = generator.choices(range(-9, 10), k=9)
        settings.append({"kernel": (high, wide), "stride": stride, "padding": padding,
                         "weights": weights, "at": rows * columns - 1})  # fmt: skip
    return settings


def address(setting: dict[str, Any]) -> str:
    words = {**setting, "kernel": "{}x{}".format(*setting["kernel"])}
    words["weights"] = ",".join(map(str, setting["weights"]))
    return "#window?" + "&".join(f"{name}={value}" for name, value in words.items())


def numbers(rows: list[list[str]]) -> torch.Tensor:
    return torch.tensor([[float(text) for text in row] for row in rows])


def test_columns_and_outputs_are_those_of_the_layer_at_fifty_settings(tmp_path: Path) -> None:
    settings = drawn(50)
    pages = shown("window", DATA, list(map(address, settings)), READ, tmp_path)
    for setting, page in zip(settings, pages, strict=True):
        image = torch.tensor(IMAGE, dtype=torch.float32)[None, None]
        arguments = (setting["kernel"], setting["stride"], setting["padding"])
        layer = Conv2d(1, 1, *arguments)
        layer.bias.data.zero_()
        high, wide = setting["kernel"]
        layer.weight.data[0, 0] = torch.tensor(setting["weights"]).view(3, 3)[:high, :wide]
        output = layer(image)[0, 0]
        columns = patches(image, torch.Size(setting["kernel"]), *arguments[1:])[0]
        assert torch.equal(numbers(page["columns"]), columns)
        assert torch.equal(numbers(page["output"]), output)
        assert torch.equal(numbers([page["sums"]])[0], output.flatten())
        assert page["lit"] == [output.numel() - 1] * len(page["lit"])
        copied = eval(page["call"], {"Conv2d": Conv2d})
        assert (copied.kernel_size, copied.stride, copied.padding) == arguments
        for letter, size in zip("HW", output.shape, strict=True):
            assert f"{letter}out" in page["facts"] and f" {size}" in page["facts"]
        steps = [5 + 2 * setting["padding"] - side for side in setting["kernel"]]
        uneven = sum(step % setting["stride"] > 0 for step in steps)
        assert page["facts"].count("rounds down") == uneven
        assert page["title"] == ("image, padded" if setting["padding"] else "image")


def test_hatched_pixels_are_those_that_have_no_gradient(tmp_path: Path) -> None:
    settings = drawn(50)
    pages = shown("window", DATA, list(map(address, settings)), READ, tmp_path)
    for setting, page in zip(settings, pages, strict=True):
        padding, side = setting["padding"], 5 + 2 * setting["padding"]
        padded = torch.ones(1, 1, side, side, requires_grad=True)
        layer = Conv2d(1, 1, setting["kernel"], setting["stride"])
        layer.weight.data.fill_(1)
        layer(padded).sum().backward()
        assert padded.grad is not None
        assert page["unread"] == (padded.grad[0, 0] == 0).tolist()
        inside = [row[padding : side - padding] for row in page["image"][padding : side - padding]]
        assert torch.equal(numbers(inside), torch.tensor(IMAGE).float())


@pytest.mark.parametrize("name", ["window", "way-back"])
def test_nonsense_in_an_address_falls_back(tmp_path: Path, name: str) -> None:
    nonsense = ["", "#other?stride=3", f"#{name}", f"#{name}?kernel=9x9&stride=0&padding=-1",
                f"#{name}?kernel=2&at=1e9&weights=1,,x,4,5,6,7,8,9",
                f"#{name}?of=x99&view=<b>&at=-1",
                f"#{name}?of=y00&kernel=%%%&weights=1,2,3,4,5,6,7,8,Infinity"]  # fmt: skip
    data = {**DATA, "upstream": IMAGE, "size": [2, 1], "start": "x11"}
    if name == "way-back":
        data |= {"image": [row[:3] for row in IMAGE[:3]], "kernel": [row[:3] for row in IMAGE[:3]]}
    look = "return [figure.settings, figure.textContent.length]"
    pages = shown(name, data, nonsense, look, tmp_path)
    assert all(settings == pages[0][0] for settings, _ in pages)
    assert all(length > 100 for _, length in pages)


def test_the_figure_on_paper_gives_way_on_a_screen(tmp_path: Path) -> None:
    look = """
        const isShown = element => element.checkVisibility();
        const box = document.getElementById("fig-x");
        return [isShown(box.querySelector("img")), isShown(figure), box.contains(figure),
                box.querySelector("figcaption").innerText.trim()];
    """
    ((picture, figure, inside, caption),) = shown("window", DATA, [""], look, tmp_path)
    assert (picture, figure, inside) == (False, True, True)
    assert caption == "Figure 1.1: On a screen."


def test_the_slider_moves_it_and_presets_change_it(tmp_path: Path) -> None:
    look = """
        figure.slider.value = 5;
        figure.slider.dispatchEvent(new Event("input"));
        const found = [figure.settings.at, location.hash];
        [...figure.querySelectorAll("button")].find(each => each.textContent === "blur").click();
        found.push(figure.settings.kernel, figure.outputs[0][0].textContent);
        return found;
    """
    (found,) = shown("window", DATA, ["#window?at=0"], look, tmp_path)
    assert found[0] == 5
    assert found[1] == "#window?kernel=2x2&stride=1&padding=0&at=5&weights=1,-1,0,2,0,0,0,0,0"
    assert found[2:] == ["3x3", "1.556"]


def test_a_typed_weight_acts_at_once_and_an_empty_field_is_no_zero(tmp_path: Path) -> None:
    look = """
        const field = figure.querySelector("input[aria-label='weight 0, 0']"), found = [];
        field.focus();
        for (const typed of ["−2.", "", "−"]) {
          field.value = typed;
          field.dispatchEvent(new Event("input"));
          const {at, weights} = figure.settings;
          found.push([weights[0], at, document.activeElement === field, field.value]);
        }
        return found;
    """
    (found,) = shown("window", DATA, ["#window?at=3"], look, tmp_path)
    assert found == [[-2, 3, True, typed] for typed in ("−2.", "", "−")]


@pytest.mark.parametrize("menu", ["kernel", "stride", "padding"])
def test_another_geometry_begins_at_the_first_position(tmp_path: Path, menu: str) -> None:
    look = f"""
        const labels = [...figure.querySelectorAll("label")];
        const select = labels.find(each => each.textContent.startsWith("{menu}")).lastChild;
        select.selectedIndex = 1;
        select.dispatchEvent(new Event("change"));
        return [figure.settings.at, String(figure.shown.positions[figure.settings.at]),
                figure.say.textContent.slice(0, 15)];
    """
    (found,) = shown("window", DATA, ["#window?at=5"], look, tmp_path)
    assert found == [0, "0,0", "Window at (0,0)"]


def test_a_drag_brings_the_windows_middle_under_the_pointer(tmp_path: Path) -> None:
    look = """
        const point = (i, j) => {
          figure.scrollIntoView();
          const {left, top} = figure.pixels[i][j].getBoundingClientRect();
          const where = {bubbles: true, buttons: 1, clientX: left + 9, clientY: top + 9};
          figure.pixels[i][j].dispatchEvent(new PointerEvent("pointermove", where));
          return figure.shown.positions[figure.settings.at];
        };
        return [[0, 0], [2, 2], [1, 3], [4, 4], [3, 0]].map(at => point(...at));
    """
    small, apart = shown("window", DATA, ["#window?kernel=3x3", "#window?stride=3"], look, tmp_path)
    assert small == [[0, 0], [1, 1], [0, 2], [2, 2], [2, 0]]
    assert apart == [[0, 0], [0, 0], [0, 1], [1, 1], [1, 0]]
