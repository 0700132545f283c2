package jsontext

// Value is a JSON value that hasn't been read yet. Its methods read it.
type Value struct{ r *Reader }

// String reads a string. null leaves to as it is, here and below.
func (v Value) String(to *string) { ReadString(v.r, to) }

// Bool reads true or false.
func (v Value) Bool(to *bool) { ReadBool(v.r, to) }

// Int reads a number.
func (v Value) Int(to *int) { ReadInt(v.r, to) }

// Uint reads a number that isn't negative.
func (v Value) Uint(to *uint64) { ReadUint(v.r, to) }

// Strings reads an array of strings.
func (v Value) Strings(to *[]string) { ReadList(v.r, to, ReadString) }

// StringMap reads an object of strings.
func (v Value) StringMap(to *map[string]string) { ReadMap(v.r, to, ReadString) }

// List reads an array: it calls element for each element, which must read it.
func (v Value) List(element func(v Value)) {
	if !v.r.null() {
		v.r.array(func(r *Reader) { element(Value{r}) })
	}
}

// Object reads an object: it calls field for each key. field reports whether it knows
// the key, and reads the value only then.
func (v Value) Object(field func(key string, v Value) bool) {
	v.r.Object(nil, func(r *Reader, key string) {
		if !field(key, Value{r}) {
			r.skip()
		}
	})
}

// DecodeObject reads a file that holds one object, as Value.Object does. An error is
// an *Error.
func DecodeObject(name string, content []byte, field func(key string, v Value) bool) error {
	r := NewReader(string(content), nil)
	return r.Document(name, func(r *Reader) { Value{r}.Object(field) })
}
