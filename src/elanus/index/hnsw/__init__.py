"""Graphs that faiss builds and walks (Malkov and Yashunin, 2016), under the coded ones of `hnsw_coded`."""
