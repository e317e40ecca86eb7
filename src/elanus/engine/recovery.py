"""At opening: removes the files that nothing names, and finds the ids that are taken."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from elanus.catalog.catalog import Catalog
from elanus.catalog.state import CatalogState
from elanus.engine.collection import collection_prefix
from elanus.objectstore.store import ObjectStore
from elanus.storage.manifest import Manifest

__all__ = ["ids_of_catalog", "ids_of_collection", "remove_unnamed_collections", "remove_unnamed_files"]


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


def ids_of_catalog(state: CatalogState) -> Iterator[int]:
    """Every id and timestamp that the catalog gave out."""
    for database in state.databases.values():
        yield from (database.database_id, database.created_timestamp)
    for collection in state.collections.values():
        yield from (collection.collection_id, collection.created_timestamp)


def ids_of_collection(manifest: Manifest) -> Iterator[int]:
    """Every id and timestamp that a collection gave out, but for those of rows, which the log knows."""
    yield from (manifest.collection_id, manifest.created_timestamp)
    for partition in manifest.partitions:
        yield from (partition.partition_id, partition.created_timestamp)
    for index in manifest.indexes:
        yield index.index_id
    for segment in manifest.segments:
        yield segment.segment_id
        yield from (int(PurePosixPath(file.name).stem) for file in segment.deletes)
