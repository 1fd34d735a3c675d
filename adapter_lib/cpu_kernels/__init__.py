"""Faster linear layers on CPUs: oneDNN's products where torch would take slower ones.

Inside `fast_kernels`, `functional.linear` is taken over, so that the modules which transformers
built stay as they are. What is computed is the same, to rounding. Nothing here is for other
devices, and nothing but linear layers is here: attention, dropout and norms are torch's own.
"""

from adapter_lib.cpu_kernels.mode import fast_kernels as fast_kernels
from adapter_lib.cpu_kernels.products import has_fast_products as has_fast_products
