"""Exchange with AdapterHub: read and write the folders of its library `adapters`, version 1.3.

- `reading` and `writing` hold the functions to call: adapter, head, fusion and whole set-up.
- `adapter_config`, `fusion_config` and `head_config` translate its configurations; a setting that
  this library cannot represent is refused by name, never ignored.
- `keys` knows the names of its tensors, `folders` its files.

AdapterHub's files name a base model but do not identify its weights. Loading checks the
architecture, every key and every shape; that it is the base it was trained on is left to the
caller.
"""
