"""Cheaper kernels for what a transformer does most on a CPU.

Inside `fast_kernels`, torch's own functions are taken over, so that the modules which transformers
built stay as they are: linear layers, dropout and attention. What is computed is the same, to
rounding, and for dropout in distribution. Nothing here is for other devices.
"""

from adapter_lib.cpu_kernels.mode import are_wanted as are_wanted
from adapter_lib.cpu_kernels.mode import fast_kernels as fast_kernels
from adapter_lib.cpu_kernels.mode import plain_kernels as plain_kernels
from adapter_lib.cpu_kernels.products import has_fast_products as has_fast_products
