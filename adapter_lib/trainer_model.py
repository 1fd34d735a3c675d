"""An `AdapterModel` as transformers' `Trainer` calls one: tokens and labels in, a loss out.

`Trainer` needs the package `accelerate`.
"""

from typing import Self

from torch import Tensor, nn

from adapter_lib.model import AdapterModel
from adapter_lib.modules.fusion import Fusion
from adapter_lib.modules.losses import loss_of
from adapter_lib.transformer.batch import Batch


class TrainerModel(nn.Module):
    """Give this to `Trainer`, and save what it wraps with `save_adapter`.

    Attributes:
        model: what is trained.
    """

    def __init__(
        self, model: AdapterModel, *, drop_depth: int = 0, frozen_dropout: bool = False
    ) -> None:
        """Wrap a model.

        Args:
            drop_depth: of every batch.
            frozen_dropout: leave dropout on below the lowest adapter while training, as AdapterHub
                does.
        """
        super().__init__()
        self.model = model
        self._drop_depth = drop_depth
        self._frozen_dropout = frozen_dropout

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return `logits`, and `loss` where there are labels.

        Args:
            input_ids: like the next two (b, s), or (b, c, s) for multiple choice.
            labels: as `loss_of` takes them. A fusion's regularisation is part of the loss while
                training.
        """
        batch = Batch.from_encoding(
            {
                "input_ids": input_ids,
                "attention_mask": attention_mask,
                **({} if token_type_ids is None else {"token_type_ids": token_type_ids}),
            }
        )
        logits = self.model(batch, drop_depth=self._drop_depth)
        if labels is None:
            return {"logits": logits}
        kind = self.model.head.config.kind
        loss = loss_of(kind, logits, labels, token_mask=batch.token_mask)
        if self.training and isinstance(self.model.adapter, Fusion):
            loss = loss + self.model.adapter.regularisation_loss()
        return {"loss": loss, "logits": logits}

    def train(self, mode: bool = True) -> Self:
        """Switch dropout on, below the lowest adapter only for `frozen_dropout`, or off."""
        super().train(mode)
        if mode:
            self.model.backbone.eval()
            self.model.training = False  # or it would be taken for done
            self.model.train_from(self._drop_depth, frozen_dropout=self._frozen_dropout)
        return self
