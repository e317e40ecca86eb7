"""After a crash: removes the files that nothing names. What is named is never touched."""

from elanus.catalog.catalog import Catalog
from elanus.engine.collection import collection_prefix
from elanus.objectstore.store import ObjectStore
from elanus.storage.manifest import Manifest

__all__ = ["remove_unnamed_collections", "remove_unnamed_files"]


def remove_unnamed_collections(store: ObjectStore, catalog: Catalog) -> None:
    """Removes folders of collections that were dropped, or whose creation never reached the catalog."""
    named = catalog.read(lambda state: set(state.collections))
    for name in store.list_folders("collections"):
        if not name.isdigit() or int(name) not in named:
            store.delete_folder(f"collections/{name}")
    store.delete_leftovers("catalog")


def remove_unnamed_files(store: ObjectStore, manifest: Manifest) -> None:
    """Removes segments, delete files and index folders of one collection that its manifest does not name."""
    prefix = collection_prefix(manifest.collection_id)
    store.delete_leftovers(f"{prefix}/manifest")
    entries = {str(entry.segment_id): entry for entry in manifest.segments}
    for name in store.list_folders(f"{prefix}/segments"):
        folder = f"{prefix}/segments/{name}"
        entry = entries.get(name)
        if entry is None:
            store.delete_folder(folder)
            continue
        store.delete_leftovers(f"{folder}/deletes")
        named_deletes = {f"{folder}/{file.name}" for file in entry.deletes}
        for info in store.list_objects(f"{folder}/deletes"):
            if info.key not in named_deletes:
                store.delete(info.key)
        named_indexes = {str(index.index_id) for index in entry.indexes}
        for field_id in store.list_folders(f"{folder}/index"):
            for index_id in store.list_folders(f"{folder}/index/{field_id}"):
                if index_id not in named_indexes:
                    store.delete_folder(f"{folder}/index/{field_id}/{index_id}")
