package jsontext

// Value is a JSON value that hasn't been read yet. Its methods read it.
type Value struct{ r *Reader }

// String reads a string. null doesn't change to; this is so for all methods.
func (v Value) String(to *string) { ReadString(v.r, to) }

// Bool reads true or false.
func (v Value) Bool(to *bool) { ReadBool(v.r, to) }

// Int reads a number.
func (v Value) Int(to *int) { ReadInt(v.r, to) }

// Uint reads a non-negative number.
func (v Value) Uint(to *uint64) { ReadUint(v.r, to) }

// Strings reads an array of strings.
func (v Value) Strings(to *[]string) { ReadList(v.r, to, ReadString) }

// StringMap reads an object of strings.
func (v Value) StringMap(to *map[string]string) { ReadMap(v.r, to, ReadString) }

// List reads an array. It calls element for each element, which must read it.
func (v Value) List(element func(v Value)) {
	if !v.r.null() {
		v.r.array(func(r *Reader) { element(Value{r}) })
	}
}

// Object reads an object. It calls field for each key. field returns false, and doesn't
// read the value, if it doesn't know the key.
func (v Value) Object(field func(key string, v Value) bool) {
	v.r.Object(nil, func(r *Reader, key string) bool { return field(key, Value{r}) })
}

// DecodeObject reads a text that consists of one object, as Value.Object does. name is
// that of the file, for errors. The error is an *Error.
func DecodeObject(name string, content []byte, field func(key string, v Value) bool) error {
	r := NewReader(string(content), nil)
	return r.Document(name, func(r *Reader) { Value{r}.Object(field) })
}
