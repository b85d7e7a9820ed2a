"""The README's pictures of the finished report: ``make pictures``.

``accuracy.svg`` is question 3's curves, from results on CIFAR-10 alone. ``pages.png`` is the first
page of each question's chapter, from the PDF by pdftoppm; below them what moves on the HTML pages,
by a headless Chromium. With ``--check``: a line if the chapters have changed since.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from matplotlib import pyplot as plt
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo
from pypdf import PdfReader

from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.answer.comparison import compare
from mmn13lib.q3_transfer.answer.figures import label_study
from mmn13lib.q3_transfer.answer.load import load

PROJECT = Path(__file__).parents[1]
REPORT = PROJECT / "_report"
PICTURE, CURVES = PROJECT / "report/pages.png", PROJECT / "report/accuracy.svg"
CHAPTERS = sorted(PROJECT.glob("report/q[0-9]-*.qmd"))
GREY, WIDTH, GAP = (221, 221, 221), 620, 16  # pixels
# the figures to play with; not the one that shows people's photographs
EXPLORED = ("mmn-window", "mmn-way-back")
ALONE = """<script>addEventListener("load", () => {{
  const style = {{position: "fixed", inset: 0, visibility: "visible", padding: "8px"}};
  Object.assign(document.querySelector("{name}").style, style);
  document.body.style.visibility = "hidden"; // the picture is longer than the viewport
}})</script>"""


def digest() -> str:
    """Return what the pictures are of: the chapters' text, and what moves in them."""
    sources = [*CHAPTERS, *sorted(PROJECT.glob("report/explore/*"))]
    whole = b"".join(path.read_bytes() for path in sources if path.is_file())
    return hashlib.sha256(whole).hexdigest()


def first_pages(pdf: Path) -> list[int]:
    """Return the page of each question's chapter, from 1."""
    texts = [" ".join(page.extract_text().split()) for page in PdfReader(pdf).pages]
    titles = [path.read_text("utf-8").split("# ", 1)[1].split("{")[0].strip() for path in CHAPTERS]
    return [
        next(at for at, text in enumerate(texts, 1) if f"{number} {title}" in text)
        for number, title in enumerate(titles, 1)
    ]


def page(pdf: Path, number: int, folder: Path) -> Image.Image:
    """Picture one page of the PDF."""
    options = ["-png", "-singlefile", "-scale-to-x", str(WIDTH), "-scale-to-y", "-1"]
    where = ["-f", str(number), "-l", str(number), str(pdf), str(folder / "page")]
    subprocess.run(["pdftoppm", *options, *where], check=True)
    return Image.open(folder / "page.png").convert("RGB")


def figure(html: Path, name: str, chromium: str, folder: Path) -> Image.Image | None:
    """Picture a figure to play with, alone on an HTML page; None if it is not there."""
    text = html.read_text("utf-8")
    if f"<{name}" not in text:
        return None
    alone = folder / "alone.html"
    alone.write_text(text + ALONE.format(name=name), "utf-8")
    subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         f"--window-size={WIDTH},{2 * WIDTH}", f"--screenshot={folder / 'figure.png'}",
         "--virtual-time-budget=3000", alone.as_uri()],
        check=True, capture_output=True,
    )  # fmt: skip
    shot = Image.open(folder / "figure.png").convert("RGB")
    box = ImageOps.invert(shot).getbbox()
    return shot.crop((0, 0, WIDTH, box[3] + 8)) if box else None


def mounted(rows: list[list[Image.Image]]) -> Image.Image:
    """Put rows of pictures, all of one width, under each other."""
    width = GAP + max(len(row) for row in rows) * (WIDTH + GAP)
    height = GAP + sum(max(image.height for image in row) + GAP for row in rows)
    whole = Image.new("RGB", (width, height), GREY)
    top = GAP
    for row in rows:
        for column, image in enumerate(row):
            whole.paste(image, (GAP + column * (WIDTH + GAP), top))
        top += max(image.height for image in row) + GAP
    return whole


def draw_curves() -> None:
    """Draw the accuracy against the number of labelled images, as chapter 3 does."""
    results = load(Settings.from_environment())
    if results.inputs.mode == "sample":
        print(f"{CURVES.relative_to(PROJECT)} stays: the sample's curves are not CIFAR-10's.")
        return
    plt.rcParams["svg.hashsalt"] = "the same file each time"
    label_study(results, compare(results)).savefig(CURVES, metadata={"Date": None})


def main() -> None:
    """Make the picture anew, or say that it is old."""
    if "--check" in sys.argv:
        if Image.open(PICTURE).info.get("chapters") != digest():
            print("report/pages.png shows older chapters: `make report`, then `make pictures`.")
        return
    pdf, html = REPORT / "mmn13.pdf", REPORT / "mmn13.html"
    if not pdf.exists() or shutil.which("pdftoppm") is None:
        sys.exit("This needs a finished report (make report) and pdftoppm (poppler-utils).")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows = [[page(pdf, number, folder) for number in first_pages(pdf)]]
        if chromium and html.exists():
            shots = [figure(html, name, chromium, folder) for name in EXPLORED]
            rows.append([shot for shot in shots if shot is not None])
        else:
            print("Without Chromium, or the built-in engine's HTML, only pages of the PDF.")
    draw_curves()
    about = PngInfo()
    about.add_text("chapters", digest())
    small = mounted([row for row in rows if row]).quantize(128)
    small.save(PICTURE, optimize=True, pnginfo=about)
    print(f"{PICTURE.relative_to(PROJECT)}: {PICTURE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
