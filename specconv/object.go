package specconv

// Value is a JSON value on its way into memory, for the other files that a
// command reads: with the reader of config.json, and as quickly.
type Value struct{ r *reader }

// String reads a string; null leaves to as it is, here and below.
func (v Value) String(to *string) { readString(v.r, to) }

// Bool reads true or false.
func (v Value) Bool(to *bool) { readBool(v.r, to) }

// Int reads a number.
func (v Value) Int(to *int) { readInt(v.r, to) }

// Uint reads a number that isn't negative.
func (v Value) Uint(to *uint64) { readUint(v.r, to) }

// Strings reads an array of strings.
func (v Value) Strings(to *[]string) { readList(v.r, to, readString) }

// StringMap reads an object of strings.
func (v Value) StringMap(to *map[string]string) { readMap(v.r, to, readString) }

// List calls element for each element of an array.
func (v Value) List(element func(Value)) {
	var elements []struct{}
	readList(v.r, &elements, func(r *reader, _ *struct{}) { element(Value{r}) })
}

// Object calls field for each key. field returns false for one that it doesn't
// know, without having read its value.
func (v Value) Object(field func(key string, v Value) bool) {
	v.r.object(nil, func(r *reader, key string) {
		if !field(key, Value{r}) {
			r.skip()
		}
	})
}

// DecodeObject reads a file that holds one object. Errors begin with name, line
// and column.
func DecodeObject(name string, content []byte, field func(key string, v Value) bool) error {
	r := &reader{text: string(content)}
	return r.document(name, func(r *reader) { Value{r}.Object(field) })
}
