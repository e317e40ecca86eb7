"""FAISS: any index that faiss can make from a factory string."""
