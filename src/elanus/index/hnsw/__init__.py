"""Hierarchical navigable small world graphs (Malkov and Yashunin, 2016): built and searched by faiss."""
