"""Cells that only the notebook has: they run, in seconds, the code that was just defined.

The chapters show what the training of an hour gave. In the video, and on a grader's machine, the
same functions are run on little, and what they say is held against the stored results.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class LiveCell:
    """A cell with a sentence before it.

    Parameters
    ----------
    label
        Its name.
    after
        The label of the chapter's cell that it follows.
    text
        Markdown to stand before it.
    code
        Python.
    """

    label: str
    after: str
    text: str
    code: str


ALSO_DEFINED = {"q3-dataset-code": ("mmn13lib.q3_transfer.data.datasets", "dataset")}
"""What a chapter's listing leaves out, but belongs to the answer: module and name."""

LIVE = (
    LiveCell(
        "q3-freezing-live",
        "q3-backbone-code",
        "**Run it.** Even after `model.train()` nothing but the head can change:",
        """\
model = TransferResNet.from_weights(results.inputs.weights).train()
takes_gradients = [
    name for name, weight in model.named_parameters() if weight.requires_grad
]
in_train_mode = [
    name for name, child in model.named_children() if child.training
]
assert takes_gradients == ["fc.weight", "fc.bias"]
assert in_train_mode == ["fc"]
print("takes gradients:", *takes_gradients)
print("in train mode:", *in_train_mode)""",
    ),
    LiveCell(
        "q3-training-live",
        "q3-training-code",
        "**Run it.** The same function, on the features of a few images only. The pretrained "
        "weights are too large to travel with the notebook, so the backbone's are random here; the "
        "results below come from all images. Afterwards nothing but the head has moved:",
        """\
import torch

from mmn13lib.q3_transfer.training.head import HeadSettings

before = {key: value.clone() for key, value in model.state_dict().items()}
few = range(min(50, len(dataset)))
batch = torch.stack([dataset[index][0] for index in few])
truth = torch.tensor([dataset.targets[index] for index in few])
fc, model.fc = model.fc, torch.nn.Identity()
with torch.no_grad():
    features = model(batch)
model.fc = fc
records = train_head(
    model.fc, features, truth, HeadSettings(num_epochs=100), seed=0
)
assert records[-1].train_loss < records[0].train_loss
moved = [
    key for key, value in model.state_dict().items()
    if not torch.equal(value, before[key])
]
assert moved == ["fc.weight", "fc.bias"]
print(f"{len(few)} images, features of shape {tuple(features.shape)}")
print(
    f"loss {records[0].train_loss:.3f} in the first epoch, "
    f"{records[-1].train_loss:.3f} in the last"
)
print("moved:", *moved)""",
    ),
    LiveCell(
        "q3-small-resnet-live",
        "q3-small-resnet-code",
        "**Run it.** What each block makes of one image, and the number of weights:",
        """\
small = SmallResNet(
    channels=tuple(results.experiment["small_resnet"]["channels"])
).eval()
shape = image[None]
print("image", tuple(shape.shape))
for number, block in enumerate(small.blocks, start=1):
    shape = block(shape)
    print(f"block {number}", tuple(shape.shape))
print("logits", tuple(small(image[None]).shape))
weights = sum(weight.numel() for weight in small.parameters())
assert weights == results.small_resnet.total_parameters
print(f"{weights:,} weights")""",
    ),
    LiveCell(
        "q3-small-resnet-training-live",
        "q3-small-resnet-training-code",
        "**Run it** on the same few images, for eight epochs; from scratch, everything may move:",
        """\
pixels, answers = datasets.as_tensors(dataset)
brief = SmallResNetSettings(num_epochs=8, batch_size=10, max_lr=0.02)
small, records = train_small_resnet(
    pixels[:50], answers[:50], brief, seed=0, device="cpu"
)
assert records[-1].train_loss < records[0].train_loss
print(
    f"loss {records[0].train_loss:.3f} in the first epoch, "
    f"{records[-1].train_loss:.3f} in the last"
)""",
    ),
    LiveCell(
        "q3-mistakes-live",
        "q3-mistakes-code",
        "**Run it** on what the new head said about every test image:",
        """\
worst = blatant_mistakes(
    results.head.test_logits, results.head.test_labels
)
assert [*worst] == [mistake["index"] for mistake in results.mistakes]
print("test images:", *worst)""",
    ),
)
