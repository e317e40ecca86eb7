"""Which field a search is over, as far as an adapter must know to read the query vectors."""

from elanus.errors import InvalidInput, NotFound
from elanus.schema.collection import Schema
from elanus.schema.field import Field

__all__ = ["searched_field"]


def searched_field(schema: Schema, name: str) -> Field:
    """The vector field called `name`, or the only one when the name is empty.

    Raises:
        NotFound: there is no field of that name.
        InvalidInput: it is no vector field, or the name is empty and there are several.
    """
    vectors = schema.vector_fields
    names = ", ".join(field.name for field in vectors)
    if not name:
        if len(vectors) == 1:
            return vectors[0]
        raise InvalidInput(
            "invalid_argument", f"the collection has several vector fields ({names}); name one of them as anns_field"
        )
    field = schema.vector_member(name) or schema.find(name)
    if field is None:
        raise NotFound("field_not_found", f"no field {name!r} to search; the vector fields are {names}", field=name)
    if not field.is_vector:
        raise InvalidInput(
            "type_mismatch",
            f"field {name!r} is a {field.type_label()} and cannot be searched; the vector fields are {names}",
            field=name,
        )
    return field
