package jsontext

import "strconv"

// The functions of this file read one JSON value each into what v points to. null
// leaves it as it is, or makes it nil.

// ReadString reads a string, which shares the memory of the text.
func ReadString[T ~string](r *Reader, v *T) {
	if !r.null() {
		*v = T(r.string())
	}
}

// ReadBool reads true or false.
func ReadBool(r *Reader, v *bool) {
	switch {
	case r.null():
	case r.literal("true"):
		*v = true
	case r.literal("false"):
		*v = false
	default:
		r.mismatch("true or false")
	}
}

type signed interface{ ~int | ~int32 | ~int64 }

// ReadInt reads a number without fraction or exponent that T can hold.
func ReadInt[T signed](r *Reader, v *T) {
	if r.null() {
		return
	}
	at := r.pos
	token := r.number()
	if token == "" {
		return
	}
	n, err := strconv.ParseInt(token, 10, 64)
	if err != nil || int64(T(n)) != n {
		r.outOfRange(at, token+" is "+whyNot(err))
		return
	}
	*v = T(n)
}

type unsigned interface {
	~uint | ~uint16 | ~uint32 | ~uint64
}

// ReadUint reads a number without sign, fraction or exponent that T can hold.
func ReadUint[T unsigned](r *Reader, v *T) {
	if r.null() {
		return
	}
	at := r.pos
	token := r.number()
	if token == "" {
		return
	}
	n, err := strconv.ParseUint(token, 10, 64)
	if err != nil || uint64(T(n)) != n {
		if token[0] == '-' {
			r.outOfRange(at, token+" is negative")
			return
		}
		r.outOfRange(at, token+" is "+whyNot(err))
		return
	}
	*v = T(n)
}

func whyNot(err error) string {
	if ne, ok := err.(*strconv.NumError); ok && ne.Err == strconv.ErrSyntax {
		return "not an integer"
	}
	return "out of range"
}

// ReadOptional reads a value that may be absent. One that *v points to already is
// read into.
func ReadOptional[T any](r *Reader, v **T, read func(*Reader, *T)) {
	if r.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = new(T)
	}
	read(r, *v)
}

// ReadList reads an array. The list of an empty one is empty, not nil.
func ReadList[T any](r *Reader, v *[]T, read func(*Reader, *T)) {
	if r.null() {
		*v = nil
		return
	}
	*v = make([]T, 0, 8)
	r.array(func(r *Reader) {
		var element T
		*v = append(*v, element)
		read(r, &(*v)[len(*v)-1])
	})
}

// ReadMap reads an object whose keys are data, and adds its members to *v.
func ReadMap[T any](r *Reader, v *map[string]T, read func(*Reader, *T)) {
	if r.null() {
		*v = nil
		return
	}
	if *v == nil {
		*v = make(map[string]T)
	}
	r.Object(v, func(r *Reader, key string) bool {
		var element T
		read(r, &element)
		(*v)[key] = element
		return true
	})
}
