"""What a collection is: data types, fields, schemas, index definitions, and the rules they obey. Pure values."""
