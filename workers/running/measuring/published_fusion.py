"""AdapterFusion computed as it was published, to be timed beside the folded form.

Every adapter runs after the one before, at full width, and its output is multiplied with key and
value (Pfeiffer et al. 2021, equations 3 to 5, in AdapterHub's order). Same weights, same results.
"""

import torch
from torch import Tensor
from torch.nn import functional

from adapter_lib.modules.block_output import BlockOutput
from adapter_lib.modules.fusion import Fusion
from adapter_lib.transformer.architectures import Norm


class PublishedFusion(Fusion):
    """A fusion whose layers are not folded."""

    def after_feed_forward(
        self, layer: int, x: Tensor, residual: Tensor, norm: Norm, token_mask: Tensor
    ) -> Tensor:
        """Return the layer's output, (b, s, d). See `LayerAdapter`."""
        block = BlockOutput(x, residual, norm)
        if self._by_layer[layer] is None:
            return block.normed
        query = block.x if self.config.query_before_norm else None
        added = self._attended(layer, block.read(self._reads), query)
        return block.finish(added, self._arrangement)

    def _attended(self, layer: int, z: Tensor, query: Tensor | None) -> Tensor:
        """Return Σ_n p_n V u_n, (b, s, d), by way of every u_n, (b, s, n, d)."""
        of = self._by_layer[layer]
        assert of is not None
        outputs = torch.stack([bottleneck(z) for bottleneck in self._bottlenecks(layer)], dim=-2)
        q = z if query is None else query
        q = q if of.query is None else of.query(q)
        keys = outputs if of.key is None else of.key(outputs)
        scores = (keys @ q[..., None]).squeeze(-1)
        p = functional.dropout(scores, self.config.dropout, self.training).softmax(dim=-1)
        values = outputs if of.value is None else functional.linear(outputs, of.value)
        return (p.to(values.dtype)[..., None, :] @ values).squeeze(-2)
