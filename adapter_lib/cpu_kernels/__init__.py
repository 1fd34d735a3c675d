"""Cheaper kernels for what a transformer does most on a CPU.

Inside `fast_kernels`, torch's own functions are taken over, so that the modules which transformers
built stay as they are: linear layers, dropout and attention. `adapter_lib.residual` asks for
the sum with its norm. What is computed is the same, to rounding, and for dropout in distribution.
What is not compiled on a machine is left to torch's operations. Nothing here is for other devices.
"""

from adapter_lib.cpu_kernels.mode import are_active as are_active
from adapter_lib.cpu_kernels.mode import are_wanted as are_wanted
from adapter_lib.cpu_kernels.mode import fast_kernels as fast_kernels
from adapter_lib.cpu_kernels.mode import plain_kernels as plain_kernels
from adapter_lib.cpu_kernels.products import has_fast_products as has_fast_products
