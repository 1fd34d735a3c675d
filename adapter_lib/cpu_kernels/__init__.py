"""Cheaper linear layers on a CPU.

Inside `fast_kernels`, torch's own is taken over, so that the modules which transformers built stay
as they are. What is computed is the same, to rounding. Nothing here is for other devices.
"""

from adapter_lib.cpu_kernels.mode import fast_kernels as fast_kernels
from adapter_lib.cpu_kernels.products import has_fast_products as has_fast_products
