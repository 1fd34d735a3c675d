"""The claims of AdapterDrop and of Houlsby et al., measured again, each with its verdict."""
