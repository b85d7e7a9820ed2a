"""What `mmn13 bench transfer` measured, as a table and in words."""

from typing import Any

from mmn13lib.writing.numbers import duration
from mmn13lib.writing.tables import markdown_table


def speed_table(measured: dict[str, Any]) -> str:
    """Show what the benchmark of question 3 measured.

    Parameters
    ----------
    measured
        As ``mmn13 bench transfer`` stored it.

    Returns
    -------
    str
        A Markdown table.
    """
    few, many = (f"{size / 1e9:.2f} GB" for size in measured["peak_memory"])
    images = measured["images"]
    rows = [
        (
            "features, from 32 x 32 images",
            f"{measured['extraction_images_per_second']:,.0f} images/s",
        ),
        (
            "the same network alone, on ready tensors",
            f"{measured['ready_images_per_second']:,.0f} images/s",
        ),
        (f"memory at most, {images:,} and {4 * images:,} images", f"{few} and {many}"),
        ("60,000 images' features on disk", f"{measured['feature_bytes'] / 1e6:.0f} MB"),
        ("training the head, 20 epochs on 45,000 features", duration(measured["head_seconds"])),
        ("20 epochs with stored features, in all (computed)", duration(measured["our_seconds"])),
        ("20 epochs the usual way (scaled up)", duration(measured["usual_seconds"])),
    ]
    return markdown_table(["measured", ""], rows)


def speed_text(measured: dict[str, Any]) -> str:
    """Say what storing the features gains, and how that was measured.

    Parameters
    ----------
    measured
        As ``mmn13 bench transfer`` stored it.

    Returns
    -------
    str
        Markdown, which refers to the table of `speed_table`.
    """
    hardware = measured["hardware"]
    length = "in a short run of " if measured["quick"] else "with "
    return (
        f"@tbl-q3-speed compares this with the usual way, in which every epoch sends every image "
        f"through PIL transforms, a DataLoader and the whole network: **{measured['speedup']:.0f} "
        f"times** the speed. A part of that is owed to transforms in batches, folded BatchNorm and "
        f"the precision ({measured['precision']}; the usual way was timed in float32). Measured on "
        f"{measured['date']} {length}`mmn13 bench transfer` ({hardware['cpu']}, "
        f"{hardware['cores']} cores, {measured['device']})."
    )
